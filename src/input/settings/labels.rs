//! `[labels]`: what members and marketers read in place of category paths and channel codes.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Findings, IdTable, findings::JobPath, findings::nearest};

/// A name in Chinese and English.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLabel {
    /// In Chinese; left out, the code as it is.
    pub zh: Option<String>,
    /// In English; left out, the code as it is.
    pub en: Option<String>,
}

/// What members and marketers read in place of category paths and channel codes. Labels are for reading only: rules,
/// files and tags keep the codes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLabels {
    /// By category path (`pet/food`) or by one part of it (`food`); the whole path goes first.
    #[serde(default)]
    pub categories: BTreeMap<String, RawLabel>,
    /// By channel code; `mini_program`, `tmall`, `jd`, `douyin`, `app`, `store`, `wechat` and their like are known.
    #[serde(default)]
    pub channels: BTreeMap<String, RawLabel>,
}

/// A name in Chinese and English, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct Label {
    zh: Option<String>,
    en: Option<String>,
}

/// What stands in a text for a category or a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled<'a> {
    /// In Chinese.
    pub zh: Cow<'a, str>,
    /// In English.
    pub en: Cow<'a, str>,
}

/// Labels, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Labels {
    categories: BTreeMap<String, Label>,
    channels: BTreeMap<String, Label>,
}

/// Channels by code, in Chinese and English.
const CHANNELS: &[(&str, &str, &str)] = &[
    ("alipay", "支付宝", "Alipay"),
    ("app", "App", "app"),
    ("app_push", "App 推送", "app push"),
    ("counter", "专柜", "counter"),
    ("douyin", "抖音", "Douyin"),
    ("email", "邮件", "e-mail"),
    ("jd", "京东", "JD.com"),
    ("kuaishou", "快手", "Kuaishou"),
    ("meituan", "美团", "Meituan"),
    ("mini_program", "小程序", "mini-program"),
    ("mobile", "手机端", "mobile"),
    ("offline", "线下", "offline"),
    ("online", "线上", "online"),
    ("phone", "电话", "phone"),
    ("pinduoduo", "拼多多", "Pinduoduo"),
    ("sms", "短信", "text message"),
    ("store", "门店", "store"),
    ("taobao", "淘宝", "Taobao"),
    ("tmall", "天猫", "Tmall"),
    ("vip", "唯品会", "Vipshop"),
    ("web", "网页", "web"),
    ("website", "官网", "website"),
    ("wechat", "微信", "WeChat"),
    ("wechat_mini_program", "微信小程序", "WeChat mini-program"),
    ("wecom", "企业微信", "WeCom"),
    ("weibo", "微博", "Weibo"),
    ("xiaohongshu", "小红书", "Xiaohongshu"),
];

impl RawLabels {
    /// Checks the section found at `at`.
    pub fn check(&self, at: &JobPath, findings: &mut Findings) -> Labels {
        let mut checked = |section: &str, labels: &BTreeMap<String, RawLabel>| -> BTreeMap<String, Label> {
            let at = at.key(section);
            labels
                .iter()
                .map(|(code, raw)| {
                    let mut text = |key: &str, text: &Option<String>| {
                        let text = text.as_deref()?.trim();
                        if text.is_empty() || text.chars().any(char::is_control) {
                            let message = format!("the label of `{code}` is empty or not one line");
                            findings.error("labels::bad_label", at.key(code).key(key), message, "write a short name");
                        }
                        Some(text.to_owned())
                    };
                    let label = Label { zh: text("zh", &raw.zh), en: text("en", &raw.en) };
                    if label == Label::default() {
                        let message = format!("the label of `{code}` says nothing");
                        findings.error("labels::bad_label", at.key(code), message, "give it `zh`, `en` or both");
                    }
                    (code.trim_end_matches('/').to_owned(), label)
                })
                .collect()
        };
        Labels { categories: checked("categories", &self.categories), channels: checked("channels", &self.channels) }
    }
}

/// The label, with what the code itself says where it is silent.
fn labelled<'a>(label: Option<&'a Label>, code: &'a str) -> Labelled<'a> {
    let plain = || if code.contains('_') { Cow::Owned(code.replace('_', " ")) } else { Cow::Borrowed(code) };
    let text = |given: Option<&'a String>| given.map_or_else(plain, |g| Cow::Borrowed(g.as_str()));
    Labelled { zh: text(label.and_then(|l| l.zh.as_ref())), en: text(label.and_then(|l| l.en.as_ref())) }
}

/// The last part of a path that is not empty.
fn leaf(path: &str) -> &str {
    path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(path)
}

impl Labels {
    /// What is read for a category: the label of its path, else of the last part of it, else that part.
    #[must_use]
    pub fn category<'a>(&'a self, path: &'a str) -> Labelled<'a> {
        let leaf = leaf(path);
        labelled(self.categories.get(path).or_else(|| self.categories.get(leaf)), leaf)
    }

    /// What is read for a channel: its label, else the built-in one, else the code.
    #[must_use]
    pub fn channel<'a>(&'a self, code: &'a str) -> Labelled<'a> {
        if let Some(label) = self.channels.get(code) {
            return labelled(Some(label), code);
        }
        let plain = code.to_lowercase().replace(['-', ' '], "_");
        match CHANNELS.binary_search_by(|(known, ..)| (*known).cmp(plain.as_str())) {
            Ok(i) => Labelled { zh: CHANNELS[i].1.into(), en: CHANNELS[i].2.into() },
            Err(_) => labelled(None, code),
        }
    }

    /// Warns once of labels for categories and once of labels for channels that the data does not have. `categories`
    /// are the paths of the shop's items, `channels` the codes on its lines; a table without any says nothing.
    pub fn check_used(&self, categories: &IdTable, channels: &IdTable, at: &JobPath, findings: &mut Findings) {
        let known = |label: &str| {
            let below =
                |path: &str| path.strip_prefix(label).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            categories.iter().any(|path| below(path) || path.split('/').any(|part| part == label))
        };
        let parts = || categories.iter().flat_map(|path| std::iter::once(path).chain(path.split('/')));
        let unknown: Vec<&str> = self.categories.keys().map(String::as_str).filter(|l| !known(l)).collect();
        warn(&unknown, "category", |name| nearest(name, parts()), &at.key("categories"), findings);
        let unknown: Vec<&str> =
            self.channels.keys().map(String::as_str).filter(|c| channels.find(c).is_none()).collect();
        warn(&unknown, "channel", |name| nearest(name, channels.iter()), &at.key("channels"), findings);
    }
}

fn warn<'a>(
    unknown: &[&str],
    what: &str,
    nearest: impl Fn(&str) -> Option<&'a str>,
    at: &JobPath,
    findings: &mut Findings,
) {
    let Some(first) = unknown.first() else { return };
    let rest = match unknown.len() {
        1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    };
    let message = format!("there is no {what} `{first}`{rest} in the data: its label is not used");
    let help = nearest(first)
        .map_or_else(|| "correct the code or drop the label".to_owned(), |n| format!("did you mean `{n}`?"));
    findings.warn("labels::unknown", at.key(first), message, help);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(pairs: &[(&str, &str, &str)]) -> BTreeMap<String, RawLabel> {
        let text = |t: &str| (!t.is_empty()).then(|| t.to_owned());
        pairs.iter().map(|(code, zh, en)| ((*code).to_owned(), RawLabel { zh: text(zh), en: text(en) })).collect()
    }

    #[test]
    fn the_whole_path_goes_before_its_last_part() {
        let labels = RawLabels {
            categories: raw(&[
                ("pet", "宠物", "pet"),
                ("toy", "玩具", "toys"),
                ("pet/toy", "宠物玩具", ""),
                ("food/", "粮", ""),
            ]),
            channels: raw(&[("app", "手机应用", "")]),
        };
        let mut findings = Findings::new();
        let labels = labels.check(&JobPath::root().key("labels"), &mut findings);
        assert!(findings.is_empty());
        let read = |path: &str| {
            let found = labels.category(path);
            (found.zh.into_owned(), found.en.into_owned())
        };
        let pair = |zh: &str, en: &str| (zh.to_owned(), en.to_owned());
        assert_eq!(read("pet"), pair("宠物", "pet"));
        assert_eq!(read("pet/toy"), pair("宠物玩具", "toy"));
        assert_eq!(read("baby/toy"), pair("玩具", "toys"));
        assert_eq!(read("pet/food"), pair("粮", "food"));
        assert_eq!(read("pet/cat_litter"), pair("cat litter", "cat litter"));
        assert_eq!(read(""), pair("", ""));
        assert_eq!(labels.channel("Mini-Program").zh, "小程序");
        assert_eq!(labels.channel("app").zh, "手机应用");
        assert_eq!(labels.channel("app").en, "app");
        assert_eq!(labels.channel("kiosk_2").en, "kiosk 2");
        assert!(CHANNELS.is_sorted_by_key(|c| c.0));
    }

    #[test]
    fn labels_of_nothing_are_found() {
        let labels =
            RawLabels { categories: raw(&[("a", "", ""), ("b", " ", "b")]), channels: raw(&[("c", "两\n行", "")]) };
        let mut findings = Findings::new();
        labels.check(&JobPath::root().key("labels"), &mut findings);
        let at: Vec<&str> = findings.iter().map(|f| f.at.as_str()).collect();
        assert_eq!(at, ["labels.categories.a", "labels.categories.b.zh", "labels.channels.c.zh"]);

        let labels = RawLabels {
            categories: raw(&[("pet", "宠物", ""), ("litter", "猫砂", ""), ("pett", "宠物", ""), ("zz", "无", "")]),
            channels: raw(&[("tmal", "天猫", "")]),
        };
        let mut findings = Findings::new();
        let labels = labels.check(&JobPath::root(), &mut findings);
        let categories = IdTable::from_unsorted(["pet/cat/litter", "tea"]);
        labels.check_used(
            &categories,
            &IdTable::from_unsorted(["tmall"]),
            &JobPath::root().key("labels"),
            &mut findings,
        );
        let said: Vec<String> = findings.iter().map(|f| format!("{}: {} {:?}", f.at, f.message, f.help)).collect();
        assert_eq!(
            said,
            [
                "labels.categories.pett: there is no category `pett` (and 1 more) in the data: its label is not used \
                 Some(\"did you mean `pet`?\")",
                "labels.channels.tmal: there is no channel `tmal` in the data: its label is not used \
                 Some(\"did you mean `tmall`?\")",
            ]
        );
    }
}
