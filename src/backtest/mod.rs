//! Floor 10: how good the lists are, measured on purchases that the fit has not seen.
//!
//! **Protocol.** One global cut in time: everything is fitted on what lies before it, exactly as a run of that day would;
//! the truth is what each scored member bought in the horizon after it. Data without dates hides a column's rows or each
//! member's newest basket instead. Every method ranks the same items for the same members; lists that run out are filled
//! with the shop's most popular items. Explore figures come from a second list, without what the member has bought, for
//! every method alike. A member is one observation: intervals are bootstrapped over members.
//!
//! **Baselines.** Global popularity, recent popularity, personal frequency, item-kNN (BM25, as in `implicit`), TIFU-KNN
//! (Hu, He, Gao, Zhang 2020) with its published settings and tuned on the history's own tail, UP-CF (Faggioli, Polato,
//! Aiolli 2020).

mod basket_store;
mod cases;
mod future;
mod lists;
mod measure;
pub mod methods;
mod narrow;
mod results;
pub mod settings;
#[cfg(test)]
mod tests;

pub use basket_store::{BasketStore, Counts};
pub use cases::{Case, CaseRules, Cases};
pub use future::{Future, Window};
pub use lists::{LENGTH, ListEntry, MethodLists, rank_all};
pub use measure::{Beyond, LENGTHS, METRICS, Measured, Scope, applies, measure};
pub use methods::{Method, Ranker};
pub use narrow::{Narrowed, Narrowing, narrow};
pub use results::{
    FORMAT, Figure, FoldObservations, FoldResult, MethodResult, Results, ScopeResult, figures, fold_means,
};
pub use settings::{BacktestSettings, Baseline, Protocol, RawBacktest};
