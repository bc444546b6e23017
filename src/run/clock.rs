//! How long each stage took. Goes to `timings.json`, which is outside the manifest, and to the screen.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::store::step;

/// One stage's time.
#[derive(Debug, Clone, Serialize)]
pub struct StageTime {
    /// The stage.
    pub stage: &'static str,
    /// Wall time in seconds.
    pub wall_s: f64,
    /// Processor time in seconds over all threads, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_s: Option<f64>,
    /// Largest memory of the process so far in bytes, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_bytes: Option<u64>,
}

/// The stages of a run, one after the other.
#[derive(Debug)]
pub struct Stages {
    done: Vec<StageTime>,
    began: Instant,
    began_cpu: Option<Duration>,
    start: Instant,
}

impl Default for Stages {
    fn default() -> Self {
        let now = Instant::now();
        Self { done: Vec::new(), began: now, began_cpu: cpu(), start: now }
    }
}

impl Stages {
    /// The stage that is going on ends here under this name; the next begins.
    pub fn end(&mut self, stage: &'static str) {
        // A stage has no error of its own; a test ends the process here.
        let _ = step("stage.end");
        let (now, now_cpu) = (Instant::now(), cpu());
        let cpu_s = now_cpu.zip(self.began_cpu).map(|(to, from)| to.saturating_sub(from).as_secs_f64());
        let wall_s = (now - self.began).as_secs_f64();
        self.done.push(StageTime { stage, wall_s: round(wall_s), cpu_s: cpu_s.map(round), peak_bytes: peak() });
        (self.began, self.began_cpu) = (now, now_cpu);
    }

    /// The stages so far.
    #[must_use]
    pub fn times(&self) -> &[StageTime] {
        &self.done
    }

    /// Wall time since the first stage began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// The time in seconds since 1970: for metrics, which are outside the manifest.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "tells watchers when a run ended; nothing in a result comes from it")]
pub fn now_seconds() -> f64 {
    jiff::Timestamp::now().as_millisecond() as f64 / 1000.0
}

/// The time as RFC 3339: for events, which are outside the manifest.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "tells watchers when a run ended; nothing in a result comes from it")]
pub fn now_text() -> String {
    jiff::Timestamp::now().round(jiff::Unit::Millisecond).unwrap_or_default().to_string()
}

fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// Processor time of the process: fields 14 and 15 of `/proc/self/stat`, in hundredths of a second.
fn cpu() -> Option<Duration> {
    let stat = crate::store::atomic::read(std::path::Path::new("/proc/self/stat")).ok()??;
    let text = String::from_utf8_lossy(&stat);
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

/// Largest resident set of the process: `VmHWM` of `/proc/self/status`.
fn peak() -> Option<u64> {
    let status = crate::store::atomic::read(std::path::Path::new("/proc/self/status")).ok()??;
    let text = String::from_utf8_lossy(&status);
    let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}
