//! The job's section `[backtest]`: as written and as checked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{
    Day,
    findings::{Findings, JobPath},
};

/// How `nextoffer backtest` measures the lists of this job. A run does not read it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawBacktest {
    /// Last day of the history, as YYYY-MM-DD; the truth is what members bought in the days after it. Left out: as many
    /// days before the end of the data as the horizon has. `--cut` goes before it.
    pub cut: Option<String>,
    /// Days of the truth. `--horizon` goes before it.
    pub horizon_days: u32,
    /// Cuts, a horizon apart: the given one and earlier ones. `--folds` goes before it.
    pub folds: u32,
    /// Hide each member's newest basket and predict it, instead of a cut in time: for data that has an order of baskets
    /// but no dates. `--last-basket` sets it.
    pub last_basket: bool,
    /// An SQL condition over the columns of the purchase lines' files that tells the truth, such as `split = 'future'`,
    /// instead of a cut in time. All other lines are the history.
    pub truth: Option<String>,
    /// An SQL condition for the lines that take part, history and truth alike, such as `quantity > 0`.
    pub filter: Option<String>,
    /// An SQL condition for the members that are scored, over the columns of the members table's files, or of the purchase
    /// lines' files if those have the columns. All members are fitted on. Left out: everyone with a truth.
    pub members: Option<String>,
    /// Baskets in the history that a scored member has at least. 0: members whom the history does not know are scored too;
    /// they get the generic list.
    pub min_baskets: u32,
    /// Baskets of the history that hold an item at least; items in fewer take no part, in the history nor in the truth.
    /// 0: every item takes part, and a truth that was never seen before counts as missed.
    pub min_item_baskets: u32,
    /// Most members to score; more are sampled, fixed by hash.
    pub max_members: u32,
    /// Resamples of the bootstrap over members.
    pub resamples: u32,
    /// Days at the end of the history that recent popularity counts.
    pub recent_days: u32,
    /// Newest baskets of each member that recent popularity counts where the data has no time.
    pub recent_baskets: u32,
    /// Neighbours of an item in item-kNN.
    pub item_neighbours: u32,
    /// Baselines that are measured too.
    pub baselines: Vec<Baseline>,
    /// Whether our lists are also measured as they are offered: with the policies of repeating, likeness and quotas
    /// (`[recommend] repeat`, `[decision.diversity]`, `max_per_category`). Left out: if the job declares any of these.
    pub as_offered: Option<bool>,
}

/// A method that others use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// What most baskets of the shop hold.
    Popular,
    /// The same over the last days.
    RecentPopular,
    /// What most of the member's own baskets hold, ties by popularity.
    Personal,
    /// Item-kNN over BM25 weights.
    ItemKnn,
    /// Item-kNN over cosines.
    ItemKnnCosine,
    /// TIFU-KNN with the settings published for Ta-Feng.
    TifuKnn,
    /// TIFU-KNN tuned on the history's tail.
    TifuKnnTuned,
    /// UP-CF with the published settings.
    UpCf,
}

impl Baseline {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Popular,
        Self::RecentPopular,
        Self::Personal,
        Self::ItemKnn,
        Self::ItemKnnCosine,
        Self::TifuKnn,
        Self::TifuKnnTuned,
        Self::UpCf,
    ];
}

impl Default for RawBacktest {
    fn default() -> Self {
        Self {
            cut: None,
            horizon_days: 30,
            folds: 1,
            last_basket: false,
            truth: None,
            filter: None,
            members: None,
            min_baskets: 1,
            min_item_baskets: 0,
            max_members: 20_000,
            resamples: 1000,
            recent_days: 30,
            recent_baskets: 2,
            item_neighbours: 200,
            baselines: Baseline::ALL.to_vec(),
            as_offered: None,
        }
    }
}

/// What is hidden from the fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// All after a day.
    Cut {
        /// Last day of the history; `None`: a horizon before the end of the data.
        day: Option<Day>,
    },
    /// The lines that a condition names.
    Column {
        /// The condition.
        truth: String,
    },
    /// Each member's newest basket.
    LastBasket,
}

/// `[backtest]`, checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BacktestSettings {
    /// What is hidden from the fit.
    pub protocol: Protocol,
    /// Days of the truth.
    pub horizon_days: u32,
    /// Cuts.
    pub folds: u32,
    /// Condition for the lines that take part.
    pub filter: Option<String>,
    /// Condition for the members that are scored.
    pub members: Option<String>,
    /// Baskets that a scored member has at least.
    pub min_baskets: u32,
    /// Baskets that hold an item at least.
    pub min_item_baskets: u32,
    /// Most members to score.
    pub max_members: u32,
    /// Resamples of the bootstrap.
    pub resamples: u32,
    /// Days that recent popularity counts.
    pub recent_days: u32,
    /// Newest baskets of each member that recent popularity counts where the data has no time.
    pub recent_baskets: u32,
    /// Neighbours of an item in item-kNN.
    pub item_neighbours: u32,
    /// Baselines, in their own order.
    pub baselines: Vec<Baseline>,
    /// Whether our lists are also measured as they are offered; `None`: if the job declares anything of them.
    pub as_offered: Option<bool>,
}

impl RawBacktest {
    /// Checks the section; every problem becomes a finding below `at`.
    pub fn check(&self, at: &JobPath, findings: &mut Findings) -> BacktestSettings {
        let day = self.cut.as_deref().and_then(|text| {
            let day = Day::parse(text);
            if day.is_none() {
                let message = format!("`{text}` is not a day");
                findings.error("backtest::bad_cut", at.key("cut"), message, "write a date like 2026-03-31");
            }
            day
        });
        let some = |text: &Option<String>| text.clone().filter(|t| !t.trim().is_empty());
        let protocol = match (some(&self.truth), self.last_basket) {
            (Some(_), true) => {
                let message = "`truth` and `last_basket` both say what the truth is";
                findings.error("backtest::two_truths", at.key("last_basket"), message, "keep one of them");
                Protocol::LastBasket
            }
            (Some(truth), false) => Protocol::Column { truth },
            (None, true) => Protocol::LastBasket,
            (None, false) => Protocol::Cut { day },
        };
        if self.cut.is_some() && !matches!(protocol, Protocol::Cut { .. }) {
            let message = "`cut` does nothing where `truth` or `last_basket` says what the truth is";
            findings.warn("backtest::idle_cut", at.key("cut"), message, "keep one of them");
        }
        let mut whole = |key: &str, value: u32, low: u32, high: u32| {
            if !(low..=high).contains(&value) {
                findings.error(
                    "backtest::out_of_range",
                    at.key(key),
                    format!("`{key}` is {value}, which is not between {low} and {high}"),
                    format!("write a value from {low} to {high}, or leave the key out"),
                );
            }
            value.clamp(low, high)
        };
        let mut baselines = self.baselines.clone();
        baselines.sort_unstable();
        baselines.dedup();
        BacktestSettings {
            protocol,
            horizon_days: whole("horizon_days", self.horizon_days, 1, 3650),
            folds: whole("folds", self.folds, 1, 100),
            filter: some(&self.filter),
            members: some(&self.members),
            min_baskets: whole("min_baskets", self.min_baskets, 0, 1_000_000),
            min_item_baskets: whole("min_item_baskets", self.min_item_baskets, 0, 1_000_000),
            max_members: whole("max_members", self.max_members, 1, 100_000_000),
            resamples: whole("resamples", self.resamples, 100, 100_000),
            recent_days: whole("recent_days", self.recent_days, 1, 3650),
            recent_baskets: whole("recent_baskets", self.recent_baskets, 1, 3650),
            item_neighbours: whole("item_neighbours", self.item_neighbours, 1, 1_000_000),
            baselines,
            as_offered: self.as_offered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> (BacktestSettings, Vec<(String, String)>) {
        let raw: RawBacktest = toml::from_str(text).unwrap();
        let mut findings = Findings::new();
        let settings = raw.check(&JobPath::root().key("backtest"), &mut findings);
        (settings, findings.into_iter().map(|f| (f.code.to_owned(), f.at.to_string())).collect())
    }

    #[test]
    fn every_fault_is_told() {
        let (settings, findings) = check("");
        assert_eq!(findings, []);
        assert_eq!(settings.protocol, Protocol::Cut { day: None });
        let (settings, findings) = check("cut = 'soon'\nhorizon_days = 0\nfolds = 0\nmax_members = 0\nresamples = 5");
        assert_eq!(settings.horizon_days, 1);
        let found: Vec<&str> = findings.iter().map(|f| f.1.as_str()).collect();
        let expected = ["cut", "horizon_days", "folds", "max_members", "resamples"].map(|k| format!("backtest.{k}"));
        assert_eq!(found, expected);
        let (_, findings) = check("truth = \"split = 'future'\"\nlast_basket = true\ncut = '2026-01-01'");
        let codes: Vec<&str> = findings.iter().map(|f| f.0.as_str()).collect();
        assert_eq!(codes, ["backtest::two_truths", "backtest::idle_cut"]);
        assert!(toml::from_str::<RawBacktest>("baselines = ['random']").is_err());
    }
}
