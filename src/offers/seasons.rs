//! Offers of a festival or a season: their window now and in earlier years.

use super::{
    parameters::Season,
    programme::{OccasionWindow, Programme},
    proposal::Target,
    settings::Offer,
    subjects::{SubjectKind, Subjects},
};
use crate::base::{Day, Findings, findings::JobPath};

/// Earlier years that are looked at.
const YEARS_BACK: i32 = 3;

/// What a festival or season makes of an offer.
pub(super) struct Bound {
    /// The window that is open or comes next.
    pub(super) window: Option<OccasionWindow>,
    /// Those of earlier years, the newest first.
    pub(super) earlier: Vec<OccasionWindow>,
    /// The festival, or the cause.
    pub(super) subject: Target,
    /// Whether there is a window at all, for offers that need one.
    pub(super) in_time: bool,
}

/// Narrows an offer's window to that of its festival or season that is open on `first` or comes next. A holiday that is
/// kept in some cities only narrows the offer's cities.
pub(super) fn bind(
    offer: &mut Offer,
    programme: &Programme,
    subjects: &mut Subjects,
    first: Day,
    at: &JobPath,
    findings: &mut Findings,
) -> Bound {
    let cause = offer.parameters.cause.clone();
    let mut bound = Bound { window: None, earlier: Vec::new(), subject: Target::None, in_time: true };
    if let Some(cause) = cause {
        bound.subject = subjects.add(SubjectKind::Cause, &cause, &cause, &cause);
    }
    let windows;
    if let Some(occasion) = offer.parameters.festival.as_ref().and_then(|code| programme.occasion(code)) {
        bound.subject = subjects.add(SubjectKind::Occasion, &occasion.code, &occasion.names[0], &occasion.names[1]);
        windows = occasion.windows(first.plus(-366 * (YEARS_BACK + 1)), first.plus(732));
        if !occasion.cities.is_empty() && offer.cities.is_empty() {
            offer.cities = occasion.cities;
        }
    } else if let Some(season) = offer.parameters.season.or_else(|| yearly(offer)) {
        windows = season_windows(season, first);
    } else {
        return bound;
    }
    let from = offer.starts.unwrap_or(first).max(first);
    bound.window = windows.iter().copied().find(|w| w.last >= from);
    let Some(window) = bound.window else {
        let message = format!("nobody can get `{}`: its festival does not come again", offer.id);
        findings.warn("offers::nobody", at.key("festival"), message, "give the holiday dates that lie ahead");
        bound.in_time = false;
        return bound;
    };
    bound.earlier = windows.iter().rev().copied().filter(|w| w.last < window.first && w.last < first).collect();
    bound.earlier.truncate(YEARS_BACK as usize);
    offer.starts = Some(offer.starts.map_or(window.first, |s| s.max(window.first)));
    offer.ends = Some(offer.ends.map_or(window.last, |e| e.min(window.last)));
    bound
}

/// The window of an offer of a kind that returns every year, as a season.
fn yearly(offer: &Offer) -> Option<Season> {
    let (starts, ends) = (offer.starts?, offer.ends?);
    let of = |day: Day| {
        let (_, month, day) = day.ymd();
        (month, day)
    };
    (offer.kind.returns_yearly() && (0..365).contains(&ends.since(starts)))
        .then(|| Season { from: of(starts), until: of(ends) })
}

/// The windows of a yearly season around `first`, oldest first. 29 February falls on the 28th in common years.
fn season_windows(season: Season, first: Day) -> Vec<OccasionWindow> {
    let year = i32::from(first.ymd().0);
    let day = |year: i32, (month, day): (i8, i8)| {
        let year = i16::try_from(year).ok()?;
        Day::from_ymd(year, month, day).or_else(|| Day::from_ymd(year, month, day.min(28)))
    };
    (year - YEARS_BACK - 2..=year + 1)
        .filter_map(|year| {
            let from = day(year, season.from)?;
            let until = day(if season.until < season.from { year + 1 } else { year }, season.until)?;
            Some(OccasionWindow { first: from, day: from, last: until })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seasons_over_the_turn_of_the_year() {
        let at = |text: &str| Day::parse(text).unwrap();
        let winter = Season { from: (11, 15), until: (2, 29) };
        let windows = season_windows(winter, at("2026-01-10"));
        let now = windows.iter().find(|w| w.last >= at("2026-01-10")).unwrap();
        assert_eq!((now.first, now.last), (at("2025-11-15"), at("2026-02-28")));
        assert!(windows.iter().any(|w| w.first == at("2023-11-15") && w.last == at("2024-02-29")));
    }
}
