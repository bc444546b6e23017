//! The personas can be told apart: plain k-means at the true k finds them again.

use std::collections::HashMap;

use super::read::{shop, table, texts};
use crate::generate::{
    PERSONA_COUNT,
    departments::DEPARTMENTS,
    dice::Dice,
    personas::{CHANNELS, PERSONAS},
};

/// Features of a member: log orders, log basket value, log recency, share of spend by department and by channel.
const WIDTH: usize = 3 + 8 + 5;

fn features() -> Vec<(usize, [f64; WIDTH])> {
    let dir = shop().dir.path();
    let items = table(&dir.join("items.parquet"));
    let category: HashMap<String, String> = texts(&items, "item_id")
        .into_iter()
        .zip(texts(&items, "category"))
        .filter_map(|(item, category)| Some((item?, category?)))
        .collect();
    let truth = table(&dir.join("truth/members.parquet"));
    let mut persona: HashMap<String, usize> = HashMap::new();
    for (member, code) in texts(&truth, "member_id").into_iter().zip(texts(&truth, "persona")) {
        let code = code.unwrap();
        persona.insert(member.unwrap(), PERSONAS.iter().position(|p| p.code == code).unwrap());
    }
    let mut by_member: HashMap<&str, (std::collections::HashSet<&str>, i32, [f64; 13])> = HashMap::new();
    let last = shop().spec.last_day.0;
    for row in &shop().rows {
        let (Some(member), Some(category)) = (&row.member, category.get(&row.item)) else { continue };
        let Some(department) = DEPARTMENTS.iter().position(|d| category.split('/').next() == Some(d.code)) else {
            continue;
        };
        if row.is_return || row.day() > last {
            continue;
        }
        let entry = by_member.entry(member).or_insert_with(|| (Default::default(), 0, [0.0; 13]));
        let amount = row.price as f64 * f64::from(row.quantity);
        entry.0.insert(&row.order);
        entry.1 = entry.1.max(row.day());
        entry.2[department] += amount;
        entry.2[8 + CHANNELS.iter().position(|c| *c == row.channel).unwrap()] += amount;
    }
    let mut rows: Vec<(&str, usize, [f64; WIDTH])> = by_member
        .into_iter()
        .map(|(member, (orders, latest, spend))| {
            let total: f64 = spend[..8].iter().sum::<f64>().max(1.0);
            let mut x = [0.0; WIDTH];
            x[0] = (1.0 + orders.len() as f64).ln();
            x[1] = (1.0 + total / orders.len() as f64).ln();
            x[2] = (1.0 + f64::from(last - latest)).ln();
            for (to, from) in x[3..].iter_mut().zip(spend) {
                *to = from / total;
            }
            (member, persona[member], x)
        })
        .collect();
    rows.sort_by_key(|row| row.0);
    let mut rows: Vec<(usize, [f64; WIDTH])> = rows.into_iter().map(|(_, persona, x)| (persona, x)).collect();
    for j in 0..WIDTH {
        let n = rows.len() as f64;
        let mean = rows.iter().map(|row| row.1[j]).sum::<f64>() / n;
        let deviation = (rows.iter().map(|row| (row.1[j] - mean).powi(2)).sum::<f64>() / n).sqrt();
        rows.iter_mut().for_each(|row| row.1[j] = (row.1[j] - mean) / deviation);
    }
    rows
}

fn distance(a: &[f64; WIDTH], b: &[f64; WIDTH]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Lloyd's algorithm from k-means++ starts; the labels of the best of twenty.
fn k_means(rows: &[(usize, [f64; WIDTH])]) -> Vec<usize> {
    let mut best = (f64::MAX, Vec::new());
    for restart in 0..20 {
        let dice = &mut Dice::of(3, restart);
        let mut centres = vec![rows[dice.below(rows.len() as u32) as usize].1];
        while centres.len() < PERSONA_COUNT {
            let nearest =
                |row: &(usize, [f64; WIDTH])| centres.iter().map(|c| distance(&row.1, c)).fold(f64::MAX, f64::min);
            let weights: Vec<f64> = rows.iter().map(nearest).collect();
            centres.push(rows[dice.pick(&weights)].1);
        }
        let mut labels = vec![0; rows.len()];
        let mut inertia = 0.0;
        for _ in 0..30 {
            inertia = 0.0;
            let mut sums = [([0.0; WIDTH], 0.0); PERSONA_COUNT];
            for (row, label) in rows.iter().zip(&mut labels) {
                let near = (0..PERSONA_COUNT)
                    .min_by(|a, b| distance(&row.1, &centres[*a]).total_cmp(&distance(&row.1, &centres[*b])));
                *label = near.unwrap();
                inertia += distance(&row.1, &centres[*label]);
                sums[*label].1 += 1.0;
                sums[*label].0.iter_mut().zip(row.1).for_each(|(sum, x)| *sum += x);
            }
            for (centre, (sum, n)) in centres.iter_mut().zip(&sums) {
                if *n > 0.0 {
                    *centre = sum.map(|x| x / n);
                }
            }
        }
        if inertia < best.0 {
            best = (inertia, labels);
        }
    }
    best.1
}

/// Adjusted Rand index (Hubert and Arabie 1985).
fn adjusted_rand(truth: &[usize], labels: &[usize]) -> f64 {
    let mut table = [[0f64; PERSONA_COUNT]; PERSONA_COUNT];
    truth.iter().zip(labels).for_each(|(t, l)| table[*t][*l] += 1.0);
    let pairs = |n: f64| n * (n - 1.0) / 2.0;
    let both: f64 = table.iter().flatten().map(|n| pairs(*n)).sum();
    let rows: f64 = table.iter().map(|row| pairs(row.iter().sum())).sum();
    let columns: f64 = (0..PERSONA_COUNT).map(|j| pairs(table.iter().map(|row| row[j]).sum())).sum();
    let expected = rows * columns / pairs(truth.len() as f64);
    (both - expected) / ((rows + columns) / 2.0 - expected)
}

#[test]
fn k_means_finds_the_personas() {
    let rows = features();
    let truth: Vec<usize> = rows.iter().map(|row| row.0).collect();
    let index = adjusted_rand(&truth, &k_means(&rows));
    // Drifting members and those with hardly a purchase are in it too.
    assert!(index > 0.9, "adjusted Rand index {index}");
}

#[test]
fn members_are_shared_out_as_planted() {
    let members = shop().summary.members;
    for (persona, count) in PERSONAS.iter().zip(members.by_persona) {
        let share = count as f64 / members.members as f64;
        assert!((share - persona.share).abs() < 0.03, "{} {share}", persona.code);
    }
    assert!(members.drifting > 20 && members.lapsed > 50 && members.without_rows > 20);
}
