//! What the shop says of its loyalty programme, its calendar and its cities: `[loyalty]`, `[calendar]`, `[cities]`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parameters::month_day;
use crate::base::{
    Currency, Day, Findings, Minor,
    calendar::{Festival, LAST_YEAR, LunarDate},
    cities::CityTiers,
    findings::{JobPath, nearest},
};

/// The loyalty programme.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLoyalty {
    /// The tiers, the lowest first, with what each asks for.
    #[serde(default)]
    pub tiers: Vec<RawTier>,
    /// What the spend of a tier is counted over: `calendar_year`, `membership_year` (from the day of joining) or
    /// `rolling`.
    #[serde(default)]
    pub period: TierPeriod,
    /// Length of a rolling period in days (365).
    pub window_days: Option<u32>,
}

/// A loyalty tier.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTier {
    /// As `loyalty_tier` of the members table has it.
    pub code: String,
    /// Name in Chinese; default: the code.
    pub zh: Option<String>,
    /// Name in English; default: the code.
    pub en: Option<String>,
    /// Net spend within the period that the tier asks for, in major units.
    pub spend: Option<f64>,
    /// Points balance that the tier asks for, where it is points that count.
    pub points: Option<i64>,
}

/// What the spend of a tier is counted over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TierPeriod {
    /// From 1 January to 31 December.
    #[default]
    CalendarYear,
    /// From one return of the day of joining to the next.
    MembershipYear,
    /// The last `window_days` days.
    Rolling,
}

/// Holidays of the shop's own, beside the festivals that are built in.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCalendar {
    /// The holidays.
    #[serde(default)]
    pub holidays: Vec<RawHoliday>,
}

/// A holiday or shopping day: on given dates, or every year on a day of the civil or the lunar calendar.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHoliday {
    /// Its code, for `festival` of an offer.
    pub code: String,
    /// Name in Chinese; default: the code.
    pub zh: Option<String>,
    /// Name in English; default: the code.
    pub en: Option<String>,
    /// Its dates, as YYYY-MM-DD.
    #[serde(default)]
    pub dates: Vec<String>,
    /// Its day in every civil year, as MM-DD.
    pub day: Option<String>,
    /// Its day in every lunar year, as month and day, such as 03-03.
    pub lunar: Option<String>,
    /// Days of its shopping window before the day (7).
    pub lead_days: Option<u32>,
    /// Days of its shopping window after the day (0).
    pub tail_days: Option<u32>,
    /// Only where it is kept: names of cities; empty: everywhere.
    #[serde(default)]
    pub cities: Vec<String>,
}

/// Cities.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCities {
    /// Tiers by city name (1 = first tier … 5), which go before the built-in table. A tier in the members table goes
    /// before both.
    #[serde(default)]
    pub tiers: BTreeMap<String, u8>,
}

/// A loyalty tier, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tier {
    /// As the members table has it.
    pub code: String,
    /// Names in Chinese and English.
    pub names: [String; 2],
    /// Net spend that it asks for, minor units.
    pub spend: Option<Minor>,
    /// Points that it asks for.
    pub points: Option<i64>,
}

/// When a holiday of the job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
enum Rule {
    BuiltIn(Festival),
    Dates(Vec<Day>),
    Solar(i8, i8),
    Lunar(u8, u8),
}

/// A festival or a holiday of the job, with its shopping windows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Occasion {
    /// Its code.
    pub code: String,
    /// Names in Chinese and English.
    pub names: [String; 2],
    rule: Rule,
    lead: i32,
    tail: i32,
    /// Cities that keep it; empty: all.
    pub cities: Vec<String>,
}

/// The shopping window of one year's occasion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OccasionWindow {
    /// First day of the window.
    pub first: Day,
    /// The day itself.
    pub day: Day,
    /// Last day of the window.
    pub last: Day,
}

impl Occasion {
    fn of(festival: Festival) -> Self {
        Self {
            code: festival.code().to_owned(),
            names: [festival.name_zh().to_owned(), festival.name_en().to_owned()],
            rule: Rule::BuiltIn(festival),
            lead: 0,
            tail: 0,
            cities: Vec::new(),
        }
    }

    /// The windows whose day lies in one of the civil years of `first`…`last`, oldest first.
    #[must_use]
    pub fn windows(&self, first: Day, last: Day) -> Vec<OccasionWindow> {
        let around = |day: Day| OccasionWindow { first: day.plus(-self.lead), day, last: day.plus(self.tail) };
        let years = i32::from(first.ymd().0)..=i32::from(last.ymd().0).min(LAST_YEAR);
        match &self.rule {
            Rule::Dates(days) => {
                days.iter().filter(|d| years.contains(&i32::from(d.ymd().0))).map(|d| around(*d)).collect()
            }
            Rule::BuiltIn(festival) => years
                .filter_map(|year| {
                    let (first, last) = festival.window(year)?;
                    Some(OccasionWindow { first, day: festival.day(year)?, last })
                })
                .collect(),
            // 29 February is kept on the 28th in common years.
            Rule::Solar(month, day) => years
                .filter_map(|year| {
                    let year = i16::try_from(year).ok()?;
                    Day::from_ymd(year, *month, *day).or_else(|| Day::from_ymd(year, *month, 28)).map(around)
                })
                .collect(),
            // A lunar day late in the lunar year falls in the civil year after.
            Rule::Lunar(month, day) => (years.start() - 1..=*years.end())
                .filter_map(|year| LunarDate { year, month: *month, leap: false, day: *day }.anniversary(year))
                .filter(|day| years.contains(&i32::from(day.ymd().0)))
                .map(around)
                .collect(),
        }
    }

    /// The window that is open on `day`, or else the next one.
    #[must_use]
    pub fn at_or_after(&self, day: Day) -> Option<OccasionWindow> {
        // The window of New Year begins in the year before.
        self.windows(day.plus(-366), day.plus(732)).into_iter().find(|w| w.last >= day)
    }
}

/// The loyalty programme, the occasions and the cities, checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Programme {
    /// Tiers, the lowest first.
    pub tiers: Vec<Tier>,
    /// What the spend of a tier is counted over.
    pub period: TierPeriod,
    /// Length of a rolling period.
    pub window_days: u32,
    /// Holidays of the job.
    holidays: Vec<Occasion>,
    /// Tiers of cities.
    pub cities: CityTiers,
}

impl Programme {
    /// The festival or holiday of a code; a holiday of the job goes before a built-in one.
    #[must_use]
    pub fn occasion(&self, code: &str) -> Option<Occasion> {
        let own = self.holidays.iter().find(|h| h.code == code).cloned();
        own.or_else(|| Festival::from_code(code).map(Occasion::of))
    }

    /// Codes of all festivals and holidays.
    pub fn occasion_codes(&self) -> impl Iterator<Item = &str> {
        self.holidays.iter().map(|h| h.code.as_str()).chain(Festival::ALL.iter().map(|f| f.code()))
    }

    /// The place of a tier among the tiers, 0 = the lowest.
    #[must_use]
    pub fn tier(&self, code: &str) -> Option<usize> {
        self.tiers.iter().position(|t| t.code == code)
    }

    /// Checks the sections below `root`.
    pub fn check(
        loyalty: &RawLoyalty,
        calendar: &RawCalendar,
        cities: &RawCities,
        root: &JobPath,
        currency: Currency,
        findings: &mut Findings,
    ) -> Self {
        let at = root.key("cities").key("tiers");
        for (city, tier) in &cities.tiers {
            if !(1..=5).contains(tier) {
                let message = format!("{tier} is no tier of `{city}`");
                findings.error("cities::tier_out_of_range", at.key(city), message, "from 1 (first tier) to 5");
            }
        }
        let cities = CityTiers::new(cities.tiers.iter().map(|(name, tier)| (name.as_str(), (*tier).clamp(1, 5))));
        let at = root.key("loyalty");
        let window_days = super::settings::ranged(loyalty.window_days, 365, 1..=3650, &at.key("window_days"), findings);
        let tiers = check_tiers(&loyalty.tiers, &at.key("tiers"), currency, findings);
        let at = root.key("calendar").key("holidays");
        let mut holidays: Vec<Occasion> = Vec::new();
        for (i, raw) in calendar.holidays.iter().enumerate() {
            let holiday = check_holiday(raw, &cities, &at.index(i), findings);
            if holidays.iter().any(|h| h.code == raw.code) {
                let message = format!("two holidays are called `{}`", raw.code);
                findings.error("calendar::duplicate_code", at.index(i).key("code"), message, "give each a code");
            }
            holidays.push(holiday);
        }
        Self { tiers, period: loyalty.period, window_days, holidays, cities }
    }
}

fn names(code: &str, zh: Option<&String>, en: Option<&String>) -> [String; 2] {
    [zh, en].map(|name| name.map_or_else(|| code.to_owned(), |n| n.chars().filter(|c| !c.is_control()).collect()))
}

fn check_tiers(raw: &[RawTier], at: &JobPath, currency: Currency, findings: &mut Findings) -> Vec<Tier> {
    let mut tiers: Vec<Tier> = Vec::with_capacity(raw.len());
    for (i, tier) in raw.iter().enumerate() {
        let at = at.index(i);
        let spend = super::settings::money(("spend", tier.spend), ("", None), &at, currency, findings);
        if tier.code.trim().is_empty() || tiers.iter().any(|t| t.code == tier.code) {
            let message = format!("`{}` is empty or the code of an earlier tier", tier.code);
            findings.error("loyalty::bad_code", at.key("code"), message, "give every tier a code of its own");
        }
        if let Some(points) = tier.points
            && points < 0
        {
            findings.error("loyalty::negative", at.key("points"), format!("{points} points are too few"), "");
        }
        let not_rising = tiers.last().is_some_and(|below: &Tier| {
            let sinks = |now: Option<i64>, before: Option<i64>| matches!((now, before), (Some(n), Some(b)) if n <= b);
            sinks(spend, below.spend) || sinks(tier.points, below.points)
        });
        if not_rising {
            let message = format!("`{}` asks for no more than the tier below it", tier.code);
            findings.error("loyalty::not_rising", at.clone(), message, "write the tiers from the lowest up");
        }
        tiers.push(Tier {
            names: names(&tier.code, tier.zh.as_ref(), tier.en.as_ref()),
            code: tier.code.clone(),
            spend,
            points: tier.points,
        });
    }
    tiers
}

fn check_holiday(raw: &RawHoliday, cities: &CityTiers, at: &JobPath, findings: &mut Findings) -> Occasion {
    let bad_day = |key: &str, text: &str, help: &str, findings: &mut Findings| {
        findings.error("calendar::bad_day", at.key(key), format!("`{text}` is no such day"), help);
    };
    let mut dates: Vec<Day> = Vec::new();
    for (i, text) in raw.dates.iter().enumerate() {
        match Day::parse(text) {
            Some(day) => dates.push(day),
            None => bad_day(&format!("dates[{i}]"), text, "write it as YYYY-MM-DD", findings),
        }
    }
    dates.sort_unstable();
    dates.dedup();
    if usize::from(!raw.dates.is_empty()) + usize::from(raw.day.is_some()) + usize::from(raw.lunar.is_some()) != 1 {
        let message = format!("it is not said, or said twice, when `{}` is", raw.code);
        findings.error("calendar::when", at.clone(), message, "give one of `dates`, `day` and `lunar`");
    }
    let rule = match (&raw.day, &raw.lunar) {
        (Some(text), _) => match month_day(text) {
            Some((month, day)) => Rule::Solar(month, day),
            None => {
                bad_day("day", text, "write month and day, such as 03-08", findings);
                Rule::Dates(dates)
            }
        },
        (None, Some(text)) => {
            let parsed = text.split_once('-').and_then(|(m, d)| Some((m.parse::<u8>().ok()?, d.parse::<u8>().ok()?)));
            match parsed.filter(|(m, d)| (1..=12).contains(m) && (1..=30).contains(d)) {
                Some((month, day)) => Rule::Lunar(month, day),
                None => {
                    bad_day("lunar", text, "write month and day of the lunar year, such as 03-03", findings);
                    Rule::Dates(dates)
                }
            }
        }
        (None, None) => Rule::Dates(dates),
    };
    check_cities(&raw.cities, cities, &at.key("cities"), findings);
    let days = |key: &str, value: Option<u32>, default: u32, findings: &mut Findings| {
        super::settings::ranged(value, default, 0..=180, &at.key(key), findings) as i32
    };
    Occasion {
        code: raw.code.clone(),
        names: names(&raw.code, raw.zh.as_ref(), raw.en.as_ref()),
        rule,
        lead: days("lead_days", raw.lead_days, 7, findings),
        tail: days("tail_days", raw.tail_days, 0, findings),
        cities: raw.cities.iter().map(|c| CityTiers::plain(c).to_owned()).collect(),
    }
}

/// Warns of names that no table of cities has.
pub(super) fn check_cities(named: &[String], cities: &CityTiers, at: &JobPath, findings: &mut Findings) {
    for (i, city) in named.iter().enumerate() {
        check_city(city, cities, at.index(i), findings);
    }
}

/// Warns of a name that no table of cities has.
pub(super) fn check_city(city: &str, cities: &CityTiers, at: JobPath, findings: &mut Findings) {
    if cities.tier(city).is_none() {
        let help = nearest(CityTiers::plain(city), cities.names()).map_or_else(
            || "correct it, or give its tier under `[cities.tiers]`".to_owned(),
            |near| format!("did you mean `{near}`? Else give its tier under `[cities.tiers]`"),
        );
        findings.warn("cities::unknown_city", at, format!("there is no city `{city}`"), help);
    }
}
