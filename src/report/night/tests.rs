//! The page of a run, made from figures as a run has them.

use super::*;
use crate::{
    gates::{GateStatus, LateDay},
    recommend::{Parameters, TunedFrom},
    report::MapAxis,
    segments::{CentroidShift, FORMAT, FeatureProfile, FeatureStability, Migration, Profile, ShareProfile},
};

fn share(code: &str, share: f64, all: f64) -> ShareProfile {
    ShareProfile { code: code.into(), name_zh: format!("{code}类"), name_en: code.into(), share, all, z: None }
}

fn profile(id: i32, members: u64, effect: Option<f64>) -> Profile {
    let feature = |name: &str, unit: &str, median| FeatureProfile {
        name: name.into(),
        name_zh: format!("{name}值"),
        name_en: format!("Value of {name}"),
        unit: unit.into(),
        in_segments: true,
        known: members,
        quartiles: Some([0.0, median, 9.0]),
        effect,
        z: None,
    };
    Profile {
        segment_id: id,
        segment_code: format!("seg_{id:02}"),
        name_zh: format!("群<{id}>"),
        name_en: format!("group <{id}>"),
        members,
        member_share: members as f64 / 300.0,
        spend_minor: 123_456,
        spend_share: 0.5,
        features: vec![feature("orders", "count", f64::from(id)), feature("weekend_share", "share", 0.25)],
        categories: vec![share("pet", 0.6, 0.2), share("baby", 0.1, 0.3)],
        channels: Vec::new(),
        city_tiers: Vec::new(),
        lifecycle: vec![share("active", 0.7, 0.5)],
        value_bands: Vec::new(),
        rfm: Vec::new(),
        repeat_purchase_rate: Some(0.4),
        reactivation_rate: None,
        cross_channel_share: Some(0.1),
    }
}

/// A run's figures; `with` may change the view before its page is made.
fn made(with: impl FnOnce(&mut NightView<'_>)) -> String {
    let segment = |id: i32, members: u64| {
        serde_json::json!({
            "id": id, "code": format!("seg_{id:02}"), "name_zh": format!("群<{id}>"), "name_en": format!("group <{id}>"),
            "traits": [], "members": members, "scaled": [0.0, 0.0], "raw": [0.0, 0.0],
        })
    };
    let model = serde_json::json!({
        "format": FORMAT, "features": ["orders", "weekend_share"], "segments": [segment(1, 200), segment(2, 100)],
        "highest_id": 2, "warm_start": false, "fitted_on": 300, "inertia": 12.5, "iterations": 7, "converged": true,
    });
    let model: SegmentModel = serde_json::from_value(model).unwrap();
    let profiles = SegmentProfiles {
        all: profile(0, 300, None),
        segments: vec![profile(1, 100, Some(-0.4)), profile(2, 200, Some(3.0))],
    };
    let rows = BTreeMap::from([(
        "transactions".to_owned(),
        RowCounts { read: 10, kept: 8, dropped: BTreeMap::from([("duplicate".to_owned(), 2)]), ..RowCounts::default() },
    )]);
    let tuned = Tuned {
        parameters: Parameters::default(),
        from: TunedFrom::Defaults,
        recall_at_10: 0.0,
        ndcg_at_10: 0.0,
        evaluated: 0,
        members: 12,
        cut: Day(20_000),
        tuned_on: Day(20_000),
        calibration: None,
    };
    let axis = |explained| MapAxis { explained, loadings: vec![0.9, -0.4] };
    let (excluded, kpis, notes) =
        (BTreeMap::new(), BTreeMap::from([("slots_per_member".to_owned(), 3.5)]), Findings::new());
    let mut view = NightView {
        language: Language::Zh,
        job: "demo",
        as_of: Day::parse("2026-06-30").unwrap(),
        run_id: "0123456789abcdef",
        previous: None,
        currency: Currency::from_code("CNY").unwrap(),
        members: MemberFigures { seen: 310, in_fit: 300, opted_out: 10, excluded: &excluded },
        kpis: &kpis,
        profiles: &profiles,
        model: &model,
        map: Some(SegmentMap {
            axes: [axis(0.5), axis(0.25)],
            points: vec![(0, 1.0, 2.0), (1, -1.0, 0.5)],
            centres: vec![(1.0, 1.0), (-1.0, 0.0)],
        }),
        curves: None,
        drift: None,
        offers: vec![OfferView {
            id: "pick".into(),
            kind: "next_item".into(),
            name: text("猜你喜欢", "Picked for you"),
            funnel: vec![(text("符合规则", "Eligible"), 300)],
            slots: 900,
            members: 290,
            left: None,
            by_segment: vec![("seg_01".into(), 190)],
            reasons: vec![("popular_now".into(), 900, text("大家最近都在买「猫粮」。", "Popular now: cat food."))],
        }],
        with_list: 290,
        held_out: 30,
        rows: &rows,
        gates: &[],
        late: None,
        tuned: &tuned,
        notes: &notes,
        fairness: Vec::new(),
        more: Vec::new(),
    };
    with(&mut view);
    page(&view)
}

#[test]
fn the_page_of_a_run() {
    let file = made(|_| {});
    assert_eq!(file, made(|_| {}));
    for part in [
        "会员分群",
        "Segments",
        "群体画像",
        "分群地图",
        "优惠与推荐",
        "Rows by table",
        "数据截至 2026-06-30（含当日）",
        "群&lt;1&gt;",
        "(×3.0)",
        "（3.0 倍）",
        "完全重复 2",
    ] {
        assert!(file.contains(part), "{part}");
    }
    for outside in ["<script", "http:", "https:", "NaN", "inf\"", "<1>"] {
        assert!(!file.contains(outside), "{outside}");
    }
    // Headings come in order, every drawing is named, every table has a caption.
    assert_eq!(file.matches("<h1").count(), 1);
    assert_eq!(file.matches("<svg").count(), file.matches("role=\"img\"").count());
    assert_eq!(file.matches("<table").count(), file.matches("<caption>").count());
    assert!(!file.contains("与前次运行相比") && !file.contains("Fairness"));
}

#[test]
fn ids_stand_once() {
    let file = made(|_| {});
    let mut ids: Vec<&str> = file.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all);
    for target in file.split("aria-labelledby=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.contains(&target), "{target}");
    }
}

#[test]
fn what_changed_and_how_k_was_chosen() {
    let migration = |from, to, members| Migration { from, to, members };
    let drift = Drift {
        both: 290,
        moved: 3,
        moved_share: 3.0 / 290.0,
        held: 4,
        adjusted_rand: 0.98,
        migration: vec![
            migration(0, 1, 7),
            migration(1, 1, 190),
            migration(1, 2, 2),
            migration(2, 1, 1),
            migration(9, 2, 97),
        ],
        retired: vec![9],
        centroids: vec![CentroidShift { id: 1, shift: 0.02, feature: "weekend_share".into(), from: 0.2, to: 0.25 }],
        psi: vec![FeatureStability { feature: "orders".into(), psi: 0.31, in_segments: true }],
        ..Drift::default()
    };
    let gate = |gate: &str, status, value: f64| GateResult {
        gate: gate.into(),
        subject: "transactions".into(),
        status,
        found: 12.0,
        usual: Some(24.0),
        value,
        warn: Some(0.1),
        refuse: None,
        words: [format!("{gate} 偏离 {value}"), format!("{gate} off by {value}")],
    };
    let gates = [gate("moved_share", GateStatus::Passed, 0.0103), gate("rows_fall", GateStatus::Warned, 0.5)];
    let day = |day: i32, came, gone| LateDay { day: Day(20_000 + day), came, gone };
    let late = LateLines { up_to: Day(20_019), days: (0..20).map(|d| day(d, 2, u64::from(d == 19))).collect() };
    let curves = Curves {
        chosen: 2.0,
        measures: vec![Curve {
            name: text("轮廓系数", "silhouette"),
            more_is_better: true,
            points: vec![(2.0, 0.4), (3.0, 0.3)],
        }],
        rule: text("取最高。", "The highest."),
    };
    let file = made(|view| {
        view.previous = Some((Day::parse("2026-06-29").unwrap(), "fedcba9876543210"));
        view.drift = Some(Box::leak(Box::new(drift)));
        view.gates = Box::leak(Box::new(gates));
        view.late = Some(Box::leak(Box::new(late)));
        view.curves = Some(curves);
        view.fairness = vec![FairnessRow {
            by: text("城市层级", "City tier"),
            group: text("一线城市", "Tier 1 cities"),
            members: 100,
            with_offer: 0.625,
            slots: 3.25,
            value_minor: 1234.0,
            value_minor_sum: 123_400,
            discounts: 0.2,
        }];
    });
    for part in [
        "1.0%",
        "迁移矩阵",
        "much change",
        "群数的选择",
        "Retired segments: seg_09",
        "20.0% → 25.0%",
        "moved_share",
        "rows_fall off by 0.5",
        "6 earlier days",
        "公平性",
        "12.34",
        "1,234",
        "62.5%",
        "3.25",
    ] {
        assert!(file.contains(part), "{part}");
    }
    assert!(!file.contains("NaN"));
}

#[test]
fn a_run_that_gives_nothing() {
    let file = made(|view| {
        view.offers.clear();
        view.map = None;
        view.language = Language::En;
    });
    assert!(file.contains("No member gets an offer.") && file.contains("<html lang=\"en\">"));
    assert!(!file.contains("分群地图"));
}
