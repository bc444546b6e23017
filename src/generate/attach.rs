//! What really came of the planted attachment probabilities.

use super::departments::ATTACHMENTS;

/// Per attachment: devices seen long enough, and how many of them got the accessory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct AttachCounts {
    counts: [(u64, u64); ATTACHMENTS.len()],
}

impl AttachCounts {
    pub(super) fn record(&mut self, attachment: usize, attached: bool) {
        self.counts[attachment].0 += 1;
        self.counts[attachment].1 += u64::from(attached);
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (own, more) in self.counts.iter_mut().zip(&other.counts) {
            own.0 += more.0;
            own.1 += more.1;
        }
    }

    /// Devices and attached ones of an attachment.
    pub(super) fn of(&self, attachment: usize) -> (u64, u64) {
        self.counts[attachment]
    }
}
