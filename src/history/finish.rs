//! A bucket of lines becomes a shard of histories: sorted, without duplicates, returns netted, grouped into orders.

use std::cmp::Ordering;

use hashbrown::HashMap;

use super::{
    NO_CODE, NO_ITEM, Returned, Shard,
    intern::Texts,
    line::{Line, verdict_reason},
};
use crate::{
    base::{Day, IdTable, LocalTime, round::div_half_even},
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

/// Sorts, cleans and groups one bucket.
pub(super) fn finish(texts: &Texts, lines: Vec<Line>, context: &FinishContext<'_>) -> Finished {
    let mut out = Finished::default();
    let by_rank = ranked(texts);
    let mut rank_of = vec![0u32; texts.len()];
    for (rank, number) in by_rank.iter().enumerate() {
        rank_of[*number as usize] = rank as u32;
    }
    let mut lines = by_member(lines, &rank_of, context.ranks);
    let mut starts = vec![0usize; texts.len() + 1];
    for line in &lines {
        starts[line.member as usize + 1] += 1;
    }
    for i in 1..starts.len() {
        starts[i] += starts[i - 1];
    }
    let mut builder = ShardBuilder::new(lines.len(), context.ranks);
    let mut scratch = Vec::new();
    let mut sorter = Sorter::default();
    for (rank, number) in by_rank.iter().enumerate() {
        let mine = &mut lines[starts[rank]..starts[rank + 1]];
        sorter.sort(mine);
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
        let id = texts.get(*number);
        match (context.standing)(id) {
            Standing::Personalised => builder.push(id, mine, &netted, &mut scratch),
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

/// Lines by member rank (counting sort), with every provisional number replaced by its rank.
fn by_member(lines: Vec<Line>, rank_of: &[u32], ranks: &Ranks) -> Vec<Line> {
    let mut next = vec![0usize; rank_of.len() + 1];
    for line in &lines {
        next[rank_of[line.member as usize] as usize + 1] += 1;
    }
    for i in 1..next.len() {
        next[i] += next[i - 1];
    }
    let mut sorted = vec![Line::default(); lines.len()];
    for mut line in lines {
        line.member = rank_of[line.member as usize];
        line.item = if line.item == 0 { NO_ITEM } else { ranks.items[line.item as usize - 1] };
        for (place, ranks) in line.places.iter_mut().zip(&ranks.places) {
            *place = if *place == 0 { u32::from(NO_CODE) } else { ranks[*place as usize - 1] };
        }
        let at = &mut next[line.member as usize];
        sorted[*at] = line;
        *at += 1;
    }
    sorted
}

/// The order of one member's lines: by time, then by everything that says what the line is, then by where it stood.
fn canonical(a: &Line, b: &Line) -> Ordering {
    (a.time, a.order)
        .cmp(&(b.time, b.order))
        .then_with(|| content(a, b))
        .then_with(|| (a.file, a.row).cmp(&(b.file, b.row)))
}

/// Sorts lines by [`canonical`]: by small keys first, for lines are long and times mostly tell them apart.
#[derive(Debug, Default)]
struct Sorter {
    /// Time and place of each line.
    keys: Vec<u64>,
    sorted: Vec<Line>,
}

impl Sorter {
    fn sort(&mut self, lines: &mut [Line]) {
        if lines.is_sorted_by(|a, b| a.time < b.time) {
            return;
        }
        self.keys.clear();
        self.keys.extend(lines.iter().zip(0u64..).map(|(line, at)| (u64::from(line.time) << 32) | at));
        self.keys.sort_unstable();
        self.sorted.clear();
        self.sorted.extend(self.keys.iter().map(|key| lines[*key as u32 as usize]));
        for instant in self.sorted.chunk_by_mut(|a, b| a.time == b.time).filter(|lines| lines.len() > 1) {
            instant.sort_unstable_by(canonical);
        }
        lines.copy_from_slice(&self.sorted);
    }
}

fn content(a: &Line, b: &Line) -> Ordering {
    let key = |l: &Line| (l.item, l.is_return, l.quantity, l.amount, l.discount, l.places, l.residue, l.verdict);
    key(a).cmp(&key(b))
}

/// Moves the lines that stay to the front, in order; returns how many.
fn drop_lost(lines: &mut [Line], out: &mut Finished, context: &FinishContext<'_>) -> usize {
    let mut kept = 0;
    let mut previous: Option<Line> = None;
    for i in 0..lines.len() {
        let line = lines[i];
        let repeats = previous.is_some_and(|earlier| {
            (line.time, line.order) == (earlier.time, earlier.order) && content(&line, &earlier) == Ordering::Equal
        });
        previous = Some(line);
        match if repeats { Some(Reason::Duplicate) } else { verdict_reason(line.verdict) } {
            Some(reason) => {
                out.counts.add(reason);
                if (context.wanted)(reason) {
                    out.lost.push(LostRow { file: line.file, row: line.row, reason, problem: Problem::None });
                }
            }
            None => {
                lines[kept] = line;
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
            quantity: Vec::with_capacity(lines),
            amount: Vec::with_capacity(lines),
            is_return: Vec::with_capacity(lines),
            discount: Vec::with_capacity(some(ranks.has_discount)),
            channel: Vec::with_capacity(some(ranks.has_places[0])),
            store: Vec::with_capacity(some(ranks.has_places[1])),
            city: Vec::with_capacity(some(ranks.has_places[2])),
            ..Shard::default()
        };
        Self { shard, ranks }
    }

    fn push(&mut self, id: &str, lines: &[Line], netted: &Netted, scratch: &mut Vec<(u32, u32)>) {
        self.shard.members.push_sorted(id);
        let order_of = group_orders(lines, scratch);
        let mut open = None;
        for (order, index) in order_of {
            let line = &lines[*index as usize];
            if open != Some(order) {
                if open.is_some() {
                    self.shard.order_lines.push(self.shard.item.len() as u32);
                }
                // The group's number is its first line in time order.
                self.shard.order_time.push(LocalTime(lines[*order as usize].time));
                open = Some(order);
            }
            if let Some(day) = netted.returned.get(*index as usize).copied().flatten() {
                self.shard.returned.push(Returned { line: self.shard.item.len() as u32, day });
            }
            self.push_line(line);
        }
        self.shard.order_lines.push(self.shard.item.len() as u32);
        self.shard.member_orders.push(self.shard.order_time.len() as u32);
    }

    fn push_line(&mut self, line: &Line) {
        let shard = &mut self.shard;
        shard.item.push(line.item);
        shard.quantity.push(line.quantity);
        shard.amount.push(line.amount);
        shard.is_return.push(line.is_return);
        if self.ranks.has_discount {
            shard.discount.push(line.discount);
        }
        let [channel, store, city] = line.places.map(|p| u16::try_from(p).unwrap_or(NO_CODE));
        let [has_channel, has_store, has_city] = self.ranks.has_places;
        if has_channel {
            shard.channel.push(channel);
        }
        if has_store {
            shard.store.push(store);
        }
        if has_city {
            shard.city.push(city);
        }
    }
}

/// (order, line) for each line of a member, where an order's number is the index of its first line in time order; orders
/// by time of their first line, lines within an order by content. Lines without an order id belong to the order of their
/// day.
fn group_orders<'s>(lines: &[Line], pairs: &'s mut Vec<(u32, u32)>) -> &'s [(u32, u32)] {
    let key = |l: &Line| match l.order {
        Some(order) => (true, order),
        None => (false, u64::from(l.time / crate::base::date::DAY_SECONDS)),
    };
    // Lines of one order mostly stand together; a key seen in an earlier run joins that run.
    let mut runs: Vec<((bool, u64), u32)> = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        if i == 0 || key(&lines[i - 1]) != key(line) {
            runs.push((key(line), i as u32));
        }
    }
    let mut firsts = runs.clone();
    firsts.sort_unstable();
    firsts.dedup_by_key(|(key, _)| *key);
    pairs.clear();
    let mut run = 0;
    let mut order = 0;
    for i in 0..lines.len() as u32 {
        if run < runs.len() && runs[run].1 == i {
            order = firsts.binary_search_by_key(&runs[run].0, |(key, _)| *key).map_or(i, |at| firsts[at].1);
            run += 1;
        }
        pairs.push((order, i));
    }
    pairs.sort_unstable_by(|a, b| {
        a.0.cmp(&b.0).then_with(|| content(&lines[a.1 as usize], &lines[b.1 as usize])).then_with(|| a.1.cmp(&b.1))
    });
    pairs
}
