//! What is wrong with a real shop's rows, planted at known rates and counted.

/// Largest number of days a row may lie after the last day of the history.
pub(super) const FUTURE_DAYS: i32 = 10;

/// Probabilities, by purchase line unless said otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct DirtRates {
    /// An exact copy follows.
    pub(super) duplicate: f64,
    /// By browsed order: nobody showed a membership.
    pub(super) null_member: f64,
    /// By browsed order: dated after the last day.
    pub(super) future: f64,
    /// A fee row is in the order too.
    pub(super) fee: f64,
    /// Price of zero.
    pub(super) zero_price: f64,
    /// An item the items table does not know.
    pub(super) unknown_item: f64,
    /// A return of an item the member never bought.
    pub(super) unmatched_return: f64,
    /// Scale of the leaves' own return rates.
    pub(super) returns: f64,
}

impl DirtRates {
    /// Realistic rates times `scale`; returns are part of any real shop, and absent only at scale 0.
    pub(super) fn scaled(scale: f64) -> Self {
        Self {
            duplicate: 0.004 * scale,
            null_member: 0.012 * scale,
            future: 0.0015 * scale,
            fee: 0.006 * scale,
            zero_price: 0.0015 * scale,
            unknown_item: 0.0010 * scale,
            unmatched_return: 0.0005 * scale,
            returns: scale.min(1.0),
        }
    }
}

/// Rows planted, by what is wrong with them; each row counts once. Exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PlantedRows {
    /// All rows of the transactions table.
    pub rows: u64,
    /// Rows without a member id.
    pub null_member: u64,
    /// Rows dated after the last day.
    pub after_last_day: u64,
    /// Extra exact copies of another row.
    pub duplicate: u64,
    /// Rows whose item is a fee.
    pub not_merchandise: u64,
    /// Purchase rows with a price of zero.
    pub zero_price: u64,
    /// Rows whose item is in no items table.
    pub unknown_item: u64,
    /// Returns of something the member had bought before.
    pub matched_return: u64,
    /// Returns of something the member never bought.
    pub unmatched_return: u64,
    /// Everything else: ordinary purchases.
    pub purchase: u64,
}

impl PlantedRows {
    /// Adds another count.
    pub(super) fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.null_member += other.null_member;
        self.after_last_day += other.after_last_day;
        self.duplicate += other.duplicate;
        self.not_merchandise += other.not_merchandise;
        self.zero_price += other.zero_price;
        self.unknown_item += other.unknown_item;
        self.matched_return += other.matched_return;
        self.unmatched_return += other.unmatched_return;
        self.purchase += other.purchase;
    }

    /// Rows that cleaning keeps when it drops no unknown items: purchases, unknown items and returns.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.purchase + self.unknown_item + self.matched_return + self.unmatched_return
    }
}
