//! When members buy: weekdays, seasons and festivals as a cumulative weight by day.

use super::{
    personas::{PERSONAS, Persona, lift},
    spec::ShopSpec,
};
use crate::base::{
    Day,
    calendar::{Festival, FestivalCalendar},
};

/// Hours of online purchases, one of 32 drawn evenly: evenings most.
const ONLINE_HOURS: [u8; 32] = [
    0, 7, 8, 9, 10, 10, 11, 12, 12, 13, 13, 14, 15, 16, 16, 17, 18, 19, 19, 20, 20, 20, 21, 21, 21, 21, 22, 22, 22, 22,
    23, 23,
];
/// Hours of purchases in a store.
const STORE_HOURS: [u8; 16] = [10, 11, 11, 12, 13, 14, 14, 15, 15, 16, 17, 18, 19, 19, 20, 21];

/// Demand of each persona over the days of the history, day 0 first.
#[derive(Debug)]
pub(super) struct Demand {
    /// Per persona, `days + 1` running sums of the daily weights.
    cumulative: Vec<Vec<f64>>,
    /// Month, 1…12, by day.
    month: Vec<u8>,
    /// Whether presents are bought that day (windows of Mid-Autumn and Spring Festival).
    gifts: Vec<bool>,
    /// Whether the big sales are on that day.
    pub(super) sale: Vec<bool>,
}

impl Demand {
    pub(super) fn new(spec: &ShopSpec) -> Self {
        let first = spec.first_day();
        let calendar = FestivalCalendar::new(first, spec.last_day.plus(1));
        let days: Vec<Day> = (0..=spec.days as i32).map(|d| first.plus(d)).collect();
        let open = |festivals: &[Festival]| -> Vec<bool> {
            days.iter().map(|day| festivals.iter().any(|f| calendar.is_open(*f, *day))).collect()
        };
        let month: Vec<u8> = days.iter().map(|day| day.ymd().1 as u8).collect();
        let cumulative = PERSONAS
            .iter()
            .map(|persona| {
                let mut sum = 0.0;
                let mut running = vec![0.0];
                for (day, month) in days.iter().zip(&month).take(spec.days as usize) {
                    sum += weight(persona, &calendar, *day, *month);
                    running.push(sum);
                }
                running
            })
            .collect();
        Self {
            cumulative,
            gifts: open(&[Festival::MidAutumn, Festival::SpringFestival]),
            sale: open(&[Festival::Double11, Festival::MidYear618, Festival::Double12, Festival::WomensDay]),
            month,
        }
    }

    /// A day of `from..to` drawn by the persona's demand; `u` is uniform in [0, 1).
    pub(super) fn day(&self, persona: usize, from: i32, to: i32, u: f64) -> i32 {
        let running = &self.cumulative[persona];
        let (low, high) = (running[from as usize], running[to as usize]);
        let at = low + (high - low) * u;
        // The first running sum above `at` belongs to the day before it.
        let day = running.partition_point(|sum| *sum <= at) as i32 - 1;
        day.clamp(from, (to - 1).max(from))
    }

    pub(super) fn is_winter(&self, day: i32) -> bool {
        self.month.get(day as usize).is_some_and(|month| !(4..=9).contains(month))
    }

    pub(super) fn is_gift_time(&self, day: i32) -> bool {
        self.gifts.get(day as usize).copied().unwrap_or(false)
    }

    /// Seconds into the day of a purchase.
    pub(super) fn seconds(in_store: bool, draw: u64) -> u32 {
        let hour = if in_store { STORE_HOURS[(draw & 15) as usize] } else { ONLINE_HOURS[(draw & 31) as usize] };
        u32::from(hour) * 3600 + ((draw >> 8) % 3600) as u32
    }
}

fn weight(persona: &Persona, calendar: &FestivalCalendar, day: Day, month: u8) -> f64 {
    let week = if day.is_weekend() { 1.25 } else { 1.0 };
    let season = match (persona.winter, month) {
        (false, _) => 1.0,
        (true, 11 | 12) => 3.0,
        (true, 1 | 2 | 10) => 1.6,
        (true, 3 | 9) => 0.5,
        (true, _) => 0.12,
    };
    let mut boost = 1.0;
    for festival in calendar.festivals_of(day) {
        let favourite = persona.favourites.iter().find(|(f, _)| *f == festival).map_or(0.0, |(_, extra)| *extra);
        let own_day = if festival.day(i32::from(day.ymd().0)) == Some(day) { 2.0 } else { 1.0 };
        boost += own_day * persona.festivals * (lift(festival) + favourite * 0.5);
    }
    week * season * boost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_the_weights_and_stay_in_range() {
        let spec = ShopSpec::new(1_000, 10_000, 1);
        let demand = Demand::new(&spec);
        for u in [0.0, 0.3, 0.999_999_999] {
            assert_eq!(demand.day(0, 10, 11, u), 10);
            assert!((100..200).contains(&demand.day(7, 100, 200, u)));
        }
        // Bargain hunters buy mostly when the sales are on.
        let n = 4_000;
        let on_sale = (0..n).filter(|i| demand.sale[demand.day(7, 0, 730, f64::from(*i) / f64::from(n)) as usize]);
        assert!(on_sale.count() > 2_400);
    }
}
