//! Progress: a bar a stage where people watch, a plain or JSON line a stage elsewhere.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{logging::LogFormat, terminal};
use crate::base::progress::{Progress, Silent};

/// The listener for this terminal and these options.
pub(super) fn listener(quiet: bool, format: LogFormat) -> Box<dyn Progress> {
    match (quiet, format) {
        (true, _) => Box::new(Silent),
        (false, LogFormat::Text) if terminal::is_watched() => Box::new(Bars::default()),
        (false, _) => Box::new(Lines { format, going: Mutex::new(None) }),
    }
}

/// A bar a stage.
#[derive(Default)]
struct Bars(Mutex<Option<(&'static str, ProgressBar, Instant)>>);

impl Progress for Bars {
    fn start(&self, stage: &'static str, total: Option<u64>) {
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), "  {msg:<11} [{bar:30}] {human_pos}/{human_len} {elapsed}"),
            None => (ProgressBar::new_spinner(), "  {msg:<11} {spinner} {elapsed}"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(stage);
        bar.enable_steady_tick(Duration::from_millis(120));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((stage, bar, Instant::now()));
    }

    fn advance(&self, units: u64) {
        if let Some((_, bar, _)) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            bar.inc(units);
        }
    }

    fn finish(&self, note: &str) {
        if let Some((stage, bar, began)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
            terminal::complain(&format!("  {stage:<11} {note} ({:.1} s)\n", began.elapsed().as_secs_f64()));
        }
    }
}

/// A line a stage.
struct Lines {
    format: LogFormat,
    going: Mutex<Option<(&'static str, Instant)>>,
}

impl Progress for Lines {
    fn start(&self, stage: &'static str, _total: Option<u64>) {
        *self.going.lock().unwrap_or_else(PoisonError::into_inner) = Some((stage, Instant::now()));
    }

    fn advance(&self, _units: u64) {}

    fn finish(&self, note: &str) {
        if let Some((stage, began)) = self.going.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let seconds = (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
            match self.format {
                LogFormat::Text => terminal::complain(&format!("  {stage:<11} {note} ({seconds:.1} s)\n")),
                LogFormat::Json => tracing::info!(stage, seconds, "{note}"),
            }
        }
    }
}
