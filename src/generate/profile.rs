//! Who a member is: drawn before any line, from a stream of the member's own.

use super::{cities::CITIES, dice::Dice, personas::PERSONAS, world::World};
use crate::base::{Day, calendar::LunarDate};

/// Share of members who change persona half-way.
pub(super) const DRIFTING: f64 = 0.03;
/// Share of members who stop buying 120 to 300 days before the end.
pub(super) const LAPSING: f64 = 0.05;
/// Share of members who never bought.
const NO_LINES: f64 = 0.02;
/// Share of members younger than 14; half of them have a guardian's consent.
const MINORS: f64 = 0.012;
/// One unit of [`Profile::weight`].
const WEIGHT_UNIT: f64 = 65_536.0;

/// Where a member stands with the law, as the newest consent row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Consent {
    Given,
    OptedOut,
    Withdrawn,
    NoRow,
}

impl Consent {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::OptedOut => "opted_out",
            Self::Withdrawn => "withdrawn",
            Self::NoRow => "no_row",
        }
    }
}

/// A member. Days count from the first day of the history.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) persona: usize,
    /// Persona after the drift, and the day it begins.
    pub(super) drift: Option<(usize, i32)>,
    /// First day without a purchase, for those who lapsed.
    pub(super) lapse: Option<i32>,
    /// Day of joining; may lie before the history.
    pub(super) joined: i32,
    /// Share of the shop's lines, in units of 2⁻¹⁶.
    pub(super) weight: u64,
    pub(super) city: u16,
    pub(super) store: u16,
    pub(super) has_cat: bool,
    /// Birth date as the shop writes it.
    pub(super) birth: Option<Day>,
    pub(super) lunar_birthday: bool,
    pub(super) minor: bool,
    pub(super) guardian: bool,
    pub(super) consent: Consent,
}

impl Profile {
    /// Draws member `index`.
    pub(super) fn draw(world: &World, index: u64) -> Self {
        let dice = &mut Dice::of(world.streams.profiles, index);
        let days = world.spec.days as i32;
        let persona = dice.pick(&world.persona_shares);
        let joined = if dice.chance(0.6) { -dice.range(1, 1_500) } else { dice.range(0, days - 30) };
        let start = joined.max(0);
        let fate = dice.unit();
        let (mut drift, mut lapse) = (None, None);
        if fate < DRIFTING && days - start > days / 2 {
            let other = (persona + 1 + dice.below(PERSONAS.len() as u32 - 1) as usize) % PERSONAS.len();
            drift = Some((other, start + (f64::from(days - start) * dice.between(0.4, 0.6)) as i32));
        } else if fate < DRIFTING + LAPSING && days - start > 365 {
            lapse = Some(days - dice.range(120, 300));
        }
        let active = f64::from(lapse.unwrap_or(days) - start) / f64::from(days);
        let pace = PERSONAS[persona].lines * dice.factor(0.4);
        let weight = if dice.chance(NO_LINES) { 0 } else { (pace * active * WEIGHT_UNIT) as u64 };
        let city = dice.pick(&world.city_weights) as u16;
        let store = world.store_near(city, dice);
        let has_cat = dice.chance(0.6);
        let minor = dice.chance(MINORS);
        let lunar_birthday = !minor && dice.chance(0.07);
        let birth = (minor || dice.chance(0.8)).then(|| birth_date(world, minor, lunar_birthday, dice));
        let consent = match dice.unit() {
            u if u < 0.94 => Consent::Given,
            u if u < 0.97 => Consent::OptedOut,
            u if u < 0.98 => Consent::Withdrawn,
            _ => Consent::NoRow,
        };
        let guardian = minor && dice.chance(0.5);
        Self {
            persona,
            drift,
            lapse,
            joined,
            weight,
            city,
            store,
            has_cat,
            lunar_birthday: lunar_birthday && birth.is_some(),
            birth,
            minor,
            guardian,
            consent,
        }
    }

    /// Index of the member's city tier, 1…5.
    pub(super) fn city_tier(&self) -> u8 {
        CITIES[usize::from(self.city)].tier
    }

    /// Whether a run may personalise for the member.
    pub(super) fn may_be_personalised(&self) -> bool {
        self.consent == Consent::Given && (!self.minor || self.guardian)
    }
}

/// A birth date: minors 8 to 13 years old on the last day, adults 18 to 70. A lunar one is written with lunar month and
/// day; where a civil date cannot hold them (a 30th of the second month), the civil day stands for a lunar one.
fn birth_date(world: &World, minor: bool, lunar: bool, dice: &mut Dice) -> Day {
    let years = if minor { dice.between(8.0, 13.9) } else { 18.5 + 52.0 * dice.unit() * dice.between(0.3, 1.0) };
    let born = world.spec.last_day.plus(-(years * 365.25) as i32 - 1);
    if !lunar {
        return born;
    }
    let date = LunarDate::of(born);
    Day::from_ymd(date.year as i16, date.month as i8, date.day as i8).unwrap_or(born)
}
