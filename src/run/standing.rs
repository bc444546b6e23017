//! Where members stand among the others: by orders in their segment, by spend among all; and what segments take part in.

use std::collections::BTreeMap;

use super::fit::{Described, Scene};
use crate::{
    input::ActivityKind,
    offers::{Catalogue, Participation, Standing},
};

/// The standing of every member in (shard, member) order; empty where no offer asks for it.
pub(super) fn standing(described: &Described, catalogue: &Catalogue) -> Vec<Standing> {
    let asked = |o: &crate::offers::BoundOffer| {
        o.active && (o.offer.kind.ranks_members() || o.offer.parameters.cause.is_some())
    };
    if !catalogue.offers.iter().any(asked) {
        return Vec::new();
    }
    let features = &described.features;
    let segments = &described.memberships.segment;
    let mut standing: Vec<Standing> =
        segments.iter().map(|s| Standing { segment: u32::from(*s), ..Standing::default() }).collect();
    let column = |name: &str| features.dictionary().entries().iter().position(|e| e.name == name);
    if let Some(orders) = column("orders") {
        let ranks = ranks(&features.values(orders).collect::<Vec<_>>(), segments.iter().map(|s| u32::from(*s)));
        ranks.iter().zip(&mut standing).for_each(|(rank, s)| s.rank_in_segment = *rank);
    }
    if let Some(spend) = column("net_spend") {
        let ranks = ranks(&features.values(spend).collect::<Vec<_>>(), segments.iter().map(|_| 0));
        ranks.iter().zip(&mut standing).for_each(|(rank, s)| s.rank_by_spend = *rank);
    }
    standing
}

/// For each member the share of the members of the same group whose value is at least as large; a missing value is last.
fn ranks(values: &[f64], groups: impl Iterator<Item = u32>) -> Vec<f32> {
    let groups: Vec<u32> = groups.collect();
    let key = |i: usize| if values[i].is_nan() { f64::NEG_INFINITY } else { values[i] };
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_unstable_by(|a, b| {
        let (a, b) = (*a as usize, *b as usize);
        groups[a].cmp(&groups[b]).then(key(b).total_cmp(&key(a))).then(a.cmp(&b))
    });
    let mut ranks = vec![1.0f32; values.len()];
    let mut start = 0;
    while start < order.len() {
        let group = groups[order[start] as usize];
        let len = order[start..].iter().take_while(|i| groups[**i as usize] == group).count();
        let of_group = &order[start..start + len];
        let mut at = 0;
        while at < len {
            let value = key(of_group[at] as usize);
            let end = at + of_group[at..].iter().take_while(|i| key(**i as usize) == value).count();
            for member in &of_group[at..end] {
                ranks[*member as usize] = (end as f64 / len as f64) as f32;
            }
            at = end;
        }
        start += len;
    }
    ranks
}

/// The share of each segment's members who took part in each cause that an offer names.
pub(super) fn participation(scene: &Scene<'_>, described: &Described, catalogue: &Catalogue) -> Participation {
    let causes: Vec<&str> = catalogue.offers.iter().filter_map(|o| o.offer.parameters.cause.as_deref()).collect();
    if causes.is_empty() {
        return Participation::default();
    }
    let as_of = catalogue.as_of;
    let (mut members, mut takers) = (BTreeMap::new(), BTreeMap::new());
    for segment in &described.memberships.segment {
        *members.entry(u32::from(*segment)).or_default() += 1;
    }
    // Members without a history have no segment: only those of the shards count.
    let counted = scene.histories.shards.map(|index, shard| {
        let first = described.features.offset(index);
        let mut own: BTreeMap<(u32, String), u64> = BTreeMap::new();
        for (member, id) in shard.members.iter().enumerate() {
            let attributes = scene.members.get(id);
            let segment = u32::from(described.memberships.segment[first + member]);
            for cause in &causes {
                let mut given = attributes.did(ActivityKind::Donation, as_of);
                if given.any(|a| a.subject.as_deref().is_none_or(|s| s == *cause)) {
                    *own.entry((segment, (*cause).to_owned())).or_default() += 1;
                }
            }
        }
        Ok::<_, crate::history::ShardError>(own)
    });
    for (key, count) in counted.into_iter().flatten().flatten() {
        *takers.entry(key).or_default() += count;
    }
    Participation::new(&members, &takers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_shares_of_who_is_as_good() {
        let values = [5.0, 9.0, f64::NAN, 5.0, 1.0, 7.0];
        let all = ranks(&values, [0; 6].into_iter());
        assert_eq!(all, [4.0 / 6.0, 1.0 / 6.0, 1.0, 4.0 / 6.0, 5.0 / 6.0, 2.0 / 6.0].map(|r: f64| r as f32));
        let in_groups = ranks(&values, [0, 0, 0, 1, 1, 1].into_iter());
        assert_eq!(in_groups, [2.0 / 3.0, 1.0 / 3.0, 1.0, 2.0 / 3.0, 1.0, 1.0 / 3.0].map(|r: f64| r as f32));
        assert_eq!(ranks(&[], std::iter::empty()), [0.0f32; 0]);
    }
}
