//! Reasons and the sentences that carry them.

use serde::Serialize;

use super::{
    kind::KindRef,
    raw::{RawOffer, RawSentence},
    template::{PLACEHOLDERS, Placeholder, Template, TemplateError},
};
use crate::base::{Findings, findings::JobPath, findings::nearest};

/// A reason that a kind may give.
#[derive(Debug, Clone, Copy)]
pub struct Reason {
    /// The code written to files.
    pub code: &'static str,
    /// What it fills in, beyond the offer's name and the validity.
    pub fills: &'static [Placeholder],
    /// The built-in sentence in Chinese.
    pub zh: &'static str,
    /// The built-in sentence in English.
    pub en: &'static str,
    /// Built-in sentences in Chinese and English that take its place where it is too long for the channel; the longest
    /// is about a dozen words and names.
    pub short: (&'static str, &'static str),
    /// Built-in sentences in Chinese and English for data without calendar time, where they differ.
    pub undated: Option<(&'static str, &'static str)>,
}

impl Reason {
    /// A reason with its sentences in Chinese and English, long and short.
    #[must_use]
    pub const fn new(
        code: &'static str,
        fills: &'static [Placeholder],
        (zh, en): (&'static str, &'static str),
        short: (&'static str, &'static str),
    ) -> Self {
        Self { code, fills, zh, en, short, undated: None }
    }
}

/// The sentences of one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentencePair {
    /// In Chinese.
    pub zh: Template,
    /// In English.
    pub en: Template,
    /// A shorter one in Chinese, where the first is too long.
    pub short_zh: Template,
    /// A shorter one in English.
    pub short_en: Template,
}

/// The sentences of an offer, one pair for each of its kind's reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sentences(pub Vec<SentencePair>);

impl Sentences {
    /// The same for data without calendar time: built-in sentences do without days.
    pub(super) fn undated(mut self, kind: KindRef) -> Self {
        for (reason, pair) in kind.reasons().iter().zip(&mut self.0) {
            let Some((zh, en)) = reason.undated else { continue };
            for (now, dated, undated) in [(&mut pair.zh, reason.zh, zh), (&mut pair.en, reason.en, en)] {
                if Template::parse(dated).is_ok_and(|dated| dated == *now) {
                    *now = Template::parse(undated).unwrap_or_default();
                }
            }
        }
        self
    }
}

/// The sentences of an offer: built in, then those of `decision.sentences` for its kind, then its own; later ones win,
/// and within one list those that name a reason win over those that do not.
pub(super) fn check_sentences(
    kind: KindRef,
    offer: &RawOffer,
    of_kinds: &[RawSentence],
    at: &JobPath,
    at_decision: &JobPath,
    findings: &mut Findings,
) -> Sentences {
    let mut out: Vec<SentencePair> = kind
        .reasons()
        .iter()
        .map(|r| SentencePair {
            zh: Template::parse(r.zh).unwrap_or_default(),
            en: Template::parse(r.en).unwrap_or_default(),
            short_zh: Template::parse(r.short.0).unwrap_or_default(),
            short_en: Template::parse(r.short.1).unwrap_or_default(),
        })
        .collect();
    let lists: [(Vec<(usize, &RawSentence)>, JobPath); 2] = [
        (
            of_kinds.iter().enumerate().filter(|(_, s)| s.kind.as_deref() == Some(kind.code())).collect(),
            at_decision.key("sentences"),
        ),
        (offer.sentences.iter().enumerate().collect(), at.key("sentences")),
    ];
    for (sentences, at) in lists {
        for named in [false, true] {
            for (i, sentence) in sentences.iter().filter(|(_, s)| s.reason.is_some() == named) {
                apply(kind, sentence, offer, &at.index(*i), &mut out, findings);
            }
        }
    }
    if let Some((i, _)) =
        offer.sentences.iter().enumerate().find(|(_, s)| s.kind.as_deref().is_some_and(|k| k != kind.code()))
    {
        let at = at.key("sentences").index(i).key("kind");
        let message = format!("the offer is of kind `{}`", kind.code());
        findings.error("offers::sentence_of_other_kind", at, message, "leave `kind` out of an offer's own sentences");
    }
    Sentences(out)
}

fn apply(
    kind: KindRef,
    raw: &RawSentence,
    offer: &RawOffer,
    at: &JobPath,
    out: &mut [SentencePair],
    findings: &mut Findings,
) {
    let reasons = kind.reasons();
    let has_value = offer.value.is_some() || offer.value_minor.is_some();
    if let Some(name) = &raw.reason
        && !reasons.iter().any(|r| r.code == name)
    {
        let help = nearest(name, reasons.iter().map(|r| r.code)).map_or_else(
            || format!("its reasons: {}", reasons.iter().map(|r| r.code).collect::<Vec<_>>().join(", ")),
            |n| format!("did you mean `{n}`?"),
        );
        let message = format!("kind `{}` has no reason `{name}`", kind.code());
        findings.error("offers::unknown_reason", at.key("reason"), message, help);
        return;
    }
    let texts = [("zh", &raw.zh), ("en", &raw.en), ("short_zh", &raw.short_zh), ("short_en", &raw.short_en)];
    for (key, text) in texts {
        let Some(text) = text else { continue };
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(error) => {
                findings.error(code_of(&error), at.key(key), error.to_string(), help_of(&error));
                continue;
            }
        };
        for (reason, pair) in reasons.iter().zip(out.iter_mut()) {
            if raw.reason.as_deref().is_some_and(|name| name != reason.code) {
                continue;
            }
            for placeholder in template.placeholders() {
                let filled = placeholder.always_filled()
                    || reason.fills.contains(&placeholder)
                    || (placeholder == Placeholder::Value && has_value)
                    || (placeholder == Placeholder::Channel && offer.to_channel.is_some());
                if !filled {
                    findings.error(
                        "offers::placeholder_not_filled",
                        at.key(key),
                        format!(
                            "reason `{}` of kind `{}` does not fill `{{{}}}`",
                            reason.code,
                            kind.code(),
                            placeholder.name()
                        ),
                        filled_by(reason),
                    );
                }
            }
            *match key {
                "zh" => &mut pair.zh,
                "en" => &mut pair.en,
                "short_zh" => &mut pair.short_zh,
                _ => &mut pair.short_en,
            } = template.clone();
        }
    }
}

fn filled_by(reason: &Reason) -> String {
    let names: Vec<String> = PLACEHOLDERS
        .iter()
        .filter(|(_, p)| p.always_filled() || reason.fills.contains(p))
        .map(|(name, _)| format!("{{{name}}}"))
        .collect();
    format!("it fills {}", names.join(", "))
}

fn code_of(error: &TemplateError) -> &'static str {
    match error {
        TemplateError::Unknown(_) => "offers::unknown_placeholder",
        TemplateError::Open | TemplateError::Close => "offers::unbalanced_braces",
        TemplateError::Control => "offers::sentence_not_one_line",
    }
}

fn help_of(error: &TemplateError) -> String {
    match error {
        TemplateError::Unknown(name) => nearest(name, PLACEHOLDERS.iter().map(|(n, _)| *n)).map_or_else(
            || "see the list of placeholders in the job's schema".into(),
            |n| format!("did you mean `{{{n}}}`?"),
        ),
        TemplateError::Open | TemplateError::Close => "write `{{` and `}}` for braces that are meant as such".into(),
        TemplateError::Control => "write the sentence on one line".into(),
    }
}
