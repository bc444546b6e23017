//! Names for segments, made from what sets their centroids apart.

use crate::features::{Family, FeatureEntry};

/// Standardised difference from which on a trait may name a segment.
const TELLING: f64 = 0.4;
/// Standardised difference down to which a trait that once named a segment still does.
const STILL_TRUE: f64 = 0.2;

/// What a column of the matrix is about, for naming.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnAbout<'a> {
    /// Name of the feature.
    pub name: &'a str,
    /// What it is about.
    pub family: Family,
    /// The category or channel a share is of; `None` for all others.
    pub group: Option<&'a str>,
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
            group: entry.group.as_deref(),
            name_zh: &entry.name_zh,
            name_en: &entry.name_en,
        }
    }
}

/// One thing that sets a segment apart.
#[derive(Debug, Clone, PartialEq)]
struct Trait {
    /// The feature with `+` or `-`.
    key: String,
    axis: Axis,
    zh: String,
    en: String,
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
    /// Features with `+` or `-`, the most telling first.
    pub traits: Vec<String>,
}

/// Names of all segments, unique in each language. `differences` has shape `(k, n_features)`: how many standard
/// deviations (over all members) a centroid lies from the mean of all. `kept` are names of the previous run for
/// segments that keep their id: they stay as long as their traits hold.
pub(super) fn names(columns: &[ColumnAbout<'_>], differences: &[Vec<f64>], kept: &[Option<Name>]) -> Vec<Name> {
    let mut names: Vec<Option<Name>> = kept
        .iter()
        .zip(differences)
        .map(|(kept, row)| kept.clone().filter(|name| !name.traits.is_empty() && still_true(name, columns, row)))
        .collect();
    names.resize(differences.len(), None);
    let taken =
        |names: &[Option<Name>], name: &Name| names.iter().flatten().any(|n| n.zh == name.zh || n.en == name.en);
    for segment in 0..differences.len() {
        if names[segment].is_some() {
            continue;
        }
        let traits = traits(columns, &differences[segment]);
        let mut found = None;
        for length in 3..=traits.len().clamp(3, 6) {
            let name = compose(&traits, length);
            if !taken(&names, &name) {
                found = Some(name);
                break;
            }
        }
        // What no trait tells apart is told apart by a number.
        let base = compose(&traits, 3);
        names[segment] = found.or_else(|| {
            (2..)
                .map(|n| Name { zh: format!("{} {n}", base.zh), en: format!("{} {n}", base.en), ..base.clone() })
                .find(|name| !taken(&names, name))
        });
    }
    names.into_iter().flatten().collect()
}

fn still_true(name: &Name, columns: &[ColumnAbout<'_>], differences: &[f64]) -> bool {
    name.traits.iter().all(|key| {
        columns.iter().zip(differences).any(|(column, difference)| match key.strip_prefix(column.name) {
            Some("+") => *difference >= STILL_TRUE,
            Some("-") => *difference <= -STILL_TRUE,
            _ => false,
        })
    })
}

/// The traits of a centroid, the most telling first, one an axis; further categories and channels are kept.
fn traits(columns: &[ColumnAbout<'_>], differences: &[f64]) -> Vec<Trait> {
    let mut order: Vec<usize> = (0..columns.len().min(differences.len()))
        .filter(|i| differences[*i].is_finite() && differences[*i].abs() >= TELLING)
        .collect();
    order.sort_by(|a, b| differences[*b].abs().total_cmp(&differences[*a].abs()).then(a.cmp(b)));
    let mut traits: Vec<Trait> = Vec::new();
    for i in order {
        let Some(found) = describe(&columns[i], i, differences[i] > 0.0) else { continue };
        let repeats = matches!(found.axis, Axis::Category | Axis::Channel);
        if repeats || traits.iter().all(|t| t.axis != found.axis) {
            traits.push(found);
        }
    }
    traits
}

fn describe(column: &ColumnAbout<'_>, index: usize, high: bool) -> Option<Trait> {
    let pick = |axis, high_words: (&str, &str), low_words: (&str, &str)| {
        let (zh, en) = if high { high_words } else { low_words };
        Some((axis, zh.to_owned(), en.to_owned()))
    };
    let (axis, zh, en) = match column.family {
        Family::Frequency => pick(Axis::Frequency, ("高频", "frequent"), ("低频", "infrequent")),
        Family::Rhythm => pick(Axis::Frequency, ("长间隔", "long-gap"), ("短间隔", "short-gap")),
        Family::Spend | Family::RecentSpend => {
            pick(Axis::Money, ("高消费", "big-spending"), ("低消费", "low-spending"))
        }
        Family::Basket => pick(Axis::Money, ("大单", "big-basket"), ("小单", "small-basket")),
        Family::Recency => pick(Axis::Recency, ("久未购", "long-absent"), ("近期活跃", "recent")),
        Family::Lateness => pick(Axis::Recency, ("逾期", "overdue"), ("按时复购", "on-rhythm")),
        Family::Tenure => pick(Axis::Tenure, ("老客", "long-standing"), ("新近加入", "newly joined")),
        Family::Variety => pick(Axis::Variety, ("广逛", "broad-range"), ("专一", "narrow-range")),
        Family::Quantity => pick(Axis::Other(index), ("囤货", "bulk-buying"), ("单件", "single-unit")),
        Family::Returns => pick(Axis::Returns, ("多退货", "often-returning"), ("少退货", "rarely-returning")),
        Family::Discount => pick(Axis::Discount, ("促销型", "promotion-led"), ("原价型", "full-price")),
        Family::Weekend => pick(Axis::Times, ("周末型", "weekend"), ("平日型", "weekday")),
        Family::Festival => pick(Axis::Times, ("节日型", "festival"), ("非节日型", "off-festival")),
        Family::CategoryShare | Family::ChannelShare => {
            // That little is bought of one thing says nothing about what is bought; nor does "the rest".
            let group = column.group.filter(|_| high)?;
            let last = group.rsplit('/').next().unwrap_or(group);
            let axis = if column.family == Family::CategoryShare { Axis::Category } else { Axis::Channel };
            Some((axis, last.to_owned(), last.replace('_', " ")))
        }
        Family::Sql => {
            let (zh, en) = if high { ("高", "high") } else { ("低", "low") };
            Some((Axis::Other(index), format!("{zh}{}", column.name_zh), format!("{en} {}", column.name_en)))
        }
    }?;
    Some(Trait { key: format!("{}{}", column.name, if high { '+' } else { '-' }), axis, zh, en })
}

/// A name of at most `length` traits: a manner and a category first, the rest behind it
/// ("高频母婴 · 小程序", "frequent baby-care, mini-program").
fn compose(traits: &[Trait], length: usize) -> Name {
    let of = |wanted: &dyn Fn(Axis) -> bool| traits.iter().find(|t| wanted(t.axis));
    let manner = of(&|a| !matches!(a, Axis::Category | Axis::Channel));
    let category = of(&|a| a == Axis::Category);
    let mut chosen: Vec<&Trait> = manner.into_iter().chain(category).collect();
    let head = chosen.len();
    let channel = of(&|a| a == Axis::Channel);
    for t in channel.into_iter().chain(traits) {
        if chosen.len() < length && !chosen.contains(&t) {
            chosen.push(t);
        }
    }
    if chosen.is_empty() {
        return Name { zh: "普通会员".into(), en: "average members".into(), traits: Vec::new() };
    }
    let head = head.max(1);
    let join = |words: Vec<&str>, between: &str| words.join(between);
    let zh_head = join(chosen[..head].iter().map(|t| t.zh.as_str()).collect(), "");
    let en_head = join(chosen[..head].iter().map(|t| t.en.as_str()).collect(), " ");
    let zh_rest: Vec<&str> = chosen[head..].iter().map(|t| t.zh.as_str()).collect();
    let en_rest: Vec<&str> = chosen[head..].iter().map(|t| t.en.as_str()).collect();
    Name {
        zh: std::iter::once(zh_head.as_str()).chain(zh_rest).collect::<Vec<_>>().join(" · "),
        en: std::iter::once(en_head.as_str()).chain(en_rest).collect::<Vec<_>>().join(", "),
        traits: chosen.iter().map(|t| t.key.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &'static str, family: Family, group: Option<&'static str>) -> ColumnAbout<'static> {
        ColumnAbout { name, family, group, name_zh: "指标", name_en: "measure" }
    }

    #[test]
    fn names_say_what_is_different() {
        let columns = [
            column("orders", Family::Frequency, None),
            column("net_spend", Family::Spend, None),
            column("share_category_baby", Family::CategoryShare, Some("母婴")),
            column("share_category_pet", Family::CategoryShare, Some("home/pet_food")),
            column("share_channel_mini", Family::ChannelShare, Some("小程序")),
            column("share_channel_rest", Family::ChannelShare, None),
        ];
        let rows = vec![
            vec![1.5, 0.9, 2.0, -0.5, 0.8, 0.0],
            vec![-0.9, -1.2, -0.5, 1.4, -0.9, 3.0],
            vec![0.1, -0.2, 0.0, 0.0, 0.0, 0.0],
            vec![0.0, 0.1, 0.0, 0.0, 0.0, 0.0],
            vec![1.5, 1.4, 2.0, -0.5, 0.8, 0.0],
        ];
        let found = names(&columns, &rows, &[]);
        let texts: Vec<(&str, &str)> = found.iter().map(|n| (n.zh.as_str(), n.en.as_str())).collect();
        assert_eq!(
            texts,
            [
                ("高频母婴 · 小程序", "frequent 母婴, 小程序"),
                ("低消费pet_food · 低频", "low-spending pet food, infrequent"),
                ("普通会员", "average members"),
                ("普通会员 2", "average members 2"),
                ("高频母婴 · 小程序 · 高消费", "frequent 母婴, 小程序, big-spending"),
            ]
        );
        // A name stays while its traits hold, and goes when they do not.
        let kept: Vec<Option<Name>> = found.into_iter().map(Some).collect();
        let drifted = vec![
            vec![0.3, 2.0, 1.0, -0.5, 0.3, 0.0],
            vec![0.9, -1.2, -0.5, 1.4, -0.9, 3.0],
            vec![2.0, -0.2, 0.0, 0.0, 0.0, 0.0],
        ];
        let again = names(&columns, &drifted, &kept[..3]);
        assert_eq!(again[0].zh, "高频母婴 · 小程序");
        assert_eq!(again[1].en, "low-spending pet food, frequent");
        assert_eq!(again[2].zh, "高频");
    }
}
