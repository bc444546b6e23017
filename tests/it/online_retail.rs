//! Every row of *Online Retail* accounted for, against figures computed here from the raw table: one row after another, in
//! the contract's order of reasons, with nothing shared with the program.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
};

use nextoffer::run::RunOptions;

use super::support::{Published, Table, publish, real_data};

const DAY: i64 = 86_400_000_000;

/// A row as it stands in the file.
#[derive(Debug, Clone, Copy)]
struct Line<'t> {
    order: &'t str,
    item: &'t str,
    micros: i64,
    quantity: i64,
    /// Pence.
    amount: i64,
}

impl Line<'_> {
    fn is_return(&self) -> bool {
        self.quantity < 0 || self.order.starts_with('C')
    }

    fn day(&self) -> i64 {
        self.micros.div_euclid(DAY)
    }
}

/// What a member comes to.
#[derive(Debug, Default, PartialEq)]
struct Member {
    orders: f64,
    days: Vec<i64>,
    items: f64,
    /// Pence, returns taken off.
    net: i64,
    gross: i64,
    refunded: i64,
}

#[derive(Debug, Default)]
struct Expected<'t> {
    read: u64,
    lost: BTreeMap<&'static str, u64>,
    /// Rows whose price is not positive.
    bad_price: Vec<i64>,
    kept: u64,
    unmatched: u64,
    members: BTreeMap<&'t str, Member>,
    last_day: i64,
}

/// `value × 10^6`, from the text the number was written as.
fn millionths(value: f64) -> i128 {
    let text = format!("{value:.6}");
    assert_eq!(text.parse::<f64>().unwrap(), value, "six digits hold {value}");
    text.replace('.', "").parse().unwrap()
}

fn half_even(numerator: i128, denominator: i128) -> i64 {
    let (quotient, rest) = (numerator.div_euclid(denominator), numerator.rem_euclid(denominator));
    let up = rest * 2 > denominator || (rest * 2 == denominator && quotient % 2 != 0);
    i64::try_from(quotient + i128::from(up)).unwrap()
}

fn is_merchandise(item: &str) -> bool {
    const OTHER: &[&str] = &["POST", "DOT", "C2", "D", "S", "M", "m", "B", "BANK CHARGES", "AMAZONFEE", "CRUK", "PADS"];
    !OTHER.contains(&item) && !item.starts_with("gift")
}

fn expect(table: &Table) -> Expected<'_> {
    let (members, orders, items) = (table.texts("member_id"), table.texts("order_id"), table.texts("item_id"));
    let (times, quantities, prices) = (table.times("ts"), table.ints("quantity"), table.floats("unit_price"));
    let mut expected = Expected { read: table.rows() as u64, ..Expected::default() };
    let mut seen = HashSet::new();
    let mut kept: BTreeMap<&str, Vec<Line<'_>>> = BTreeMap::new();
    for row in 0..table.rows() {
        let (order, item) = (orders[row].unwrap(), items[row].unwrap());
        let (micros, quantity, price) = (times[row].unwrap(), quantities[row].unwrap(), prices[row].unwrap());
        expected.last_day = expected.last_day.max(micros.div_euclid(DAY));
        let mut lose = |reason| *expected.lost.entry(reason).or_default() += 1;
        let Some(member) = members[row].filter(|m| !m.is_empty()) else {
            lose("no_member");
            continue;
        };
        let amount = half_even(millionths(price) * i128::from(quantity), 10_000);
        let line = Line { order, item, micros, quantity, amount };
        if !seen.insert((member, order, item, micros, quantity, price.to_bits())) {
            lose("duplicate");
        } else if !is_merchandise(item) {
            lose("not_merchandise");
        } else if price <= 0.0 && !line.is_return() {
            lose("bad_price");
            expected.bad_price.push(row as i64);
        } else {
            expected.kept += 1;
            kept.entry(member).or_default().push(line);
        }
    }
    for (member, mut lines) in kept {
        // What is bought and brought back at one instant was bought first; the larger return goes before the smaller.
        lines.sort_by_key(|l| (l.micros, l.is_return(), l.quantity, l.amount));
        let (figures, unmatched) = net(&lines);
        expected.unmatched += unmatched;
        expected.members.insert(member, figures);
    }
    expected
}

/// Takes every return off the latest earlier purchases of the item.
fn net(lines: &[Line<'_>]) -> (Member, u64) {
    // Units and money left of each line.
    let mut left: Vec<(i64, i64)> = lines.iter().map(|l| (l.quantity, l.amount)).collect();
    let mut unmatched = 0;
    let mut member = Member::default();
    for (i, line) in lines.iter().enumerate() {
        if !line.is_return() {
            member.gross += line.amount;
            continue;
        }
        let units = line.quantity.abs();
        let mut open = units;
        for j in (0..i).rev() {
            let bought = &lines[j];
            if bought.is_return() || bought.item != line.item || left[j].0 == 0 {
                continue;
            }
            let taken = open.min(left[j].0);
            let share = half_even(i128::from(line.amount.abs()) * i128::from(taken), i128::from(units)).min(left[j].1);
            left[j] = (left[j].0 - taken, left[j].1 - share);
            member.refunded += share;
            open -= taken;
            if open == 0 {
                break;
            }
        }
        unmatched += u64::from(open == units);
    }
    member.net = member.gross - member.refunded;
    // A line that came back whole was no purchase.
    let stayed = || lines.iter().zip(&left).filter(|(l, left)| !l.is_return() && left.0 > 0).map(|(l, _)| l);
    member.orders = stayed().map(|l| l.order).collect::<BTreeSet<_>>().len() as f64;
    member.items = stayed().map(|l| l.item).collect::<BTreeSet<_>>().len() as f64;
    member.days = stayed().map(Line::day).collect::<BTreeSet<_>>().into_iter().collect();
    (member, unmatched)
}

fn run(out: &std::path::Path, folder: &std::path::Path) -> Published {
    let lines = format!("inputs.transactions.path={}", folder.join("transactions.parquet").display());
    let items = format!("inputs.items.path={}", folder.join("products.parquet").display());
    publish("jobs/online-retail.toml", out, &[&lines, &items, "output.features=true"], RunOptions::default())
}

fn median(mut values: Vec<i64>) -> Option<f64> {
    values.sort_unstable();
    let (low, high) = (values.get(values.len().wrapping_sub(1) / 2)?, values.get(values.len() / 2)?);
    Some((low + high) as f64 / 2.0)
}

#[test]
fn every_row_and_member() {
    let Some(folder) = real_data("online_retail") else { return };
    let folder = fs::canonicalize(folder).unwrap();
    let raw = Table::read(&folder.join("transactions.parquet"));
    let expected = expect(&raw);
    let out = tempfile::tempdir().unwrap();
    let run = run(out.path(), &folder);

    let rows = &run.manifest.rows["transactions"];
    assert_eq!(rows.read, expected.read);
    let lost: BTreeMap<&str, u64> =
        rows.dropped.iter().chain(&rows.quarantined).map(|(reason, n)| (reason.as_str(), *n)).collect();
    assert_eq!(lost, expected.lost);
    assert_eq!(rows.kept, expected.kept);
    assert_eq!(rows.unmatched_returns, expected.unmatched);
    assert_eq!(run.manifest.as_of.0, i32::try_from(expected.last_day).unwrap());

    let quarantine = run.table("quarantine.parquet");
    assert!(quarantine.names("reason").iter().all(|reason| *reason == "bad_price"));
    assert_eq!(quarantine.ints("row").into_iter().flatten().collect::<Vec<_>>(), expected.bad_price);

    // Every member with a kept row, and what the features say of each.
    let features = run.table("features.parquet");
    assert_eq!(features.names("member_id"), expected.members.keys().copied().collect::<Vec<_>>());
    assert_eq!(run.table("segments.parquet").names("member_id"), features.names("member_id"));
    assert_eq!(run.manifest.members.seen, expected.members.len() as u64);
    let column = |name: &str| features.floats(name);
    let (orders, days, items) = (column("orders"), column("purchase_days"), column("distinct_items"));
    let (net, basket, rate) = (column("net_spend"), column("basket_value"), column("return_rate"));
    let (recency, tenure, rhythm) = (column("recency_days"), column("tenure_days"), column("rhythm"));
    let of = |part: i64, whole: f64| (whole > 0.0).then(|| part as f64 / whole);
    for (i, (id, member)) in expected.members.iter().enumerate() {
        assert_eq!(orders[i], Some(member.orders), "{id}");
        assert_eq!(days[i], Some(member.days.len() as f64), "{id}");
        assert_eq!(items[i], Some(member.items), "{id}");
        assert_eq!(net[i], Some(member.net as f64 / 100.0), "{id}");
        assert!(member.net >= 0, "{id}");
        let close = |found: Option<f64>, expected: Option<f64>| match (found, expected) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-6 * b.abs(),
            (a, b) => a == b,
        };
        assert!(close(basket[i], of(member.net, member.orders * 100.0)), "{id} {:?}", basket[i]);
        assert!(close(rate[i], of(member.refunded, member.gross as f64)), "{id} {:?}", rate[i]);
        let since = |day: Option<&i64>| day.map(|d| (expected.last_day - d) as f64);
        assert_eq!(recency[i], since(member.days.last()), "{id}");
        assert_eq!(tenure[i], since(member.days.first()), "{id}");
        let gaps = member.days.windows(2).map(|w| w[1] - w[0]).collect();
        assert_eq!(rhythm[i], median(gaps), "{id}");
    }
}
