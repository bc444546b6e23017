//! The pipeline as a whole: what a job makes of a shop, for any machine, and of a shop that is broken.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests read what runs wrote and fail by panicking")]
#![expect(clippy::disallowed_macros, reason = "tests say what they skip and what they measured")]

mod asked;
mod backtest;
mod broken;
mod cdnow;
mod command;
mod contract;
mod corrupt;
mod crm;
mod delta;
mod demo;
mod floors;
mod forget;
mod gates;
mod hostile;
mod identity;
mod init;
mod inputs;
mod kinds;
mod law;
mod ledger;
mod lineage;
mod lists;
mod nights;
mod object_store;
mod online_retail;
mod page;
mod personas;
mod planted;
mod rollback;
mod safety;
mod stability;
mod support;
mod tuning;
mod uplift;
mod watch;
mod what_to_offer;
