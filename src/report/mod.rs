//! Floor 11: what people read. HTML pages that stand on their own: one file, no network, no script, Chinese and English
//! in the same file, fit for print, for a phone and for a screen reader.
//!
//! ```
//! use nextoffer::report::{Page, Section, Text, svg::{Axis, LineChart, Series}, table::{Cell, Column, Table}, text};
//!
//! let curve = LineChart::new("k-curve", text("轮廓系数", "Silhouette"))
//!     .x(Axis::new(Text::same("k")).whole())
//!     .y(Axis::new(text("轮廓系数", "silhouette")))
//!     .series(Series::new(text("全部特征", "all features"), [(4.0, 0.21), (5.0, 0.26), (6.0, 0.24)]))
//!     .mark(5.0, text("所选", "chosen"));
//! let table = Table::new(text("各 k 的指标", "Figures by k"), [Column::text(Text::same("k")), Column::number(text("轮廓", "silhouette"))])
//!     .row([Cell::head(&Text::same("5")), Cell::number(0.26, 3)]);
//! let page = Page::new(text("选择 k", "Choosing k"))
//!     .section(Section::new("curves", text("曲线", "Curves")).with(curve.render()).with(table.render()));
//! assert!(page.render().starts_with("<!DOCTYPE html>"));
//! ```
//!
//! - [`Page`] is the file: title, key figures, sections, style. The reader's choice of language is two radio buttons and
//!   a style rule; [`Page::language`] says which is on at first.
//! - [`svg`] draws: lines with bands, horizontal bars with intervals and a base, small multiples against a base,
//!   scatter. Every drawing is a `figure` with a caption, a description and, folded up, its figures as a table.
//! - [`table`] makes tables with captions and header cells, bars within cells, and matrices that are shaded by value.
//!
//! Everything is a pure function of what it is given: same values, same bytes.

mod backtest;
pub mod gates;
mod map;
pub mod night;
mod page;
mod settings;
pub mod svg;
pub mod table;
mod text;
mod tune;

pub use backtest::backtest_page;
pub use map::{MapAxis, SegmentMap};
pub use page::{Language, Page, Section, note, paragraph};
pub use settings::{RawReport, ReportSettings};
pub use text::{Text, count, fixed, number, percent, signed, text};
pub use tune::{TuneResults, TunedSet, curves, tune_page};
