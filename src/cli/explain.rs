//! `nextoffer explain`.

use std::{fmt::Write as _, path::PathBuf};

use clap::{Args, ValueEnum};

use super::{
    logging::{self, LogFormat},
    progress,
    terminal::{display_width, job_error, pad, run_error, show, show_report, wrap},
};
use crate::{
    base::Day,
    job,
    run::{
        self, ExitCode, ExplainOptions, Explained, Explanation, OfferAnswer, Parts, Place, SlotAnswer, Status,
        TermAnswer,
    },
};

/// Columns of the text.
const WIDTH: usize = 100;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The job file (TOML)
    job: PathBuf,
    /// The member to explain
    #[arg(long, value_name = "ID")]
    member: String,
    /// Day of the run, YYYY-MM-DD [default: that of `current`]
    #[arg(long, value_name = "DATE", value_parser = super::run::day)]
    as_of: Option<Day>,
    /// Folder or URL of the published runs [default: the job's out]
    #[arg(long, value_name = "DIR")]
    out: Option<String>,
    /// Language of the answer
    #[arg(long, value_enum, default_value_t)]
    lang: Lang,
    /// Print JSON, in both languages
    #[arg(long)]
    json: bool,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Memory to stay within, such as 8GiB; what does not fit is spilled to disk
    #[arg(long, value_name = "SIZE", value_parser = super::run::size)]
    memory_limit: Option<u64>,
    /// Set a key of the job, as for the run; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

/// A language of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Lang {
    /// Chinese
    Zh,
    /// English
    #[default]
    En,
}

impl Lang {
    fn pick<T>(self, zh: T, en: T) -> T {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

/// Explains one member.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    logging::start(LogFormat::Text, arguments.quiet);
    let loaded = match job::load(&arguments.job, &arguments.set) {
        Ok(loaded) => loaded,
        Err(error) => return job_error(&error),
    };
    show_report(&loaded.remarks);
    let options = ExplainOptions {
        member: arguments.member.clone(),
        as_of: arguments.as_of,
        out: arguments.out.clone(),
        threads: arguments.threads,
        memory_limit: arguments.memory_limit,
    };
    let listener = progress::listener(arguments.quiet, LogFormat::Text);
    let found = match run::explain(&loaded, &options, listener.as_ref()) {
        Ok(found) => found,
        Err(error) => return run_error(&error),
    };
    if arguments.json {
        match serde_json::to_string_pretty(&found) {
            Ok(text) => show(&(text + "\n")),
            Err(_) => return ExitCode::Bug,
        }
    } else {
        show(&describe(&found, arguments.lang));
    }
    if found.answer.status == Status::Unknown { ExitCode::NoInput } else { ExitCode::Done }
}

fn describe(found: &Explanation, lang: Lang) -> String {
    let mut out = String::new();
    let answer = &found.answer;
    let _ = writeln!(
        out,
        "{} {} · {} {}",
        lang.pick("会员", "MEMBER"),
        answer.member_id,
        lang.pick("数据截至", "as of"),
        answer.as_of
    );
    let run = match (&found.published, found.exact) {
        (Some(run), true) => lang.pick(
            format!("运行 {}（{}）：重新计算得到同一运行编号，以下即当晚的决定", run.run_id, run.folder),
            format!("run {} ({}): worked out again under the same run id, so this is what that night decided", run.run_id, run.folder),
        ),
        (Some(run), false) => lang.pick(
            format!("注意：已发布的运行是 {}（{}），但任务或输入此后有变化；以下是现在重跑（{}）的结果", run.run_id, run.folder, answer.run_id),
            format!("NOTE: the published run is {} ({}), but the job or an input has changed since: this is what a run now ({}) decides", run.run_id, run.folder, answer.run_id),
        ),
        (None, _) => lang.pick(
            format!("该日没有已发布的运行；以下是现在运行（{}）的结果", answer.run_id),
            format!("no run of the job is published for the day: this is what a run now ({}) decides", answer.run_id),
        ),
    };
    push(&run, 2, &mut out);
    push(status(answer.status, lang), 2, &mut out);
    if let Some(explained) = &answer.explained {
        person(explained, lang, &mut out);
        segment(explained, lang, &mut out);
        features(explained, lang, &mut out);
        tags(explained, lang, &mut out);
        candidates(explained, lang, &mut out);
        waiting(explained, lang, &mut out);
    }
    let held_out = answer.explained.as_ref().is_some_and(|e| e.arm == "holdout");
    list(&answer.list, held_out, lang, &mut out);
    if !answer.offers.is_empty() {
        offers(&answer.offers, lang, &mut out);
    }
    out
}

fn push(text: &str, indent: usize, out: &mut String) {
    for (i, line) in wrap(text, WIDTH - indent).iter().enumerate() {
        let _ = writeln!(out, "{:1$}{line}", "", indent + if i > 0 { 2 } else { 0 });
    }
}

fn title(text: &str, out: &mut String) {
    let _ = writeln!(out, "\n{text}");
}

fn status(status: Status, lang: Lang) -> &'static str {
    match status {
        Status::Personalised => lang.pick("参与个性化", "personalised"),
        Status::OptedOut => lang.pick(
            "会员关闭了个性化：不分群、不打行为标签，只得到通用清单",
            "opted out of personalisation: no segment, no behavioural tag, the generic list",
        ),
        Status::NoLawfulBasis => lang.pick("未纳入：没有合法依据", "left out: no lawful basis to process the data"),
        Status::Withdrawn => lang.pick("未纳入：会员撤回了同意", "left out: consent was withdrawn"),
        Status::Minor => lang.pick(
            "未纳入：未满任务规定的年龄（或按任务视同未成年的生日未知），且无监护人同意",
            "left out: below the job's minimum age (or of unknown age, where the job treats that alike), and no guardian agreed",
        ),
        Status::Forgotten => lang.pick("未纳入：会员要求被遗忘", "left out: asked to be forgotten"),
        Status::NoLines => lang.pick(
            "会员表或授权表中有此人，但没有保留下来的交易行，因此不在运行中",
            "known from the members or consent table, but without a purchase line that is kept: not in the run",
        ),
        Status::Unknown => lang.pick(
            "会员表、授权表和运行的交易行中都没有这个编号",
            "neither the members and consent tables nor the lines of the run know this id",
        ),
    }
}

fn name(place: &Place, lang: Lang) -> String {
    format!("{} {}", place.code, lang.pick(&place.name_zh, &place.name_en))
}

fn person(e: &Explained, lang: Lang, out: &mut String) {
    let arm = match e.arm {
        "holdout" => lang.pick("对照组（只记录、不导出）", "holdout (written, never exported)"),
        _ => lang.pick("实验组", "treated"),
    };
    let kinds = e.held_out_of.join(", ");
    let arm = match e.held_out_of.is_empty() {
        true => arm.to_owned(),
        false => format!("{arm}{}{kinds}", lang.pick("；另属以下类型的对照组：", "; held out of the kinds ")),
    };
    push(
        &lang.pick(
            format!("生命周期 {}，价值层级 {}，{arm}", e.lifecycle, e.value_band),
            format!("lifecycle {}, value band {}, {arm}", e.lifecycle, e.value_band),
        ),
        2,
        out,
    );
}

fn segment(e: &Explained, lang: Lang, out: &mut String) {
    let s = &e.segment;
    title(lang.pick("分群", "SEGMENT"), out);
    let margin = lang.pick(
        format!("到最近中心的距离 {:.4}，比次近的近 {:.4}", s.distance, s.margin),
        format!("{:.4} from the nearest centroid, {:.4} nearer than to the second", s.distance, s.margin),
    );
    push(&format!("{} · {margin}", name(&s.segment, lang)), 2, out);
    if s.held {
        let nearest = name(&s.nearest, lang);
        push(
            &lang.pick(
                format!("最近的是 {nearest}，但差距不明显，暂留原群"),
                format!("nearest is {nearest}, but not clearly: held where the member was"),
            ),
            2,
            out,
        );
    }
    let widest = s.distances.iter().map(|d| display_width(&name(&d.segment, lang))).max().unwrap_or(0);
    for d in &s.distances {
        let _ = writeln!(out, "    {}  {:>9.4}", pad(&name(&d.segment, lang), widest), d.distance);
    }
    if !s.deciding.is_empty() {
        let parts: Vec<String> = s.deciding.iter().map(|(f, v)| format!("{f} {v:+.3}")).collect();
        let head = lang.pick(
            "最近与次近之间起决定作用的特征（平方距离之差）：",
            "what decides between the two nearest (difference of squared distances): ",
        );
        push(&format!("{head}{}", parts.join(", ")), 2, out);
    }
}

/// A number with as many digits as say something.
fn short(value: f64) -> String {
    let rounded = crate::base::round::significant(value, 6);
    format!("{rounded}")
}

fn features(e: &Explained, lang: Lang, out: &mut String) {
    title(lang.pick("特征（百分位：低于该值的会员占比）", "FEATURES (percentile: share of members below)"), out);
    let called = |f: &run::FeatureAnswer| lang.pick(f.name_zh.clone(), f.name_en.clone());
    let widest = e.features.iter().map(|f| display_width(&called(f))).max().unwrap_or(0).min(44);
    for f in &e.features {
        let value = f.value.map_or_else(|| lang.pick("缺失", "missing").to_owned(), short);
        let percentile = f.percentile.map_or_else(|| "   –".to_owned(), |p| format!("{p:>5.1}"));
        let used = if f.scaled.is_some() { "*" } else { " " };
        let _ = writeln!(out, "  {used} {}  {value:>12} {}  P{percentile}", pad(&called(f), widest), pad(&f.unit, 14));
    }
    push(lang.pick("* 用于分群", "* the segments are made with it"), 2, out);
}

fn tags(e: &Explained, lang: Lang, out: &mut String) {
    title(lang.pick("标签及其规则", "TAGS and the rule behind each"), out);
    for tag in &e.tags {
        let called = lang.pick(&tag.name_zh, &tag.name_en);
        let since = lang.pick(format!("自 {} 起", tag.since), format!("since {}", tag.since));
        push(&format!("{} · {called} · {} · {since}", tag.tag, tag.source), 2, out);
        push(&tag.rule, 6, out);
    }
    if !e.suppressed_tags.is_empty() {
        let head = lang.pick("会员要求删除、不再给出：", "removed at the member's request, never given: ");
        push(&format!("{head}{}", e.suppressed_tags.join(", ")), 2, out);
    }
}

fn term(t: &TermAnswer, lang: Lang) -> String {
    let called = match t.term {
        "rebuy" => lang.pick("复购", "rebuy"),
        "transition" => lang.pick("关联", "goes with"),
        "category" => lang.pick("品类", "category"),
        "segment" => lang.pick("同好人群", "alike in taste"),
        "neighbours" => lang.pick("相近会员", "nearest members"),
        "popularity" => lang.pick("热度", "popularity"),
        other => other,
    };
    let mut text = format!("{called} {}", short(t.value));
    let day = t.last_day.map(|d| d.to_string()).unwrap_or_default();
    if let (Some(count), None) = (t.count, t.last_day) {
        text.push_str(&lang.pick(format!("（{count} 位会员）"), format!(" ({count} members)")));
    } else if let Some(count) = t.count {
        text.push_str(&lang.pick(
            format!("（{count} 次购物买过，最近 {day}）"),
            format!(" (in {count} of the baskets, last on {day})"),
        ));
    } else if let Some(because) = &t.because {
        text.push_str(&lang.pick(format!("（因 {day} 买过「{because}」）"), format!(" (bought {because} on {day})")));
    }
    text
}

fn candidates(e: &Explained, lang: Lang, out: &mut String) {
    if e.candidates.is_empty() {
        return;
    }
    title(
        lang.pick("推荐候选及各项得分（各项之和即得分）", "CANDIDATES with their terms (they add up to the score)"),
        out,
    );
    for (rank, c) in e.candidates.iter().enumerate() {
        let _ = writeln!(out, "  {:>2}. {:>9}  {} {}", rank + 1, short(c.score), c.item_id, c.name);
        let terms: Vec<String> = c.terms.iter().filter(|t| t.value != 0.0).map(|t| term(t, lang)).collect();
        push(&terms.join(" + "), 17, out);
    }
}

fn waiting(e: &Explained, lang: Lang, out: &mut String) {
    if e.waiting.is_empty() {
        return;
    }
    title(lang.pick("暂不再次推荐的已购商品", "NOT OFFERED AGAIN YET, for the member has it"), out);
    for w in &e.waiting {
        let why = match (w.policy, w.source) {
            ("never_repeat", "declared") => lang.pick("作业规定：不重复推荐", "never_repeat, as the job says"),
            ("never_repeat", _) => {
                lang.pick("数据表明：很少有人再买", "never_repeat, for hardly anybody buys it again")
            }
            (_, "declared") => lang.pick("作业规定：快用完时再推荐", "replenish, as the job says"),
            _ => lang.pick("数据表明：按周期回购", "replenish, for it is bought again in a rhythm"),
        };
        let days = match lang {
            Lang::Zh => format!("{} 购买，其后 {} 天内不推荐", w.last_day, w.wait_days),
            Lang::En => format!("bought on {}, not for {} days after", w.last_day, w.wait_days),
        };
        push(&format!("{} {} · {days} · {why}", w.item_id, w.name), 2, out);
    }
}

fn about(slot: &SlotAnswer) -> String {
    slot.item_id.as_ref().or(slot.category.as_ref()).map(|a| format!(" {a}")).unwrap_or_default()
}

fn list(slots: &[SlotAnswer], held_out: bool, lang: Lang, out: &mut String) {
    if slots.is_empty() {
        return;
    }
    title(
        match held_out {
            true => {
                lang.pick("清单（对照组：只记录，会员不会收到）", "LIST (held out: written, never sent to the member)")
            }
            false => lang.pick("清单", "LIST"),
        },
        out,
    );
    for s in slots {
        let days = s.valid_from.zip(s.valid_until).map(|(a, b)| format!(" · {a} … {b}")).unwrap_or_default();
        let lot = if s.explored { lang.pick(" · 探索抽取", " · drawn to learn") } else { "" };
        let ghost = if s.ghost { lang.pick(" · 对照：不发送", " · held out: not sent") } else { "" };
        let number = s.slot.unwrap_or(0);
        let _ = writeln!(
            out,
            "  {number:>2}. {:>9}  {}{} · {}{days}{lot}{ghost}",
            short(s.score),
            s.offer_id,
            about(s),
            s.reason
        );
        push(lang.pick(&s.text_zh, &s.text_en), 17, out);
    }
}

fn parts(score: f64, p: &Parts, lang: Lang) -> String {
    let mut text = lang.pick(
        format!("得分 {} = 契合 {}", short(score), short(p.fit)),
        format!("score {} = fit {}", short(score), short(p.fit)),
    );
    if let Some(probability) = p.probability {
        let _ = write!(text, " × {} {}", lang.pick("接受概率", "probability"), short(probability));
    }
    for (zh, en, value) in
        [("价值", "worth", p.worth), ("优先级", "priority", p.priority), ("激励权重", "incentive", p.incentive)]
    {
        let _ = write!(text, " × {} {}", lang.pick(zh, en), short(value));
    }
    if p.price > 0.0 {
        let _ = write!(text, "{} {}", lang.pick("，稀缺价格", "; price of what is scarce"), short(p.price));
    }
    text
}

fn offers(offers: &[OfferAnswer], lang: Lang, out: &mut String) {
    title(lang.pick("每项优惠：给了，或第一条拒绝它的规则", "EVERY OFFER: kept, or the first rule that said no"), out);
    for o in offers {
        let called = lang.pick(&o.name_zh, &o.name_en);
        let mark = if o.verdict == "kept" { "✓" } else { "✗" };
        push(
            &format!(
                "{mark} {} ({}) {called} · {}: {}",
                o.offer_id,
                o.kind,
                o.verdict,
                lang.pick(&o.why_zh, &o.why_en)
            ),
            2,
            out,
        );
        let shown = if o.slots.is_empty() { o.best.iter().collect::<Vec<_>>() } else { o.slots.iter().collect() };
        for s in shown.into_iter().take(3) {
            let head = match s.slot {
                Some(n) => lang.pick(format!("第 {n} 位"), format!("slot {n}")),
                None => lang.pick("最佳候选".to_owned(), "its best".to_owned()),
            };
            let score = s.parts.as_ref().map_or_else(|| short(s.score), |p| parts(s.score, p, lang));
            push(&format!("{head}{}: {score}", about(s)), 6, out);
        }
        if o.slots.len() > 3 {
            push(
                &lang.pick(
                    format!("……及另外 {} 个位置", o.slots.len() - 3),
                    format!("… and {} more slots", o.slots.len() - 3),
                ),
                6,
                out,
            );
        }
    }
}
