//! A bucket of lines becomes a shard of histories: sorted, without duplicates, returns netted, grouped into orders.

use std::cmp::Ordering;

use hashbrown::HashMap;

use super::{
    Column, NO_CODE, NO_ITEM, Returned, Shard,
    bucket::{Lines, RunPlace},
    line::{Line, verdict_reason},
};
use crate::{
    base::{Day, IdTable, LocalTime, interner::Texts, round::div_half_even},
    input::{
        Reason,
        accounting::{LostRow, Problem, ReasonCounts},
    },
};

/// Whether a member may be in a run, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Everything.
    Personalised,
    /// Opted out of personalisation: the generic list only.
    OptedOut,
    /// Not in the run at all.
    Excluded(Exclusion),
}

/// Why a member is not in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exclusion {
    /// No lawful basis to process the member's data.
    NoLawfulBasis,
    /// Consent was withdrawn.
    Withdrawn,
    /// Under the minimum age, without a guardian's consent.
    Minor,
    /// Asked to be forgotten.
    Forgotten,
}

impl Exclusion {
    /// The name in the manifest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoLawfulBasis => "no_lawful_basis",
            Self::Withdrawn => "withdrawn",
            Self::Minor => "minor",
            Self::Forgotten => "forgotten",
        }
    }
}

/// Ranks of the provisional numbers, once the scan is over.
#[derive(Debug)]
pub(super) struct Ranks {
    /// Item index by item number.
    pub(super) items: Vec<u32>,
    /// Channel, store and city code by number.
    pub(super) places: [Vec<u32>; 3],
    /// Which columns the shards keep.
    pub(super) has_discount: bool,
    pub(super) has_places: [bool; 3],
}

/// A finished shard and what became of its lines.
#[derive(Debug, Default)]
pub(super) struct Finished {
    pub(super) shard: Shard,
    pub(super) opted_out: Vec<Box<str>>,
    /// Members left out, by reason.
    pub(super) excluded: Vec<Exclusion>,
    /// Members with a kept line.
    pub(super) members: usize,
    pub(super) kept: u64,
    /// Kept lines by day number.
    pub(super) days: Vec<u32>,
    pub(super) unmatched_returns: u64,
    pub(super) counts: ReasonCounts,
    pub(super) lost: Vec<LostRow>,
    pub(super) first_time: Option<LocalTime>,
}

/// What grouping and netting need to know of the run.
pub(super) struct FinishContext<'a> {
    pub(super) ranks: &'a Ranks,
    pub(super) standing: &'a (dyn Fn(&str) -> Standing + Sync),
    /// Whether rows with this reason are entered in the list of lost rows.
    pub(super) wanted: &'a (dyn Fn(Reason) -> bool + Sync),
}

/// Space that is used again from bucket to bucket.
#[derive(Debug, Default)]
pub(super) struct FinishSpace {
    /// Places of runs of lines by member number, and where each member's begin.
    places: Vec<RunPlace>,
    starts: Vec<usize>,
    /// The member's lines in order of arrival, and the time and the place of each.
    arrived: Vec<Line>,
    keys: Vec<u64>,
    /// The member's lines.
    mine: Vec<Line>,
    groups: Groups,
}

/// Sorts, cleans and groups one bucket.
pub(super) fn finish(lines: &Lines, context: &FinishContext<'_>, space: &mut FinishSpace) -> Finished {
    let mut out = Finished::default();
    let FinishSpace { places, starts, arrived, keys, mine, groups } = space;
    let texts = &lines.members;
    sort_by_member(lines, starts, places);
    let mut builder = ShardBuilder::new(lines.count, context.ranks);
    for number in ranked(texts) {
        arrived.clear();
        for place in &places[starts[number as usize]..starts[number as usize + 1]] {
            lines.read(*place, arrived);
        }
        in_order(arrived, context.ranks, keys, mine);
        let kept = drop_lost(mine, &mut out, context);
        if kept == 0 {
            continue;
        }
        let mine = &mut mine[..kept];
        out.members += 1;
        out.kept += kept as u64;
        for line in mine.iter() {
            let day = (line.time / crate::base::date::DAY_SECONDS) as usize;
            if out.days.len() <= day {
                out.days.resize(day + 1, 0);
            }
            out.days[day] += 1;
        }
        out.first_time = out.first_time.into_iter().chain([LocalTime(mine[0].time)]).min();
        let netted = net_returns(mine);
        out.unmatched_returns += netted.unmatched;
        let id = texts.get(number);
        match (context.standing)(id) {
            Standing::Personalised => builder.push(id, mine, &netted, groups),
            Standing::OptedOut => out.opted_out.push(id.into()),
            Standing::Excluded(why) => out.excluded.push(why),
        }
    }
    out.shard = builder.shard;
    out
}

/// Member numbers in byte order of their ids. The first bytes of an id go along with its number: most ids are told apart
/// without a look at the text.
fn ranked(texts: &Texts) -> Vec<u32> {
    let start = |text: &str| {
        let mut first = [0; 16];
        let bytes = text.as_bytes();
        let length = bytes.len().min(first.len());
        first[..length].copy_from_slice(&bytes[..length]);
        u128::from_be_bytes(first)
    };
    let mut ids: Vec<(u128, u32)> = texts.iter().zip(0..).map(|(text, number)| (start(text), number)).collect();
    ids.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| texts.get(a.1).cmp(texts.get(b.1))));
    ids.into_iter().map(|(_, number)| number).collect()
}

/// The places of lines by member (counting sort): what is moved is short, and each member's lines are read when their turn
/// comes.
fn sort_by_member(lines: &Lines, starts: &mut Vec<usize>, places: &mut Vec<RunPlace>) {
    starts.clear();
    starts.resize(lines.members.len() + 2, 0);
    lines.runs(|member, _| starts[member as usize + 2] += 1);
    for i in 2..starts.len() {
        starts[i] += starts[i - 1];
    }
    places.clear();
    places.resize(starts.last().copied().unwrap_or(0), RunPlace::default());
    lines.runs(|member, place| {
        let next = &mut starts[member as usize + 1];
        places[*next] = place;
        *next += 1;
    });
}

/// The lines into `mine` in canonical order, with every provisional number replaced by its rank. They are sorted by small
/// keys first, for lines are long and times mostly tell them apart.
fn in_order(arrived: &[Line], ranks: &Ranks, keys: &mut Vec<u64>, mine: &mut Vec<Line>) {
    keys.clear();
    keys.extend((0u64..).zip(arrived).map(|(place, line)| (u64::from(line.time) << 32) | place));
    if !keys.is_sorted() {
        keys.sort_unstable();
    }
    mine.clear();
    mine.extend(keys.iter().map(|key| {
        let mut line = arrived[*key as u32 as usize];
        line.item = if line.item == 0 { NO_ITEM } else { ranks.items[line.item as usize - 1] };
        for (place, ranks) in line.places.iter_mut().zip(&ranks.places) {
            *place = if *place == 0 { u32::from(NO_CODE) } else { ranks[*place as usize - 1] };
        }
        line
    }));
    for instant in mine.chunk_by_mut(|a, b| a.time == b.time).filter(|lines| lines.len() > 1) {
        instant.sort_unstable_by(canonical);
    }
}

/// The order of a member's lines of one time: by everything that says what the line is, then by where it stood.
fn canonical(a: &Line, b: &Line) -> Ordering {
    a.order.cmp(&b.order).then_with(|| content(a, b)).then_with(|| (a.file, a.row).cmp(&(b.file, b.row)))
}

fn content(a: &Line, b: &Line) -> Ordering {
    let rest = |l: &Line| (l.is_return, l.quantity, l.amount, l.discount, l.places, l.residue, l.verdict);
    a.item.cmp(&b.item).then_with(|| rest(a).cmp(&rest(b)))
}

/// Moves the lines that stay to the front, in order; returns how many.
fn drop_lost(lines: &mut [Line], out: &mut Finished, context: &FinishContext<'_>) -> usize {
    let mut kept = 0;
    for i in 0..lines.len() {
        let line = &lines[i];
        // The line before is still there: nothing is moved to a place behind the next one that is free.
        let repeats = i > 0 && {
            let earlier = &lines[i - 1];
            (line.time, line.order) == (earlier.time, earlier.order) && content(line, earlier) == Ordering::Equal
        };
        match if repeats { Some(Reason::Duplicate) } else { verdict_reason(line.verdict) } {
            Some(reason) => {
                out.counts.add(reason);
                if (context.wanted)(reason) {
                    out.lost.push(LostRow { file: line.file, row: line.row, reason, problem: Problem::None });
                }
            }
            None => {
                if kept < i {
                    lines[kept] = lines[i];
                }
                kept += 1;
            }
        }
    }
    kept
}

/// What returns did to a member's lines.
#[derive(Debug, Default)]
struct Netted {
    /// By purchase line: the day the last of it was returned. Empty if the member has no return.
    returned: Vec<Option<Day>>,
    /// Returns that matched nothing.
    unmatched: u64,
}

/// Matches each return to the member's latest earlier purchases of the item; what is bought and brought back at one
/// instant was bought first, whatever its order is called. A return line's amount becomes minus the refund: its own price
/// for the units it matched, at most what is left of what was paid on the lines it takes them from.
fn net_returns(lines: &mut [Line]) -> Netted {
    // Few items ever come back: only their purchases are looked at.
    let mut back: Vec<u32> = lines.iter().filter(|l| l.is_return).map(|l| l.item).collect();
    if back.is_empty() {
        return Netted::default();
    }
    back.sort_unstable();
    let mut netted = Netted { returned: vec![None; lines.len()], unmatched: 0 };
    let mut open = OpenPurchases::new();
    let mut start = 0;
    while start < lines.len() {
        let instant = lines[start].time;
        let end = start + lines[start..].iter().take_while(|l| l.time == instant).count();
        for (i, line) in (start..end).map(|i| (i, lines[i])) {
            let counts = !line.is_return && line.item != NO_ITEM && line.quantity > 0;
            if counts && back.binary_search(&line.item).is_ok() {
                open.entry(line.item).or_default().push((i, i64::from(line.quantity), line.amount));
            }
        }
        for line in lines[start..end].iter_mut().filter(|l| l.is_return) {
            take_back(line, &mut open, &mut netted);
        }
        start = end;
    }
    netted
}

/// Per item, the purchases so far that are not fully returned: (line, units left, money left), newest last.
type OpenPurchases = HashMap<u32, Vec<(usize, i64, i64)>>;

fn take_back(line: &mut Line, open: &mut OpenPurchases, netted: &mut Netted) {
    let units = -i64::from(line.quantity);
    let (mut left, mut refund) = (units, 0);
    if let Some(stack) = open.get_mut(&line.item) {
        while left > 0
            && let Some((bought, quantity, money)) = stack.last_mut()
        {
            let taken = left.min(*quantity);
            let share = div_half_even(-i128::from(line.amount) * i128::from(taken), i128::from(units));
            let share = i64::try_from(share).unwrap_or(i64::MAX).min(*money);
            refund += share;
            *money -= share;
            *quantity -= taken;
            left -= taken;
            if *quantity == 0 {
                netted.returned[*bought] = Some(LocalTime(line.time).day());
                stack.pop();
            }
        }
    }
    netted.unmatched += u64::from(left == units);
    line.amount = -refund;
}

struct ShardBuilder<'a> {
    shard: Shard,
    ranks: &'a Ranks,
}

impl<'a> ShardBuilder<'a> {
    fn new(lines: usize, ranks: &'a Ranks) -> Self {
        let some = |there: bool| if there { lines } else { 0 };
        let shard = Shard {
            members: IdTable::default(),
            member_orders: vec![0],
            order_lines: vec![0],
            item: Vec::with_capacity(lines),
            quantity: Column::with_capacity(lines),
            amount: Column::with_capacity(lines),
            discount: Column::with_capacity(some(ranks.has_discount)),
            channel: Column::with_capacity(some(ranks.has_places[0])),
            store: Column::with_capacity(some(ranks.has_places[1])),
            city: Column::with_capacity(some(ranks.has_places[2])),
            ..Shard::default()
        };
        Self { shard, ranks }
    }

    fn push(&mut self, id: &str, lines: &[Line], netted: &Netted, groups: &mut Groups) {
        let shard = &mut self.shard;
        shard.members.push_sorted(id);
        let grouped = groups.of(lines);
        let first = shard.item.len() as u32;
        for (at, (order, index)) in (first..).zip(grouped) {
            if at == first || grouped[(at - first) as usize - 1].0 != *order {
                if at > first {
                    shard.order_lines.push(at);
                }
                // The group's number is its first line in time order.
                shard.order_time.push(LocalTime(lines[*order as usize].time));
            }
            if let Some(day) = netted.returned.get(*index as usize).copied().flatten() {
                shard.returned.push(Returned { line: at, day });
            }
        }
        shard.order_lines.push(first + lines.len() as u32);
        shard.member_orders.push(shard.order_time.len() as u32);

        let lines = || grouped.iter().map(|(_, index)| &lines[*index as usize]);
        shard.item.extend(lines().map(|l| l.item));
        shard.quantity.extend(lines().map(|l| l.quantity));
        shard.amount.extend(lines().map(|l| l.amount));
        for (at, _) in (first as usize..).zip(lines()).filter(|(_, line)| line.is_return) {
            shard.is_return.grow_and_insert(at);
        }
        if self.ranks.has_discount {
            shard.discount.extend(lines().map(|l| l.discount));
        }
        let columns = [&mut shard.channel, &mut shard.store, &mut shard.city];
        for ((place, codes), _) in columns.into_iter().enumerate().zip(self.ranks.has_places).filter(|(_, has)| *has) {
            codes.extend(lines().map(|l| u16::try_from(l.places[place]).unwrap_or(NO_CODE)));
        }
    }
}

/// What tells the orders of a member apart: their id, or their day where they have none.
type OrderKey = (bool, u64);

/// Groups the lines of one member after the other into orders.
#[derive(Debug, Default)]
struct Groups {
    /// Stretches of lines of one order, and where each begins; the same by order.
    runs: Vec<(OrderKey, u32)>,
    firsts: Vec<(OrderKey, u32)>,
    /// (order, line).
    pairs: Vec<(u32, u32)>,
}

impl Groups {
    /// (order, line) for each line of a member, where an order's number is the index of its first line in time order;
    /// orders by time of their first line, lines within an order by content. Lines without an order id belong to the order
    /// of their day.
    fn of(&mut self, lines: &[Line]) -> &[(u32, u32)] {
        let Self { runs, firsts, pairs } = self;
        let key = |l: &Line| match l.order {
            Some(order) => (true, order),
            None => (false, u64::from(l.time / crate::base::date::DAY_SECONDS)),
        };
        runs.clear();
        for (i, line) in lines.iter().enumerate() {
            let key = key(line);
            if runs.last().is_none_or(|(open, _)| *open != key) {
                runs.push((key, i as u32));
            }
        }
        firsts.clone_from(runs);
        firsts.sort_unstable();
        firsts.dedup_by_key(|(key, _)| *key);
        pairs.clear();
        let by_content = |a: &(u32, u32), b: &(u32, u32)| {
            content(&lines[a.1 as usize], &lines[b.1 as usize]).then_with(|| a.1.cmp(&b.1))
        };
        let ends = || runs.iter().skip(1).map(|(_, start)| *start).chain([lines.len() as u32]);
        if firsts.len() == runs.len() {
            // Lines of one order mostly stand together, and those of one time are sorted by content as they are, but for
            // returns whose amounts were changed since.
            for ((_, start), end) in runs.iter().zip(ends()) {
                pairs.extend((*start..end).map(|i| (*start, i)));
                let run = &lines[*start as usize..end as usize];
                if run[0].time != run[run.len() - 1].time || run.iter().any(|line| line.is_return) {
                    pairs[*start as usize..].sort_unstable_by(by_content);
                }
            }
            return pairs;
        }
        // A key seen in an earlier run joins that run.
        for ((key, start), end) in runs.iter().zip(ends()) {
            let order = firsts.binary_search_by_key(key, |(key, _)| *key).map_or(*start, |at| firsts[at].1);
            pairs.extend((*start..end).map(|i| (order, i)));
        }
        pairs.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| by_content(a, b)));
        pairs
    }
}
