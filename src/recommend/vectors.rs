//! A member's taste as a vector over items.

use super::workspace::{OwnItem, Sparse};
use crate::items::{ItemStatistics, LAG_WEIGHTS, MemberBaskets, PROFILE_DECAY};

/// `ln((M + 1) / (m_i + 1))` of every item: M members, m_i of whom bought it.
pub(super) fn rarity(statistics: &ItemStatistics) -> Vec<f32> {
    let all = (statistics.members() + 1) as f64;
    let rarity = |item| (all / (statistics.item_members(item) + 1) as f64).ln() as f32;
    (0..statistics.len() as u32).map(rarity).collect()
}

/// The profile of the baskets before `end`, times the items' rarity, scaled to length 1, by rising item; empty where it
/// says nothing. `profile` is empty, and is left so.
pub(super) fn taste_before(
    end: usize,
    baskets: &MemberBaskets,
    rarity: &[f32],
    profile: &mut Sparse,
) -> Vec<(u32, f32)> {
    for lag in 1..=LAG_WEIGHTS.len().min(end) {
        let weight = PROFILE_DECAY.powi(lag as i32 - 1) as f32;
        for &item in baskets.items(end - lag) {
            profile.add(item, weight);
        }
    }
    let weigh = |item: &u32| (*item, profile.get(*item) * rarity[*item as usize]);
    let mut vector: Vec<(u32, f32)> = profile.touched().iter().map(weigh).collect();
    profile.clear();
    scale(&mut vector);
    vector
}

/// As [`taste_before`] with all baskets, of a member who was read, into `vector`.
pub(super) fn taste(own: &[OwnItem], rarity: &[f32], vector: &mut Vec<(u32, f32)>) {
    vector.clear();
    let speaking = own.iter().take_while(|own| own.profile > 0.0);
    vector.extend(speaking.map(|own| (own.item, own.profile * rarity[own.item as usize])));
    scale(vector);
}

/// Sorts, drops what weighs nothing and scales to length 1.
fn scale(vector: &mut Vec<(u32, f32)>) {
    vector.retain(|entry| entry.1 > 0.0);
    // Sums of floats have one order.
    vector.sort_unstable_by_key(|entry| entry.0);
    let length = vector.iter().map(|entry| entry.1 * entry.1).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|entry| entry.1 /= length);
}
