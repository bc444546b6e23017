//! Names for segments, made from what sets their centroids apart.

use std::collections::BTreeSet;

use crate::features::{Family, FeatureEntry};

/// Standardised difference from which on a trait may name a segment.
const TELLING: f64 = 0.4;
/// Standardised difference down to which a trait that once named a segment still does.
const STILL_TRUE: f64 = 0.2;
/// Standard errors from which on a difference is hardly chance: 5 % in all, shared by a thousand comparisons (Bonferroni),
/// two-sided.
const SIGNIFICANT: f64 = 4.1;
/// Standardised difference up to which members who were called average still are.
const STILL_AVERAGE: f64 = 0.6;

/// Standardised difference from which on a trait is a strong one, and down to which it remains one.
const STRONG: f64 = 1.5;
const STILL_STRONG: f64 = 1.2;
/// Up to this a trait that was no strong one is still none.
const STILL_PLAIN: f64 = 1.8;

/// What a column of the matrix is about, for naming.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnAbout<'a> {
    /// Name of the feature.
    pub name: &'a str,
    /// What it is about.
    pub family: Family,
    /// What the category or channel that a share is of is called, in Chinese and English; `None` for all others.
    pub group: Option<(&'a str, &'a str)>,
    /// Chinese name.
    pub name_zh: &'a str,
    /// English name.
    pub name_en: &'a str,
}

impl<'a> From<&'a FeatureEntry> for ColumnAbout<'a> {
    fn from(entry: &'a FeatureEntry) -> Self {
        Self {
            name: &entry.name,
            family: entry.family,
            group: entry.group.as_ref().map(|g| (g.zh.as_str(), g.en.as_str())),
            name_zh: &entry.name_zh,
            name_en: &entry.name_en,
        }
    }
}

/// How far the members of a segment lie from all members in one feature.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Difference {
    /// Of the means, in standard deviations of all members.
    pub effect: f64,
    /// Of the means, in standard errors.
    pub z: f64,
}

impl Difference {
    /// The effect, 0 where it may well be chance.
    fn sure(self) -> f64 {
        if self.effect.is_finite() && self.z.abs() >= SIGNIFICANT { self.effect } else { 0.0 }
    }
}

/// One thing that sets a segment apart.
#[derive(Debug, Clone, PartialEq)]
struct Trait {
    /// The feature with `+`, `++` or `-`.
    key: String,
    axis: Axis,
    zh: String,
    en: String,
    /// Whether the Chinese word goes straight before what it is about ("高频母婴").
    before: bool,
}

/// Traits on one axis say much the same; a name takes one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Axis {
    Frequency,
    Money,
    Recency,
    Variety,
    Category,
    Channel,
    Discount,
    Returns,
    Times,
    Tenure,
    Other(usize),
}

/// A name and the traits it stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Name {
    pub zh: String,
    pub en: String,
    /// Features with `+`, `++` (much more) or `-`, the most telling first.
    pub traits: Vec<String>,
}

/// Names of all segments, unique in each language. `differences` has shape `(k, n_features)`; one that may be chance
/// names nothing. `kept` are names of the previous run for segments that keep their id: they stay as long as their
/// traits hold, in today's words.
pub(super) fn names(columns: &[ColumnAbout<'_>], differences: &[Vec<Difference>], kept: &[Option<Name>]) -> Vec<Name> {
    let sure = |row: &Vec<Difference>| row.iter().map(|d| d.sure()).collect::<Vec<f64>>();
    let effects = |row: &Vec<Difference>| row.iter().map(|d| d.effect).collect::<Vec<f64>>();
    // What once was significant need only stay true.
    let (all, differences): (Vec<Vec<f64>>, Vec<Vec<f64>>) =
        differences.iter().map(|row| (effects(row), sure(row))).unzip();
    let mut names: Vec<Option<Name>> = vec![None; differences.len()];
    // The same traits in another order are no other name.
    let set = |name: &Name| name.traits.iter().cloned().collect::<BTreeSet<String>>();
    let clash = |a: &Name, b: &Name| a.zh == b.zh || a.en == b.en || set(a) == set(b);
    let taken = |names: &[Option<Name>], name: &Name| names.iter().flatten().any(|n| clash(n, name));
    // What no trait tells apart is told apart by a number behind the name of the first.
    let numbered = |names: &[Option<Name>], name: Name| {
        let first = |n: &&Name| set(n) == set(&name) && number_of(&n.zh).is_none();
        let base = names.iter().flatten().find(first).cloned().unwrap_or(name);
        (2..)
            .map(|n| Name { zh: format!("{} {n}", base.zh), en: format!("{} {n}", base.en), ..base.clone() })
            .find(|name| !names.iter().flatten().any(|n| n.zh == name.zh || n.en == name.en))
    };
    for (segment, (name, row)) in kept.iter().zip(&all).enumerate() {
        let Some(traits) = name.as_ref().and_then(|name| still_true(name, columns, row)) else { continue };
        let mut today = render(&traits.iter().collect::<Vec<_>>());
        // The number stays with the segment that has it.
        if let Some(number) =
            name.as_ref().and_then(|name| number_of(&name.zh)).filter(|n| number_of(&today.zh) != Some(n))
        {
            today.zh.push_str(&format!(" {number}"));
            today.en.push_str(&format!(" {number}"));
        }
        let same = names.iter().flatten().any(|n| n.zh == today.zh || n.en == today.en);
        names[segment] = if same { numbered(&names, today) } else { Some(today) };
    }
    for segment in 0..differences.len() {
        if names[segment].is_some() {
            continue;
        }
        // Weaker traits have a say only where the telling ones tell nothing apart.
        let found = [TELLING, STILL_TRUE].into_iter().find_map(|least| {
            let traits = traits(columns, &differences[segment], least);
            let mut lengths = 3..=traits.len().clamp(3, 5);
            lengths.find_map(|length| Some(compose(&traits, length)).filter(|name| !taken(&names, name)))
        });
        names[segment] =
            found.or_else(|| numbered(&names, compose(&traits(columns, &differences[segment], TELLING), 3)));
    }
    names.into_iter().flatten().collect()
}

/// The number at the end of a name, if it has one.
fn number_of(name: &str) -> Option<&str> {
    name.rsplit_once(' ').map(|(_, last)| last).filter(|last| last.bytes().all(|b| b.is_ascii_digit()))
}

/// The traits a name stands on, if all of them still hold; none for average members who still are.
fn still_true(name: &Name, columns: &[ColumnAbout<'_>], differences: &[f64]) -> Option<Vec<Trait>> {
    if name.traits.is_empty() {
        return traits(columns, differences, STILL_AVERAGE).is_empty().then(Vec::new);
    }
    let holds = |key: &String| {
        let mut found = columns.iter().zip(differences).enumerate();
        found.find_map(|(i, (column, difference))| match key.strip_prefix(column.name) {
            Some("++") if *difference >= STILL_STRONG => describe(column, i, STRONG),
            Some("+") if *difference >= STILL_TRUE && (*difference < STILL_PLAIN || !has_strong_form(column)) => {
                describe(column, i, TELLING)
            }
            Some("-") if *difference <= -STILL_TRUE => describe(column, i, -TELLING),
            _ => None,
        })
    };
    name.traits.iter().map(holds).collect()
}

/// Whether much more of it has words of its own.
fn has_strong_form(column: &ColumnAbout<'_>) -> bool {
    matches!(column.family, Family::Frequency | Family::Spend | Family::Basket)
}

/// The traits of a centroid, the most telling first, one an axis; further categories and channels are kept.
fn traits(columns: &[ColumnAbout<'_>], differences: &[f64], least: f64) -> Vec<Trait> {
    let mut order: Vec<usize> = (0..columns.len().min(differences.len()))
        .filter(|i| differences[*i].is_finite() && differences[*i].abs() >= least)
        .collect();
    order.sort_by(|a, b| differences[*b].abs().total_cmp(&differences[*a].abs()).then(a.cmp(b)));
    let mut traits: Vec<Trait> = Vec::new();
    for i in order {
        let Some(found) = describe(&columns[i], i, differences[i]) else { continue };
        let repeats = matches!(found.axis, Axis::Category | Axis::Channel);
        if repeats || traits.iter().all(|t| t.axis != found.axis) {
            traits.push(found);
        }
    }
    traits
}

/// The trait of a column that lies `difference` standard deviations from the mean.
fn describe(column: &ColumnAbout<'_>, index: usize, difference: f64) -> Option<Trait> {
    let high = difference > 0.0;
    let strong = difference >= STRONG && has_strong_form(column);
    // The Chinese word, whether it goes straight before a category, the English word.
    type Words = (&'static str, bool, &'static str);
    let pick = |axis, high_words: Words, low_words: Words| {
        let (zh, before, en) = if high { high_words } else { low_words };
        Some((axis, zh.to_owned(), en.to_owned(), before))
    };
    let (axis, zh, en, before) = match column.family {
        Family::Frequency => pick(Axis::Frequency, ("高频", true, "frequent"), ("低频", true, "infrequent")),
        Family::Rhythm => {
            pick(Axis::Frequency, ("购买间隔长", false, "slow-rhythm"), ("购买间隔短", false, "fast-rhythm"))
        }
        Family::Spend | Family::RecentSpend => {
            pick(Axis::Money, ("高消费", true, "high-spending"), ("低消费", true, "low-spending"))
        }
        Family::Basket => pick(Axis::Money, ("高客单", true, "big-basket"), ("低客单", true, "small-basket")),
        Family::Recency => {
            pick(Axis::Recency, ("久未购买", false, "long-absent"), ("近期活跃", false, "recently active"))
        }
        Family::Lateness => pick(Axis::Recency, ("逾期未购", false, "overdue"), ("未逾期", false, "not overdue")),
        Family::Tenure => pick(Axis::Tenure, ("老会员", false, "long-standing"), ("新会员", false, "newly joined")),
        Family::Variety => pick(Axis::Variety, ("购买面广", false, "broad-range"), ("购买专一", false, "narrow-range")),
        Family::Quantity => pick(Axis::Other(index), ("囤货型", true, "bulk-buying"), ("单件型", true, "single-unit")),
        Family::Returns => {
            pick(Axis::Returns, ("退货偏多", false, "often-returning"), ("退货偏少", false, "rarely-returning"))
        }
        Family::Discount => pick(Axis::Discount, ("促销型", true, "promotion-led"), ("原价型", true, "full-price")),
        Family::Weekend => pick(Axis::Times, ("周末型", true, "weekend"), ("平日型", true, "weekday")),
        Family::Festival => pick(Axis::Times, ("节日型", true, "festival"), ("非节日型", true, "off-festival")),
        Family::CategoryShare | Family::ChannelShare => {
            // That little is bought of one thing says nothing about what is bought; nor does "the rest".
            let (zh, en) = column.group.filter(|_| high)?;
            let axis = if column.family == Family::CategoryShare { Axis::Category } else { Axis::Channel };
            Some((axis, zh.to_owned(), en.to_owned(), false))
        }
        Family::Sql => {
            let (zh, en) = if high { ("高", "high") } else { ("低", "low") };
            Some((Axis::Other(index), format!("{}{zh}", column.name_zh), format!("{en} {}", column.name_en), false))
        }
    }?;
    let (zh, en) = if strong { (format!("超{zh}"), format!("very {en}")) } else { (zh, en) };
    let sign = if strong {
        "++"
    } else if high {
        "+"
    } else {
        "-"
    };
    Some(Trait { key: format!("{}{sign}", column.name), axis, zh, en, before })
}

/// A name of at most `length` traits: of each axis the most telling, a manner and a category first, then a channel.
fn compose(traits: &[Trait], length: usize) -> Name {
    let of = |wanted: &dyn Fn(Axis) -> bool| traits.iter().find(|t| wanted(t.axis));
    let manner = of(&|a| !matches!(a, Axis::Category | Axis::Channel));
    let category = of(&|a| a == Axis::Category);
    let mut chosen: Vec<&Trait> = manner.into_iter().chain(category).collect();
    let channel = of(&|a| a == Axis::Channel);
    for t in channel.into_iter().chain(traits) {
        if chosen.len() < length && !chosen.contains(&t) {
            chosen.push(t);
        }
    }
    render(&chosen)
}

/// The words of traits as a name: "高频母婴 · 小程序", "frequent baby buyers via mini-program". `chosen` are those of
/// [`compose`] in its order.
fn render(chosen: &[&Trait]) -> Name {
    if chosen.is_empty() {
        return Name { zh: "普通会员".into(), en: "average members".into(), traits: Vec::new() };
    }
    let all = |axis: Axis| chosen.iter().filter(move |t| t.axis == axis);
    let (categories, channels): (Vec<_>, Vec<_>) = (all(Axis::Category).collect(), all(Axis::Channel).collect());
    let manners: Vec<&Trait> =
        chosen.iter().copied().filter(|t| !matches!(t.axis, Axis::Category | Axis::Channel)).collect();
    let first = manners.first().filter(|t| t.before && !categories.is_empty());

    let mut zh: Vec<String> = categories.iter().map(|t| t.zh.clone()).collect();
    if let (Some(first), Some(category)) = (first, zh.first_mut()) {
        // Chinese and Latin words are set apart by a space.
        let between = if category.starts_with(|c: char| c.is_ascii_alphanumeric()) { " " } else { "" };
        *category = format!("{}{between}{category}", first.zh);
    }
    zh.extend(channels.iter().map(|t| t.zh.clone()));
    zh.extend(manners.iter().skip(usize::from(first.is_some())).map(|t| t.zh.clone()));

    let words =
        |traits: &[&&Trait], between: &str| traits.iter().map(|t| t.en.as_str()).collect::<Vec<_>>().join(between);
    let mut en = manners.iter().map(|t| t.en.as_str()).collect::<Vec<_>>().join(", ");
    if !categories.is_empty() {
        let gap = if en.is_empty() { "" } else { " " };
        en.push_str(&format!("{gap}{} buyers", words(&categories, " and ")));
    }
    if !channels.is_empty() {
        if categories.is_empty() {
            en.push_str(if en.is_empty() { "buyers" } else { " buyers" });
        }
        en.push_str(&format!(" via {}", words(&channels, " and ")));
    }
    Name { zh: zh.join(" · "), en, traits: chosen.iter().map(|t| t.key.clone()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &'static str, family: Family, group: Option<(&'static str, &'static str)>) -> ColumnAbout<'static> {
        ColumnAbout { name, family, group, name_zh: "指标", name_en: "measure" }
    }

    /// Differences of so many members that none is chance.
    fn significant(rows: &[Vec<f64>]) -> Vec<Vec<Difference>> {
        rows.iter()
            .map(|row| row.iter().map(|effect| Difference { effect: *effect, z: effect * 50.0 }).collect())
            .collect()
    }

    #[test]
    fn what_may_be_chance_names_nothing() {
        let columns = [column("orders", Family::Frequency, None), column("net_spend", Family::Spend, None)];
        let row = vec![Difference { effect: 2.0, z: 3.9 }, Difference { effect: -0.5, z: -4.2 }];
        assert_eq!(names(&columns, std::slice::from_ref(&row), &[])[0].zh, "低消费");
        // A name that was given stays while it is true.
        let kept = Name { zh: "超高频".into(), en: "very frequent".into(), traits: vec!["orders++".into()] };
        assert_eq!(names(&columns, &[row], &[Some(kept)])[0].zh, "超高频");
    }

    #[test]
    fn names_say_what_is_different() {
        let columns = [
            column("orders", Family::Frequency, None),
            column("net_spend", Family::Spend, None),
            column("share_category_baby", Family::CategoryShare, Some(("母婴", "baby"))),
            column("share_category_pet", Family::CategoryShare, Some(("pet food", "pet food"))),
            column("share_channel_mini", Family::ChannelShare, Some(("小程序", "mini-program"))),
            column("share_channel_rest", Family::ChannelShare, None),
        ];
        let rows = vec![
            vec![1.4, 0.9, 2.0, -0.5, 0.8, 0.0],
            vec![-0.9, -1.2, -0.5, 1.4, -0.9, 3.0],
            vec![0.1, -0.2, 0.0, 0.0, 0.0, 0.0],
            vec![0.0, 0.1, 0.0, 0.0, 0.0, 0.0],
            vec![1.4, 1.3, 2.0, -0.5, 0.8, 0.0],
            vec![0.8, 2.6, 0.0, 0.0, 0.0, 0.0],
            vec![2.6, 0.8, 0.0, 0.0, 0.0, 0.0],
            vec![0.8, 0.6, 0.0, 0.0, 0.0, 0.0],
            vec![0.6, 0.8, 0.0, 0.0, 0.0, 0.0],
        ];
        let found = names(&columns, &significant(&rows), &[]);
        let texts: Vec<(&str, &str)> = found.iter().map(|n| (n.zh.as_str(), n.en.as_str())).collect();
        assert_eq!(
            texts,
            [
                ("高频母婴 · 小程序", "frequent baby buyers via mini-program"),
                ("低消费 pet food · 低频", "low-spending, infrequent pet food buyers"),
                ("普通会员", "average members"),
                ("普通会员 2", "average members 2"),
                ("高频母婴 · 小程序 · 高消费", "frequent, high-spending baby buyers via mini-program"),
                ("超高消费 · 高频", "very high-spending, frequent"),
                ("超高频 · 高消费", "very frequent, high-spending"),
                ("高频 · 高消费", "frequent, high-spending"),
                ("高频 · 高消费 2", "frequent, high-spending 2"),
            ]
        );
        // So do the numbers, whatever the order.
        let numbered = |zh: &str| Some(Name { zh: zh.into(), en: zh.into(), traits: vec!["orders+".into()] });
        let row = vec![0.8, 0.0, 0.0, 0.0, 0.0, 0.0];
        let again = names(
            &columns,
            &significant(&[row.clone(), row.clone(), row]),
            &[numbered("高频 2"), numbered("高频"), None],
        );
        let texts: Vec<&str> = again.iter().map(|n| n.zh.as_str()).collect();
        assert_eq!(texts, ["高频 2", "高频", "高频 3"]);
        // A name stays while its traits hold, and goes when they do not.
        let kept: Vec<Option<Name>> = found.into_iter().map(Some).collect();
        let drifted = vec![
            vec![0.3, 2.0, 1.0, -0.5, 0.3, 0.0],
            vec![0.9, -1.2, -0.5, 1.4, -0.9, 3.0],
            vec![2.0, -0.2, 0.0, 0.0, 0.0, 0.0],
        ];
        let again = names(&columns, &significant(&drifted), &kept[..3]);
        assert_eq!(again[0].zh, "高频母婴 · 小程序");
        assert_eq!(again[1].en, "low-spending, frequent pet food buyers");
        assert_eq!(again[2].zh, "超高频");
    }
}
