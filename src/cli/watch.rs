//! Those who watch a run from outside: a metrics file, a lineage file, a heartbeat. What fails here is said and fails no run.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use super::terminal::complain;
use crate::{
    gates::GateResult,
    job::Job,
    run::{
        self, ExitCode, Lineage, LineageEvent, RunSummary, failure_metrics, now_seconds, now_text, read_metrics,
        success_metrics, write_metrics,
    },
};

/// How a run ended.
#[derive(Debug, Default)]
pub(super) struct End {
    /// What it came to, if it was published.
    pub(super) summary: Option<Box<RunSummary>>,
    /// What kept it from that.
    pub(super) error: Option<String>,
    /// The gates, where one of them refused it.
    pub(super) gates: Vec<GateResult>,
}

/// The watchers of a run that is going on.
pub(super) struct Watch<'a> {
    job: &'a str,
    metrics: Option<&'a Path>,
    lineage: Option<(&'a Path, Lineage)>,
    ping: Option<&'a str>,
}

impl<'a> Watch<'a> {
    /// Tells them that the run begins.
    pub(super) fn start(
        job: &'a Job,
        out: Option<&str>,
        metrics: Option<&'a Path>,
        lineage: Option<&'a Path>,
        ping: Option<&'a str>,
    ) -> Self {
        let place = |text: &str, base: &Path| match text.contains("://") {
            true => text.to_owned(),
            false => std::path::absolute(base.join(text)).unwrap_or_else(|_| PathBuf::from(text)).display().to_string(),
        };
        let inputs = job.inputs().tables().flat_map(|(table, source)| {
            source.paths().iter().map(move |path| (table.name().to_owned(), place(path, job.folder())))
        });
        let output = out.map_or_else(|| place(job.out(), job.folder()), |out| place(out, Path::new(".")));
        let lineage = lineage.map(|file| (file, Lineage::new(job.name(), inputs.collect(), &output)));
        let watch = Self { job: job.name(), metrics, lineage, ping };
        watch.event(LineageEvent::Start);
        watch.ping("start");
        watch
    }

    /// Tells them how it ended.
    pub(super) fn end(&self, code: ExitCode, end: &End) {
        match (&end.summary, &end.error) {
            (Some(summary), _) => self.event(LineageEvent::Complete(&summary.manifest)),
            (None, Some(error)) => self.event(LineageEvent::Fail(error)),
            // A dry run, or a run that is there already: what began has ended, and there is no more to say.
            (None, None) => self.event(LineageEvent::Fail("nothing was published")),
        }
        if let Some(file) = self.metrics
            && code != ExitCode::AlreadyPublished
        {
            let text = match &end.summary {
                Some(summary) => success_metrics(summary, now_seconds()),
                None => failure_metrics(self.job, code, &end.gates, &read_metrics(file), now_seconds()),
            };
            if let Err(error) = write_metrics(file, &text) {
                complain(&format!("warning: the metrics file was not written: {}\n", super::terminal::chain(&error)));
            }
        }
        self.ping(&(code as u8).to_string());
    }

    fn event(&self, event: LineageEvent<'_>) {
        let Some((file, lineage)) = &self.lineage else { return };
        let line = lineage.line(event, &now_text());
        let mut options = std::fs::OpenOptions::new();
        options.append(true).create(true);
        #[expect(clippy::disallowed_methods, reason = "appends to a log of the operator's, outside of the run")]
        let opened = options.open(file);
        if let Err(error) = opened.and_then(|mut file| file.write_all(line.as_bytes())) {
            complain(&format!("warning: {}: {error}\n", file.display()));
        }
    }

    fn ping(&self, what: &str) {
        if let Some(url) = self.ping
            && let Err(error) = run::ping(url, what)
        {
            complain(&format!("warning: the heartbeat was not heard: {error}\n"));
        }
    }
}
