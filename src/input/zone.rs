//! Instants to local wall-clock time, fast.

use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};

use crate::base::{LocalTime, date::DAY_SECONDS};

/// The offsets of a time zone between 1970 and 2106, as a table.
#[derive(Debug, Clone)]
pub struct Zone {
    /// (first second since 1970 UTC, offset in seconds), rising.
    offsets: Arc<[(i64, i64)]>,
}

const MICROS: i64 = 1_000_000;

impl Zone {
    /// The table of a time zone.
    #[must_use]
    pub fn new(zone: &TimeZone) -> Self {
        let start = Timestamp::UNIX_EPOCH;
        let mut offsets = vec![(i64::MIN, i64::from(zone.to_offset(start).seconds()))];
        for transition in zone.following(start) {
            let at = transition.timestamp().as_second();
            if at > i64::from(u32::MAX) {
                break;
            }
            offsets.push((at, i64::from(transition.offset().seconds())));
        }
        Self { offsets: offsets.into() }
    }

    /// Local microseconds of an instant in microseconds since 1970 UTC.
    #[must_use]
    pub fn local_micros(&self, instant: i64) -> i64 {
        let second = instant.div_euclid(MICROS);
        let at = self.offsets.partition_point(|(from, _)| *from <= second);
        instant.saturating_add(self.offsets[at.saturating_sub(1)].1 * MICROS)
    }
}

/// Splits local microseconds into seconds and the rest; `None` outside 1970–2106.
#[must_use]
pub fn split_micros(local: i64) -> Option<(LocalTime, u32)> {
    let second = u32::try_from(local.div_euclid(MICROS)).ok()?;
    // The last day would not have a whole day after it; no purchase is there.
    (second < u32::MAX - DAY_SECONDS).then(|| (LocalTime(second), local.rem_euclid(MICROS) as u32))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn equals_jiff(second in 0i64..4_000_000_000, name in prop::sample::select(vec![
            "Asia/Shanghai", "Europe/London", "America/New_York", "UTC", "Asia/Kolkata",
        ])) {
            let tz = TimeZone::get(name).unwrap();
            let zone = Zone::new(&tz);
            let want = tz.to_datetime(Timestamp::from_second(second).unwrap());
            let want = TimeZone::UTC.to_timestamp(want).unwrap().as_second();
            prop_assert_eq!(zone.local_micros(second * MICROS), want * MICROS);
        }
    }

    #[test]
    fn range() {
        assert_eq!(split_micros(-1), None);
        assert_eq!(split_micros(1_500_001), Some((LocalTime(1), 500_001)));
        assert_eq!(split_micros(i64::MAX), None);
    }
}
