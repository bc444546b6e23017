//! A shop for tests: rows and items in, lists out.

use super::{
    Allocator, Arm, Bits, Catalogue, Choice, ContactLog, ContactRow, Decider, Decisions, Grant, Holdout, Ledger,
    Members, OfferTrace, PreviousDecisions, Programme, RawCalendar, RawCatalogue, RawCities, RawDecision, RawLoyalty,
    ScarceInputs, Seat, SeatState, ShardInputs, ShopFacts, Target, TraceContext, World, check_offers, settle,
};
use std::collections::BTreeMap;

use crate::{
    base::{Currency, Day, Findings, IdTable, findings::JobPath},
    history::{
        ShardSet, Timeline,
        testing::{Row, shards_of},
    },
    input::{ItemTable, Labels, MemberTable},
    items::{AttachStatistics, Fits, View},
    recommend::{ItemKnowledge, Parameters, RawRecommend, RecommendSettings, RepeatRules},
};

/// A shop as a test writes it.
pub(crate) struct Shop {
    pub(crate) rows: Vec<Row>,
    pub(crate) items: ItemTable,
    pub(crate) members: MemberTable,
    pub(crate) as_of: i32,
    pub(crate) timeline: Timeline,
    pub(crate) shards: usize,
    pub(crate) recommend: RecommendSettings,
    pub(crate) channel_opt_in_known: bool,
}

/// An offer's rule over the member's id.
pub(crate) type Rule = fn(&str) -> bool;

/// What a night needs besides the shop.
#[derive(Default)]
pub(crate) struct Night<'a> {
    /// Rules by offer.
    pub(crate) eligible: Vec<Option<Rule>>,
    /// Contacts: member, offer, sent, refused.
    pub(crate) contacts: Vec<(&'a str, &'a str, i32, Option<i32>)>,
    pub(crate) previous: PreviousDecisions,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) shards: ShardSet,
    pub(crate) decisions: Vec<Decisions>,
    pub(crate) generic: Vec<Choice>,
    pub(crate) catalogue: Catalogue,
}

/// What came of a night with scarce offers.
pub(crate) struct ScarceOutcome {
    pub(crate) outcome: Outcome,
    /// What is assigned tonight, by member.
    pub(crate) grants: Vec<(String, Grant)>,
    /// As it was before tonight's grants.
    pub(crate) ledger: Ledger,
    pub(crate) traces: BTreeMap<String, Vec<OfferTrace>>,
}

impl ScarceOutcome {
    /// The seats after tonight.
    pub(crate) fn seats(&self, members: &MemberTable) -> Vec<Seat> {
        let new = self.grants.iter().filter(|(_, g)| !g.held).map(|(id, grant)| Seat {
            member: Some(id.clone()),
            assigned: self.outcome.catalogue.as_of,
            city: members.get(id).city.as_deref().map(str::to_owned),
            segment: None,
            value_minor: self.outcome.catalogue.offers[usize::from(grant.choice.offer)].offer.value_minor,
            state: SeatState::Held,
            arm: grant.arm,
            choice: grant.choice,
            has_reason: true,
        });
        self.ledger.clone().with(new, &self.outcome.catalogue).seats().to_vec()
    }

    /// Treated members who hold an offer tonight, in order.
    pub(crate) fn holders(&self, offer: &str) -> Vec<&str> {
        let index = self.outcome.catalogue.index_of(offer).unwrap();
        let of =
            |(id, g): &'_ (String, Grant)| (g.choice.offer == index && g.arm == Arm::Treated).then_some(id.clone());
        let mut holders: Vec<&str> =
            self.grants.iter().filter(|g| of(g).is_some()).map(|(id, _)| id.as_str()).collect();
        holders.sort_unstable();
        holders
    }
}

impl Shop {
    pub(crate) fn new(items: ItemTable, rows: Vec<Row>, as_of: i32) -> Self {
        let recommend = RawRecommend::default().check(&JobPath::root(), &mut Findings::new());
        let (members, timeline) = (MemberTable::default(), Timeline::Calendar);
        Self { rows, items, members, as_of, timeline, shards: 3, recommend, channel_opt_in_known: false }
    }

    /// Binds the offers of a job text; every finding fails the test.
    pub(crate) fn catalogue(&self, job: &str) -> Catalogue {
        let mut findings = Findings::new();
        let catalogue = bind(job, &self.items, self.as_of, self.timeline, &mut findings);
        // What nobody can get is what some tests are about.
        let fine = |f: &&crate::base::Finding| {
            f.severity == crate::base::Severity::Note || matches!(f.code, "offers::nobody" | "offers::cap_of_zero")
        };
        let serious: Vec<_> = findings.iter().filter(|f| !fine(f)).collect();
        assert!(serious.is_empty(), "{serious:?}");
        catalogue
    }

    pub(crate) fn decide(&self, job: &str) -> Outcome {
        self.decide_on(job, &Night::default())
    }

    pub(crate) fn decide_on(&self, job: &str, night: &Night<'_>) -> Outcome {
        let catalogue = self.catalogue(job);
        let (decisions, generic, shards) = self.with_decider(&catalogue, |decider, shards| {
            let day = |d: i32| Day(d);
            let rows = night.contacts.iter().map(|(member_id, offer_id, sent, refused)| ContactRow {
                refused: refused.map(day),
                ..ContactRow::sent(member_id, offer_id, day(*sent))
            });
            let contacts = ContactLog::new(rows, &catalogue);
            let decisions: Vec<Decisions> = shards
                .map(|_, shard| {
                    let eligible: Vec<Option<Bits>> = night
                        .eligible
                        .iter()
                        .map(|rule| rule.map(|rule| Bits::from_fn(shard.members.len(), |m| rule(shard.members.get(m)))))
                        .collect();
                    let inputs = ShardInputs {
                        eligible: &eligible,
                        members: &self.members,
                        channel_opt_in_known: self.channel_opt_in_known,
                        contacts: &contacts,
                        previous: &night.previous,
                        ..ShardInputs::plain(&self.members, &contacts, &night.previous)
                    };
                    Ok::<_, crate::history::ShardError>(decider.shard(shard, &inputs, &mut decider.space()).lists)
                })
                .unwrap();
            (decisions, decider.generic(night.previous.generic()))
        });
        Outcome { shards, decisions, generic, catalogue }
    }

    /// A night with scarce offers: seats of the nights before, contacts, and members whose offers are traced.
    pub(crate) fn scarce_night(
        &self,
        job: &str,
        seats: Vec<Seat>,
        contacts: &[ContactRow<'_>],
        traced: &[&str],
    ) -> ScarceOutcome {
        let catalogue = self.catalogue(job);
        let everyone = |_: &str| true;
        let place = |member: &str| (self.members.get(member).city.as_deref().map(str::to_owned), None);
        let asked = Members { may_be_named: &everyone, place: &place };
        let ledger = Ledger::rebuild(seats, contacts.iter().copied(), &catalogue, &asked);
        let cities = IdTable::from_unsorted(
            self.rows.iter().filter_map(|r| self.members.get(&r.member).city.as_deref().map(str::to_owned)),
        );
        let resources = ledger.resources(&catalogue, &cities, &[]).unwrap();
        let holdout = Holdout::new(&catalogue.decision);
        let scarce = ScarceInputs { resources: &resources, ledger: &ledger, cities: &cities, holdout };
        let log = ContactLog::new(contacts.iter().copied(), &catalogue);
        let previous = PreviousDecisions::default();
        let inputs = ShardInputs { scarce: Some(&scarce), ..ShardInputs::plain(&self.members, &log, &previous) };
        let (settled, traces, shards) = self.with_decider(&catalogue, |decider, shards| {
            let ids = shards.map(|_, s| Ok::<_, crate::history::ShardError>(s.members.clone())).unwrap();
            let drafts = shards
                .map(|_, s| Ok::<_, crate::history::ShardError>(decider.shard(s, &inputs, &mut decider.space())))
                .unwrap();
            let settled = settle(drafts, &ids, Some(&scarce), &Allocator::new(&catalogue, &self.items));
            let traces = traced.iter().map(|id| {
                let at = (0..shards.len()).find_map(|s| Some((s, ids[s].find(id)?))).unwrap();
                let list: Vec<Choice> = settled.decisions[at.0].choices(at.1).collect();
                let context = TraceContext { list: &list, allocation: settled.allocation.as_ref(), segments: &[] };
                let shard = shards.get(at.0).unwrap();
                ((*id).to_owned(), decider.trace(&shard, at.1, &inputs, context, &mut decider.space()))
            });
            let traces = traces.collect();
            (settled, traces)
        });
        let grants = settled.grants.iter().enumerate().flat_map(|(shard, grants)| {
            let shard = shards.get(shard).unwrap();
            grants.iter().map(move |g| (shard.members.get(g.member).to_owned(), *g)).collect::<Vec<_>>()
        });
        let grants = grants.collect();
        let outcome = Outcome { shards, decisions: settled.decisions, generic: Vec::new(), catalogue };
        ScarceOutcome { outcome, grants, ledger, traces }
    }

    fn with_decider<T, U>(
        &self,
        catalogue: &Catalogue,
        f: impl FnOnce(&Decider<'_>, &ShardSet) -> (T, U),
    ) -> (T, U, ShardSet) {
        let shards = ShardSet::in_memory(shards_of(&self.rows, self.shards));
        let view = View::at(Day(self.as_of), self.timeline);
        let knowledge =
            ItemKnowledge::fit(&shards, &view, &self.items, &Parameters::default().half_lives(), &self.recommend)
                .unwrap();
        let fits = Fits::new(&self.items, &[]).0;
        let attach = AttachStatistics::count(&shards, &view, fits, self.recommend.attach_days).unwrap();
        let (repeat, _) = RepeatRules::new(&self.recommend, &self.items, &knowledge.statistics);
        let world = World::new(catalogue, &self.items, &knowledge.statistics, &attach, &repeat, self.recommend.regular);
        let scorer = knowledge.scorer(&Parameters::default()).blocking(world.blocked()).repeating(repeat.clone());
        let (t, u) = f(&Decider::new(&world, &scorer, self.recommend.candidates), &shards);
        (t, u, shards)
    }
}

/// Parses and binds `[[offers]]` and `[decision]`.
pub(crate) fn bind(job: &str, items: &ItemTable, as_of: i32, timeline: Timeline, findings: &mut Findings) -> Catalogue {
    #[derive(serde::Deserialize)]
    struct Job {
        #[serde(flatten)]
        catalogue: RawCatalogue,
        #[serde(default)]
        decision: RawDecision,
        #[serde(default)]
        loyalty: RawLoyalty,
        #[serde(default)]
        calendar: RawCalendar,
        #[serde(default)]
        cities: RawCities,
    }
    let job: Job = toml::from_str(job).unwrap();
    let (offers, decision) = (JobPath::root().key("offers"), JobPath::root().key("decision"));
    let currency = Currency::from_code("CNY").unwrap();
    let root = JobPath::root();
    let programme = Programme::check(&job.loyalty, &job.calendar, &job.cities, &root, currency, findings);
    let settings =
        check_offers(&job.catalogue.offers, &job.decision, programme, &offers, &decision, currency, findings);
    let shop = ShopFacts {
        items,
        channels: &IdTable::from_unsorted(["app", "store", "tmall"]),
        labels: &Labels::default(),
        currency,
        as_of: Day(as_of),
        timeline,
    };
    Catalogue::bind(&settings, &shop, &JobPath::root(), findings)
}

impl Outcome {
    /// The list of a member.
    pub(crate) fn of(&self, member: &str) -> Vec<Choice> {
        for (shard, decisions) in self.decisions.iter().enumerate() {
            if let Some(index) = self.shards.get(shard).unwrap().members.find(member) {
                return decisions.of(index).iter().map(|d| d.unpack(decisions.as_of)).collect();
            }
        }
        panic!("no member {member}")
    }

    /// Offer id, reason code and target of each slot of a member's list.
    pub(crate) fn short(&self, member: &str) -> Vec<(String, &'static str, Target)> {
        self.of(member).iter().map(|c| self.describe(c)).collect()
    }

    pub(crate) fn describe(&self, choice: &Choice) -> (String, &'static str, Target) {
        let offer = &self.catalogue.offers[usize::from(choice.offer)].offer;
        (offer.id.clone(), offer.kind.reasons()[usize::from(choice.reason)].code, choice.target)
    }
}
