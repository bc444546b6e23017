//! The festivals a Chinese retailer plans for.

use super::lunar_to_solar;
use crate::base::Day;

/// When a festival is.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// Month and day of the civil calendar.
    Solar(i8, i8),
    /// Month and day of the lunar year that begins in the civil year.
    Lunar(u8, u8),
}

macro_rules! festivals {
    ($($(#[$doc:meta])* $name:ident $code:literal $zh:literal $en:literal $rule:expr, $lead:literal, $tail:literal;)*) => {
        /// A festival or shopping day. Serialised as its code.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum Festival { $($(#[$doc])* #[serde(rename = $code)] $name,)* }

        impl Festival {
            /// Every festival, in the order of the civil year.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            fn facts(self) -> (&'static str, &'static str, &'static str, Rule, i32, i32) {
                match self { $(Self::$name => ($code, $zh, $en, $rule, $lead, $tail),)* }
            }
        }
    };
}

// code, Chinese name, English name, rule, days the shopping window begins before the day, days it lasts after it
festivals! {
    /// 1 January; window from 29 December to 3 January.
    NewYear "new_year" "元旦" "New Year" Rule::Solar(1, 1), 3, 2;
    /// First day of the lunar year; window from four weeks before (the stocking-up season, 年货节) to the end of the
    /// holiday week.
    SpringFestival "spring_festival" "春节" "Spring Festival" Rule::Lunar(1, 1), 28, 6;
    /// 15th of the first lunar month; three days before.
    Lantern "lantern" "元宵节" "Lantern Festival" Rule::Lunar(1, 15), 3, 0;
    /// 14 February; a week before.
    Valentine "valentine" "情人节" "Valentine's Day" Rule::Solar(2, 14), 7, 0;
    /// 8 March; a week before.
    WomensDay "womens_day" "三八妇女节" "Women's Day" Rule::Solar(3, 8), 7, 0;
    /// 20 May (五二〇 sounds like "I love you"); six days before.
    FiveTwenty "five_twenty" "520" "520" Rule::Solar(5, 20), 6, 0;
    /// 1 June; a week before.
    ChildrensDay "childrens_day" "儿童节" "Children's Day" Rule::Solar(6, 1), 7, 0;
    /// 5th of the fifth lunar month; ten days before.
    DragonBoat "dragon_boat" "端午节" "Dragon Boat Festival" Rule::Lunar(5, 5), 10, 0;
    /// 18 June; from the end of May to two days after.
    MidYear618 "618" "618年中大促" "618 Mid-Year Sale" Rule::Solar(6, 18), 18, 2;
    /// 7th of the seventh lunar month; ten days before.
    Qixi "qixi" "七夕" "Qixi" Rule::Lunar(7, 7), 10, 0;
    /// 15th of the eighth lunar month; three weeks before.
    MidAutumn "mid_autumn" "中秋节" "Mid-Autumn Festival" Rule::Lunar(8, 15), 21, 0;
    /// 1 October; three days before, and the holiday week.
    NationalDay "national_day" "国庆节" "National Day" Rule::Solar(10, 1), 3, 6;
    /// 9th of the ninth lunar month; five days before.
    DoubleNinth "double_ninth" "重阳节" "Double Ninth Festival" Rule::Lunar(9, 9), 5, 0;
    /// 11 November; three weeks of advance sale before.
    Double11 "double_11" "双十一" "Double 11" Rule::Solar(11, 11), 21, 0;
    /// 12 December; five days before.
    Double12 "double_12" "双十二" "Double 12" Rule::Solar(12, 12), 5, 0;
    /// 25 December; ten days before.
    Christmas "christmas" "圣诞节" "Christmas" Rule::Solar(12, 25), 10, 0;
}

impl Festival {
    /// The festival's code, `[a-z0-9_]+`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.facts().0
    }

    /// The festival of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|festival| festival.code() == code)
    }

    /// Chinese name.
    #[must_use]
    pub fn name_zh(self) -> &'static str {
        self.facts().1
    }

    /// English name.
    #[must_use]
    pub fn name_en(self) -> &'static str {
        self.facts().2
    }

    /// Whether the day follows the lunar calendar.
    #[must_use]
    pub fn is_lunar(self) -> bool {
        matches!(self.facts().3, Rule::Lunar(..))
    }

    /// The festival's day: of the civil year `year`, or of the lunar year that begins in it (for every festival here
    /// that is also in the civil year). `None` outside [`super::FIRST_YEAR`]…[`super::LAST_YEAR`].
    #[must_use]
    pub fn day(self, year: i32) -> Option<Day> {
        if !(super::FIRST_YEAR..=super::LAST_YEAR).contains(&year) {
            return None;
        }
        match self.facts().3 {
            Rule::Solar(month, day) => Day::from_ymd(i16::try_from(year).ok()?, month, day),
            Rule::Lunar(month, day) => lunar_to_solar(year, month, false, day),
        }
    }

    /// First and last day of the shopping window around [`Festival::day`], both inclusive: the lead-up days and, where
    /// there is a holiday after the day, that too. New Year's window begins in the year before.
    #[must_use]
    pub fn window(self, year: i32) -> Option<(Day, Day)> {
        let (_, _, _, _, lead, tail) = self.facts();
        self.day(year).map(|day| (day.plus(-lead), day.plus(tail)))
    }

    /// Days of the shopping window.
    #[must_use]
    pub fn window_days(self) -> i32 {
        let (_, _, _, _, lead, tail) = self.facts();
        lead + 1 + tail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Month and day in each year from 2015 to 2035, as almanacs publish them (the tables of the Hong Kong Observatory).
    const PUBLISHED: [(Festival, &str); 6] = [
        (
            Festival::SpringFestival,
            "02-19 02-08 01-28 02-16 02-05 01-25 02-12 02-01 01-22 02-10 01-29 02-17 02-06 01-26 02-13 02-03 01-23 02-11 \
             01-31 02-19 02-08",
        ),
        (
            Festival::Lantern,
            "03-05 02-22 02-11 03-02 02-19 02-08 02-26 02-15 02-05 02-24 02-12 03-03 02-20 02-09 02-27 02-17 02-06 02-25 \
             02-14 03-05 02-22",
        ),
        (
            Festival::DragonBoat,
            "06-20 06-09 05-30 06-18 06-07 06-25 06-14 06-03 06-22 06-10 05-31 06-19 06-09 05-28 06-16 06-05 06-24 06-12 \
             06-01 06-20 06-10",
        ),
        (
            Festival::Qixi,
            "08-20 08-09 08-28 08-17 08-07 08-25 08-14 08-04 08-22 08-10 08-29 08-19 08-08 08-26 08-16 08-05 08-24 08-12 \
             08-01 08-20 08-10",
        ),
        (
            Festival::MidAutumn,
            "09-27 09-15 10-04 09-24 09-13 10-01 09-21 09-10 09-29 09-17 10-06 09-25 09-15 10-03 09-22 09-12 10-01 09-19 \
             09-08 09-27 09-16",
        ),
        (
            Festival::DoubleNinth,
            "10-21 10-09 10-28 10-17 10-07 10-25 10-14 10-04 10-23 10-11 10-29 10-18 10-08 10-26 10-16 10-05 10-24 10-12 \
             10-01 10-20 10-09",
        ),
    ];

    #[test]
    fn lunar_festivals_as_published() {
        assert_eq!(Festival::ALL.iter().filter(|f| f.is_lunar()).count(), PUBLISHED.len());
        for (festival, days) in PUBLISHED {
            let days: Vec<&str> = days.split_whitespace().collect();
            assert_eq!(days.len(), 21);
            for (year, text) in (2015..=2035).zip(days) {
                let day = Day::parse(&format!("{year}-{text}")).unwrap();
                assert_eq!(festival.day(year), Some(day), "{festival:?} {year}");
            }
        }
    }

    #[test]
    fn solar_festivals_as_published() {
        let days = [
            (Festival::NewYear, "01-01"),
            (Festival::Valentine, "02-14"),
            (Festival::WomensDay, "03-08"),
            (Festival::FiveTwenty, "05-20"),
            (Festival::ChildrensDay, "06-01"),
            (Festival::MidYear618, "06-18"),
            (Festival::NationalDay, "10-01"),
            (Festival::Double11, "11-11"),
            (Festival::Double12, "12-12"),
            (Festival::Christmas, "12-25"),
        ];
        assert_eq!(Festival::ALL.len(), days.len() + PUBLISHED.len());
        for year in 2015..=2035 {
            for (festival, text) in days {
                assert_eq!(festival.day(year), Day::parse(&format!("{year}-{text}")), "{festival:?} {year}");
            }
        }
    }

    #[test]
    fn solar_festivals_and_windows() {
        let (first, last) = Festival::NewYear.window(2026).unwrap();
        assert_eq!((first.to_string(), last.to_string()), ("2025-12-29".into(), "2026-01-03".into()));
        for &festival in Festival::ALL {
            let (first, last) = festival.window(2026).unwrap();
            assert_eq!(last.since(first) + 1, festival.window_days());
            assert_eq!(Festival::from_code(festival.code()), Some(festival));
            assert_eq!(serde_json::to_string(&festival).unwrap(), format!("\"{}\"", festival.code()));
            assert!(festival.day(1800).is_none());
        }
    }
}
