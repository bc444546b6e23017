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

    fn published(festival: Festival, days: &[&str]) {
        for text in days {
            let year: i32 = text[..4].parse().unwrap();
            assert_eq!(festival.day(year), Day::parse(text), "{festival:?} {year}");
        }
    }

    #[test]
    fn spring_festival_as_published() {
        let days = [
            "2015-02-19",
            "2016-02-08",
            "2017-01-28",
            "2018-02-16",
            "2019-02-05",
            "2020-01-25",
            "2021-02-12",
            "2022-02-01",
            "2023-01-22",
            "2024-02-10",
            "2025-01-29",
            "2026-02-17",
            "2027-02-06",
            "2028-01-26",
            "2029-02-13",
            "2030-02-03",
            "2031-01-23",
            "2032-02-11",
            "2033-01-31",
            "2034-02-19",
            "2035-02-08",
        ];
        published(Festival::SpringFestival, &days);
        for text in days {
            let year: i32 = text[..4].parse().unwrap();
            assert_eq!(Festival::Lantern.day(year), Day::parse(text).map(|day| day.plus(14)));
        }
    }

    #[test]
    fn other_lunar_festivals_as_published() {
        published(
            Festival::DragonBoat,
            &[
                "2016-06-09",
                "2017-05-30",
                "2018-06-18",
                "2019-06-07",
                "2020-06-25",
                "2021-06-14",
                "2022-06-03",
                "2023-06-22",
                "2024-06-10",
                "2025-05-31",
                "2026-06-19",
                "2027-06-09",
            ],
        );
        published(
            Festival::Qixi,
            &[
                "2016-08-09",
                "2017-08-28",
                "2018-08-17",
                "2019-08-07",
                "2020-08-25",
                "2021-08-14",
                "2022-08-04",
                "2023-08-22",
                "2024-08-10",
                "2025-08-29",
                "2026-08-19",
            ],
        );
        published(
            Festival::MidAutumn,
            &[
                "2015-09-27",
                "2016-09-15",
                "2017-10-04",
                "2018-09-24",
                "2019-09-13",
                "2020-10-01",
                "2021-09-21",
                "2022-09-10",
                "2023-09-29",
                "2024-09-17",
                "2025-10-06",
                "2026-09-25",
                "2027-09-15",
                "2028-10-03",
            ],
        );
        published(
            Festival::DoubleNinth,
            &[
                "2019-10-07",
                "2020-10-25",
                "2021-10-14",
                "2022-10-04",
                "2023-10-23",
                "2024-10-11",
                "2025-10-29",
                "2026-10-18",
            ],
        );
    }

    #[test]
    fn solar_festivals_and_windows() {
        published(Festival::Double11, &["2025-11-11"]);
        published(Festival::MidYear618, &["2026-06-18"]);
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
