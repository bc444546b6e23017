//! nextoffer segments the members of a loyalty programme and decides their next best offers, from purchase-history
//! Parquet to files a CRM imports.
//!
//! ```text
//!  Parquet ─► clean, check, quarantine ─► shards by member hash ──► fit: per-shard statistics, added up ─► model
//!  (lines, items, members,                (fixed number, fixed         item popularity, rebuy, transitions,
//!   consent, contacts)                     hash: same everywhere)      attach rates, intervals, scaling, centroids
//!                                               │                                        │
//!                                               └──────────► apply(model): per shard ◄───┘
//!                                       features → segment, tags → candidates → eligible offers
//!                                                               ▼
//!                staging folder: segments, tags, offers, model, CRM files, manifest ─► atomic publish
//! ```
//!
//! **Words.** A *member* buys *items* in *orders* of *lines*; a member's lines, oldest first, are the *history*. A
//! *shard* holds the histories of the members whose hashed id falls in one bucket. A *feature* is a number about a member,
//! a *segment* a k-means cluster with a lasting id, a *tag* a code on a member. A *candidate* is an item with a score and
//! a reason; an *offer* a row of the shop's catalogue of offers, of one *kind*; a *decision* is what a member gets in a
//! *slot*. A *job* is the file that says all this; a *run* is a job on one as-of day.
//!
//! **Floors.** A folder uses only folders on lower floors; folders on one floor do not see each other. A test holds it.
//!
//! | floor | folders |
//! |---|---|
//! | 0 | [`base`] |
//! | 1 | [`store`] |
//! | 2 | [`engine`] |
//! | 3 | [`input`] |
//! | 4 | [`history`] |
//! | 5 | [`kmeans`], [`evaluate`] |
//! | 6 | [`features`], [`items`] |
//! | 7 | [`segments`] |
//! | 8 | [`recommend`] |
//! | 9 | [`offers`] |
//! | 10 | [`backtest`], [`export`], [`gates`], [`generate`] |
//! | 11 | [`report`] |
//! | 12 | [`job`] |
//! | 13 | [`run`] |
//! | 14 | [`cli`] |

pub mod backtest;
pub mod base;
pub mod cli;
pub mod engine;
pub mod evaluate;
pub mod export;
pub mod features;
pub mod gates;
pub mod generate;
pub mod history;
pub mod input;
pub mod items;
pub mod job;
pub mod kmeans;
pub mod offers;
pub mod recommend;
pub mod report;
pub mod run;
pub mod segments;
pub mod store;
