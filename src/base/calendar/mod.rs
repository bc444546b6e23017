//! Festivals by rule and dates of the Chinese lunar calendar.
//!
//! Solar festivals have a fixed date; lunar ones follow the Chinese calendar of the crate `icu_calendar`, which agrees
//! with the published tables of the Purple Mountain and Hong Kong observatories for 1900 to 2100. Nothing here is a
//! table of years to be extended.

mod birthday;
mod festival;
mod festival_calendar;
mod lunar;

pub use birthday::{Birthday, age_on, born_on};
pub use festival::Festival;
pub use festival_calendar::FestivalCalendar;
pub use lunar::{LunarDate, lunar_to_solar};

/// First civil year the calendar answers for.
pub const FIRST_YEAR: i32 = 1900;
/// Last civil year the calendar answers for.
pub const LAST_YEAR: i32 = 2200;
