//! Decisions, small enough to hold for every member at once.

use super::proposal::{Evidence, Target};
use crate::base::Day;

/// No count, no length of time.
const NO_SMALL: u16 = u16::MAX;
/// No day.
const NO_DAY: i16 = i16::MIN;
/// No amount.
const NO_AMOUNT: u32 = u32::MAX;

/// One slot of a member's list, in 32 bytes. Days are kept as distances from the run's as-of day, counts and lengths
/// end at 65,534, amounts of evidence at 4,294,967,294 minor units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// Comparable score, six significant digits.
    score: f32,
    target: u32,
    about: u32,
    amount: u32,
    count: u16,
    days: u16,
    date: i16,
    valid_from: i16,
    valid_until: i16,
    offer: u16,
    reason: u8,
    /// Bits 0–1: what `target` is; bits 2–3: what `about` is; bit 4: drawn by lot.
    marks: u8,
}

const _: () = assert!(size_of::<Decision>() == 32);

/// A decision, unpacked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Index of the offer in the catalogue.
    pub offer: u16,
    /// What is offered.
    pub target: Target,
    /// Comparable score.
    pub score: f64,
    /// Index into the kind's reasons.
    pub reason: u8,
    /// What the reason rests on.
    pub evidence: Evidence,
    /// First day of validity.
    pub valid_from: Day,
    /// Last day of validity.
    pub valid_until: Day,
    /// How it came to its slot.
    pub chance: Chance,
}

/// How sure a decision is, and whether it was drawn by lot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chance {
    /// Calibrated probability that the member accepts it; `None` while nothing is learned.
    pub probability: Option<f32>,
    /// Probability with which it came to its place; 1 where nothing was drawn.
    pub propensity: f32,
    /// Whether it was drawn by lot.
    pub explored: bool,
}

impl Default for Chance {
    fn default() -> Self {
        Self { probability: None, propensity: 1.0, explored: false }
    }
}

fn mark(target: Target) -> (u8, u32) {
    match target {
        Target::None => (0, 0),
        Target::Item(i) => (1, i),
        Target::Category(c) => (2, c),
        Target::Subject(s) => (3, s),
    }
}

fn unmark(mark: u8, value: u32) -> Target {
    match mark & 3 {
        1 => Target::Item(value),
        2 => Target::Category(value),
        3 => Target::Subject(value),
        _ => Target::None,
    }
}

fn distance(day: Day, as_of: Day) -> i16 {
    day.since(as_of).clamp(i32::from(i16::MIN) + 1, i32::from(i16::MAX)) as i16
}

impl Decision {
    /// Packs a choice of a run as of `as_of`.
    #[must_use]
    pub fn pack(choice: &Choice, as_of: Day) -> Self {
        let (target_mark, target) = mark(choice.target);
        let (about_mark, about) = mark(choice.evidence.about);
        let small = |value: Option<u16>| value.map_or(NO_SMALL, |v| v.min(NO_SMALL - 1));
        Self {
            score: six_digits(choice.score) as f32,
            target,
            about,
            amount: choice.evidence.amount.map_or(NO_AMOUNT, |a| a.clamp(0, i64::from(NO_AMOUNT) - 1) as u32),
            count: small(choice.evidence.count),
            days: small(choice.evidence.days),
            date: choice.evidence.date.map_or(NO_DAY, |d| distance(d, as_of)),
            valid_from: distance(choice.valid_from, as_of),
            valid_until: distance(choice.valid_until, as_of),
            offer: choice.offer,
            reason: choice.reason,
            marks: target_mark | about_mark << 2 | u8::from(choice.chance.explored) << 4,
        }
    }

    /// Unpacks it again but for its probability and propensity ([`Decisions::choices`] has them); `as_of` is that of
    /// [`Decision::pack`].
    #[must_use]
    pub fn unpack(&self, as_of: Day) -> Choice {
        let small = |value: u16| (value != NO_SMALL).then_some(value);
        Choice {
            offer: self.offer,
            target: unmark(self.marks, self.target),
            score: self.score(),
            reason: self.reason,
            evidence: Evidence {
                about: unmark(self.marks >> 2, self.about),
                count: small(self.count),
                days: small(self.days),
                date: (self.date != NO_DAY).then(|| as_of.plus(i32::from(self.date))),
                amount: (self.amount != NO_AMOUNT).then(|| i64::from(self.amount)),
            },
            valid_from: as_of.plus(i32::from(self.valid_from)),
            valid_until: as_of.plus(i32::from(self.valid_until)),
            chance: Chance { explored: self.marks >> 4 & 1 == 1, ..Chance::default() },
        }
    }

    /// What is offered.
    #[must_use]
    pub fn target(&self) -> Target {
        unmark(self.marks, self.target)
    }

    /// Whether it was drawn by lot.
    #[must_use]
    pub fn explored(&self) -> bool {
        self.marks >> 4 & 1 == 1
    }

    /// Index of the offer in the catalogue.
    #[must_use]
    pub fn offer(&self) -> u16 {
        self.offer
    }

    /// Index into the kind's reasons.
    #[must_use]
    pub fn reason(&self) -> u8 {
        self.reason
    }

    /// The score as it is written: six significant digits.
    #[must_use]
    pub fn score(&self) -> f64 {
        // A decimal of six digits survives f32, so that rounding again gives it back.
        six_digits(f64::from(self.score))
    }
}

/// `value` rounded to six significant decimal digits; the fast way to [`crate::base::round::significant`].
#[must_use]
pub fn six_digits(value: f64) -> f64 {
    const POWERS: [f64; 23] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ];
    // Digits after the point that six significant ones take; powers up to 1e22 are exact, so that the last division
    // gives the f64 nearest to the decimal.
    if !(1e-12..1e5).contains(&value) {
        return crate::base::round::significant(value, 6);
    }
    let mut places = 5;
    while places < 22 && value * POWERS[places] < 1e5 {
        places += 1;
    }
    while places > 0 && value * POWERS[places] >= 999_999.5 {
        places -= 1;
    }
    (value * POWERS[places]).round_ties_even() / POWERS[places]
}

/// Appends a score as its shortest decimal: the fast way to `{value}` for a value of [`six_digits`].
pub fn push_score(out: &mut String, value: f64) {
    if !(1e-3..1e5).contains(&value) {
        use std::fmt::Write as _;
        // Writing into a String cannot fail.
        let _ = write!(out, "{value}");
        return;
    }
    let (mut places, mut scale) = (5, 1e5);
    while value * scale < 99_999.5 {
        places += 1;
        scale *= 10.0;
    }
    let mut units = (value * scale).round_ties_even() as i64;
    while places > 0 && units % 10 == 0 {
        units /= 10;
        places -= 1;
    }
    let power = 10i64.pow(places);
    super::text::push_integer(out, units / power);
    if places > 0 {
        out.push('.');
        // A one in front keeps the zeros behind the point.
        let start = out.len();
        super::text::push_integer(out, power + units % power);
        out.remove(start);
    }
}

/// Probability (NaN: none) and propensity of a decision.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Odds {
    probability: f32,
    propensity: f32,
}

/// The lists of a shard's members, by member index.
#[derive(Debug, Clone)]
pub struct Decisions {
    /// The run's as-of day.
    pub as_of: Day,
    /// One more than members: offsets into `rows`.
    offsets: Vec<u32>,
    rows: Vec<Decision>,
    /// By row; empty where nothing is learned and nothing is drawn.
    odds: Vec<Odds>,
}

impl Decisions {
    /// No member yet.
    #[must_use]
    pub fn new(as_of: Day) -> Self {
        Self { as_of, offsets: vec![0], rows: Vec::new(), odds: Vec::new() }
    }

    /// Makes room for `members` lists of `slots`.
    pub fn reserve(&mut self, members: usize, slots: usize) {
        self.offsets.reserve_exact(members);
        self.rows.reserve(members * slots);
    }

    /// Adds a decision to the list of the next member.
    pub fn push_choice(&mut self, choice: &Choice) {
        let Chance { probability, propensity, .. } = choice.chance;
        if self.odds.is_empty() && (probability.is_some() || propensity < 1.0) {
            self.odds.reserve(self.rows.capacity());
            self.odds.resize(self.rows.len(), Odds { probability: f32::NAN, propensity: 1.0 });
        }
        if !self.odds.is_empty() || probability.is_some() || propensity < 1.0 {
            self.odds.push(Odds { probability: probability.unwrap_or(f32::NAN), propensity });
        }
        self.rows.push(Decision::pack(choice, self.as_of));
    }

    /// Ends the list of the next member.
    pub fn end_list(&mut self) {
        self.offsets.push(self.rows.len() as u32);
    }

    /// Adds the list of the next member.
    pub fn push(&mut self, choices: &[Choice]) {
        choices.iter().for_each(|choice| self.push_choice(choice));
        self.end_list();
    }

    /// Adds the list of a member of `other` as that of the next member.
    pub fn push_from(&mut self, other: &Self, member: usize) {
        for row in other.range(member) {
            self.push_choice(&other.choice(row));
        }
        self.end_list();
    }

    /// Gives back room that was not needed.
    pub fn shrink(&mut self) {
        self.rows.shrink_to_fit();
        self.odds.shrink_to_fit();
    }

    /// Number of members.
    #[must_use]
    pub fn members(&self) -> usize {
        self.offsets.len() - 1
    }

    fn range(&self, member: usize) -> std::ops::Range<usize> {
        self.offsets[member] as usize..self.offsets[member + 1] as usize
    }

    fn choice(&self, row: usize) -> Choice {
        let mut choice = self.rows[row].unpack(self.as_of);
        if let Some(odds) = self.odds.get(row) {
            choice.chance.probability = (!odds.probability.is_nan()).then_some(odds.probability);
            choice.chance.propensity = odds.propensity;
        }
        choice
    }

    /// Puts a member's list in another order: slot by slot where what stands there was.
    pub fn arrange(&mut self, member: usize, order: &[usize]) {
        let start = self.range(member).start;
        let rows: Vec<Decision> = order.iter().map(|from| self.rows[start + from]).collect();
        self.rows[start..start + rows.len()].copy_from_slice(&rows);
        if !self.odds.is_empty() {
            let odds: Vec<Odds> = order.iter().map(|from| self.odds[start + from]).collect();
            self.odds[start..start + odds.len()].copy_from_slice(&odds);
        }
    }

    /// A member's list, slot 1 first.
    #[must_use]
    pub fn of(&self, member: usize) -> &[Decision] {
        &self.rows[self.range(member)]
    }

    /// A member's list unpacked, with probabilities and propensities, slot 1 first.
    pub fn choices(&self, member: usize) -> impl Iterator<Item = Choice> + '_ {
        self.range(member).map(|row| self.choice(row))
    }

    /// Every decision, by member and slot.
    #[must_use]
    pub fn all(&self) -> &[Decision] {
        &self.rows
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::round::significant;

    proptest! {
        #[test]
        fn six_digits_are_those_of_the_slow_way(mantissa in 0u32..1_000_000, exponent in -12i32..4) {
            // Decimals of six digits, and values near them but away from halves.
            let exact: f64 = format!("{mantissa}e{}", exponent - 5).parse().unwrap();
            prop_assert_eq!(six_digits(exact), significant(exact, 6));
            let near = exact * (1.0 + 3e-8);
            prop_assert_eq!(six_digits(near), significant(near, 6));
            prop_assert_eq!(six_digits(f64::from(exact as f32)), significant(exact, 6));
            let mut text = String::new();
            push_score(&mut text, exact);
            prop_assert_eq!(text, exact.to_string());
        }

        #[test]
        fn packs_without_loss(
            offer in 0u16..500, reason in 0u8..9, item in prop::option::of(0u32..99), about in 0u32..99,
            count in prop::option::of(0u16..60_000), date in prop::option::of(-9000i32..9000),
            amount in prop::option::of(0i64..4_000_000_000), from in -300i32..300,
        ) {
            let as_of = Day(20_000);
            let choice = Choice {
                offer, reason, score: 0.123_457, target: item.map_or(Target::None, Target::Item),
                evidence: Evidence {
                    about: Target::Category(about), count, days: count, date: date.map(|d| as_of.plus(d)), amount,
                },
                valid_from: as_of.plus(from), valid_until: as_of.plus(from + 13),
                chance: Chance::default(),
            };
            prop_assert_eq!(Decision::pack(&choice, as_of).unpack(as_of), choice);
        }
    }

    #[test]
    fn odd_scores() {
        for value in [0.0, 1e-300, 5e-13, 99_999.94, 123_456.7, 9.999_999_9e22, 0.999_999_9] {
            assert_eq!(six_digits(value), significant(value, 6), "{value}");
        }
    }
}
