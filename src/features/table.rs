//! The raw feature values of a run: one column a feature and shard.

use super::{dictionary::FeatureDictionary, quantile::nearest_rank};

/// The values of one feature for the members of one shard; NaN is "missing".
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Counts, days and shares.
    Single(Vec<f32>),
    /// Money, and values of SQL features.
    Double(Vec<f64>),
}

impl Column {
    /// The value of a member; NaN is "missing".
    #[must_use]
    pub fn get(&self, member: usize) -> f64 {
        match self {
            Self::Single(values) => f64::from(values[member]),
            Self::Double(values) => values[member],
        }
    }

    pub(super) fn push(&mut self, value: f64) {
        match self {
            Self::Single(values) => values.push(value as f32),
            Self::Double(values) => values.push(value),
        }
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Single(values) => values.len(),
            Self::Double(values) => values.len(),
        }
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The raw values of one shard's members, in member order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ShardFeatures {
    /// Number of members.
    pub members: usize,
    /// One column a feature of the dictionary, each of length `members`.
    pub columns: Vec<Column>,
}

/// The raw feature values of all members, in (shard, member) order.
#[derive(Debug, Clone, Default)]
pub struct FeatureTable {
    dictionary: FeatureDictionary,
    shards: Vec<ShardFeatures>,
    /// `shards + 1` offsets of the shards' members.
    offsets: Vec<usize>,
    population_rhythm: Option<f64>,
}

impl FeatureTable {
    /// Puts the shards' values together and completes what needs all of them: the lateness of members without a rhythm
    /// of their own is against the median rhythm of all members, or of the model's if `population_rhythm` is given.
    #[must_use]
    pub fn new(dictionary: FeatureDictionary, shards: Vec<ShardFeatures>, population_rhythm: Option<f64>) -> Self {
        let mut offsets = Vec::with_capacity(shards.len() + 1);
        offsets.push(0);
        let mut members = 0;
        for shard in &shards {
            members += shard.members;
            offsets.push(members);
        }
        let mut table = Self { dictionary, shards, offsets, population_rhythm };
        table.complete_lateness();
        table
    }

    fn complete_lateness(&mut self) {
        let Some(rhythm) = self.dictionary.find("rhythm") else { return };
        if self.population_rhythm.is_none() {
            let mut known: Vec<f64> = self.values(rhythm).filter(|v| !v.is_nan()).collect();
            self.population_rhythm = nearest_rank(&mut known, 0.5);
        }
        let (Some(recency), Some(lateness), Some(usual)) =
            (self.dictionary.find("recency_days"), self.dictionary.find("lateness"), self.population_rhythm)
        else {
            return;
        };
        for shard in &mut self.shards {
            for member in 0..shard.members {
                if shard.columns[rhythm].get(member).is_nan() {
                    let value = (shard.columns[recency].get(member) / usual) as f32;
                    if let Column::Single(values) = &mut shard.columns[lateness] {
                        values[member] = value;
                    }
                }
            }
        }
    }

    /// What the columns are.
    #[must_use]
    pub fn dictionary(&self) -> &FeatureDictionary {
        &self.dictionary
    }

    /// The values by shard.
    #[must_use]
    pub fn shards(&self) -> &[ShardFeatures] {
        &self.shards
    }

    /// Number of members.
    #[must_use]
    pub fn members(&self) -> usize {
        self.offsets.last().copied().unwrap_or(0)
    }

    /// Row of a shard's first member.
    #[must_use]
    pub fn offset(&self, shard: usize) -> usize {
        self.offsets[shard]
    }

    /// Shard and index in the shard of a row.
    #[must_use]
    pub fn locate(&self, row: usize) -> (usize, usize) {
        let shard = self.offsets.partition_point(|o| *o <= row) - 1;
        (shard, row - self.offsets[shard])
    }

    /// The raw value of a feature of a member, `None` if missing.
    #[must_use]
    pub fn value(&self, feature: usize, shard: usize, member: usize) -> Option<f64> {
        let value = self.shards[shard].columns[feature].get(member);
        (!value.is_nan()).then_some(value)
    }

    /// All values of a feature in (shard, member) order; NaN is "missing".
    pub fn values(&self, feature: usize) -> impl Iterator<Item = f64> + '_ {
        self.shards.iter().flat_map(move |s| (0..s.members).map(move |m| s.columns[feature].get(m)))
    }

    /// All values of a feature by its name; see [`FeatureTable::values`].
    pub fn column(&self, name: &str) -> Option<impl Iterator<Item = f64> + '_> {
        self.dictionary.find(name).map(|feature| self.values(feature))
    }

    /// The median rhythm that members without one are measured against; `None` if nobody has a rhythm.
    #[must_use]
    pub fn population_rhythm(&self) -> Option<f64> {
        self.population_rhythm
    }
}
