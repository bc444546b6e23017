//! The planted personas: the true segments.

use crate::base::calendar::Festival;

/// Where members buy, in this order everywhere.
pub(super) const CHANNELS: [&str; 5] = ["mini_program", "tmall", "douyin", "app", "store"];
/// Index of the store channel.
pub(super) const STORE: usize = 4;

/// A way of buying. Members of one persona differ only by chance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Persona {
    pub(super) code: &'static str,
    pub(super) zh: &'static str,
    pub(super) en: &'static str,
    /// Share of the members.
    pub(super) share: f64,
    /// Lines a member and day, relatively.
    pub(super) lines: f64,
    /// Weight of each department of [`super::departments::DEPARTMENTS`] when browsing.
    pub(super) departments: [f64; 8],
    /// The department that repeat purchases come from.
    pub(super) main: usize,
    /// Weight of each of [`CHANNELS`].
    pub(super) channels: [f64; 5],
    /// Share of a member's lines that are repeat purchases at the items' intervals.
    pub(super) repeats: f64,
    /// Probability that a browsed line joins an order that exists, and that an order gets one more line.
    pub(super) basket: f64,
    /// How much of the festivals' lift reaches the persona; 1 = average.
    pub(super) festivals: f64,
    /// Festivals that mean more to the persona, with the extra lift.
    pub(super) favourites: &'static [(Festival, f64)],
    /// Share of lines bought at a promotion.
    pub(super) promotions: f64,
    /// −1…1: looks for the cheaper or the dearer of two items.
    pub(super) taste: f64,
    /// Devices bought on purpose, relatively.
    pub(super) devices: f64,
    /// Wants things mostly from October to February.
    pub(super) winter: bool,
}

/// The personas; their number is the true k.
#[rustfmt::skip]
pub(super) const PERSONAS: [Persona; 8] = [
    Persona {
        code: "digital_fan", zh: "数码发烧友", en: "Digital fan", share: 0.11, lines: 0.75,
        departments: [0.90, 0.01, 0.01, 0.02, 0.01, 0.02, 0.02, 0.01], main: 0,
        channels: [0.05, 0.82, 0.04, 0.06, 0.03], repeats: 0.0, basket: 0.25, festivals: 1.0,
        favourites: &[(Festival::Double11, 1.0)], promotions: 0.15, taste: 0.6, devices: 1.0, winter: false,
    },
    Persona {
        code: "pet_parent", zh: "养宠一族", en: "Pet parent", share: 0.14, lines: 1.4,
        departments: [0.01, 0.91, 0.01, 0.02, 0.01, 0.01, 0.01, 0.02], main: 1,
        channels: [0.84, 0.05, 0.04, 0.04, 0.03], repeats: 0.60, basket: 0.35, festivals: 0.4,
        favourites: &[], promotions: 0.12, taste: 0.2, devices: 0.0, winter: false,
    },
    Persona {
        code: "new_parent", zh: "新手爸妈", en: "New parent", share: 0.13, lines: 1.8,
        departments: [0.01, 0.01, 0.91, 0.02, 0.01, 0.01, 0.01, 0.02], main: 2,
        channels: [0.06, 0.04, 0.04, 0.83, 0.03], repeats: 0.50, basket: 0.45, festivals: 0.6,
        favourites: &[(Festival::ChildrensDay, 1.0)], promotions: 0.18, taste: 0.3, devices: 0.0, winter: false,
    },
    Persona {
        code: "beauty_lover", zh: "美妆达人", en: "Beauty lover", share: 0.16, lines: 1.0,
        departments: [0.01, 0.01, 0.01, 0.91, 0.01, 0.02, 0.01, 0.02], main: 3,
        channels: [0.05, 0.05, 0.83, 0.04, 0.03], repeats: 0.25, basket: 0.40, festivals: 1.2,
        favourites: &[(Festival::Qixi, 1.5), (Festival::FiveTwenty, 1.5), (Festival::WomensDay, 1.5)],
        promotions: 0.25, taste: 0.1, devices: 0.0, winter: false,
    },
    Persona {
        code: "tea_connoisseur", zh: "品茗茶客", en: "Tea connoisseur", share: 0.11, lines: 0.5,
        departments: [0.01, 0.01, 0.01, 0.01, 0.91, 0.02, 0.01, 0.02], main: 4,
        channels: [0.06, 0.03, 0.02, 0.04, 0.85], repeats: 0.30, basket: 0.30, festivals: 0.8,
        favourites: &[(Festival::MidAutumn, 2.5), (Festival::SpringFestival, 1.5), (Festival::DoubleNinth, 1.0)],
        promotions: 0.05, taste: 0.7, devices: 0.0, winter: false,
    },
    Persona {
        code: "winter_family", zh: "冬装换新家庭", en: "Winter-wear family", share: 0.11, lines: 0.55,
        departments: [0.01, 0.01, 0.02, 0.02, 0.01, 0.91, 0.01, 0.01], main: 5,
        channels: [0.04, 0.45, 0.05, 0.03, 0.43], repeats: 0.0, basket: 0.45, festivals: 0.9,
        favourites: &[(Festival::Double11, 1.5), (Festival::SpringFestival, 1.0)],
        promotions: 0.20, taste: 0.3, devices: 0.0, winter: true,
    },
    Persona {
        code: "home_improver", zh: "品质居家派", en: "Home improver", share: 0.12, lines: 0.75,
        departments: [0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.90, 0.03], main: 6,
        channels: [0.44, 0.05, 0.03, 0.44, 0.04], repeats: 0.30, basket: 0.30, festivals: 0.8,
        favourites: &[(Festival::MidYear618, 1.0), (Festival::NationalDay, 0.8)],
        promotions: 0.12, taste: 0.5, devices: 1.2, winter: false,
    },
    Persona {
        code: "bargain_hunter", zh: "大促囤货族", en: "Bargain hunter", share: 0.12, lines: 1.2,
        departments: [0.02, 0.03, 0.03, 0.04, 0.02, 0.02, 0.02, 0.82], main: 7,
        channels: [0.04, 0.47, 0.44, 0.03, 0.02], repeats: 0.0, basket: 0.65, festivals: 6.0,
        favourites: &[(Festival::Double11, 3.0), (Festival::MidYear618, 3.0), (Festival::Double12, 1.5)],
        promotions: 0.70, taste: -0.7, devices: 0.0, winter: false,
    },
];

/// Lift of demand in the middle of a festival's window, for the average persona; twice that on the day itself.
pub(super) fn lift(festival: Festival) -> f64 {
    match festival {
        Festival::Double11 => 1.6,
        Festival::MidYear618 => 1.1,
        Festival::Double12 | Festival::WomensDay => 0.5,
        Festival::SpringFestival => 0.35,
        Festival::MidAutumn | Festival::Qixi | Festival::FiveTwenty | Festival::NationalDay => 0.25,
        _ => 0.15,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_one() {
        assert!((PERSONAS.iter().map(|p| p.share).sum::<f64>() - 1.0).abs() < 1e-9);
        for persona in &PERSONAS {
            assert!((persona.channels.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{}", persona.code);
            assert!((persona.departments.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{}", persona.code);
            assert!(persona.departments[persona.main] >= 0.7);
        }
    }
}
