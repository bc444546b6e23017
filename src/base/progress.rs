//! How long work tells what it is doing, without knowing who listens.

/// A listener for the progress of a run: a terminal bar, plain lines, or nothing.
pub trait Progress: Send + Sync {
    /// A stage begins; `total` units of work are expected, if known.
    fn start(&self, stage: &'static str, total: Option<u64>);
    /// `units` more are done.
    fn advance(&self, units: u64);
    /// The stage is over; `note` says in a few words what came of it.
    fn finish(&self, note: &str);
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _stage: &'static str, _total: Option<u64>) {}
    fn advance(&self, _units: u64) {}
    fn finish(&self, _note: &str) {}
}
