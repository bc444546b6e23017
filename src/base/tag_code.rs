//! Tag codes: `[a-z0-9_]{1,30}`, so that no CRM dialect has to escape them.

use std::fmt;

/// Longest tag code.
pub const MAX_LEN: usize = 30;

/// A checked tag code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagCode(Box<str>);

impl TagCode {
    /// Accepts `text` if it is a tag code as it stands.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let ok = !text.is_empty()
            && text.len() <= MAX_LEN
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        ok.then(|| Self(text.into()))
    }

    /// Makes a code of any text: `prefix`, then the text's ASCII letters and digits in lower case with `_` between
    /// words. What is cut or lost is replaced by a short hash of the whole text, so that two texts never share a code
    /// by accident.
    #[must_use]
    pub fn slug(prefix: &str, text: &str) -> Self {
        let mut slug = String::with_capacity(MAX_LEN);
        let mut lossless = true;
        for c in text.chars() {
            match c {
                'a'..='z' | '0'..='9' => slug.push(c),
                'A'..='Z' => slug.push(c.to_ascii_lowercase()),
                ' ' | '-' | '_' | '/' | '.' | '&' => {
                    if !slug.ends_with('_') {
                        slug.push('_');
                    }
                }
                _ => lossless = false,
            }
        }
        let slug = slug.trim_matches('_');
        let room = MAX_LEN - prefix.len().min(MAX_LEN - 10);
        let prefix = &prefix[..prefix.len().min(MAX_LEN - 10)];
        let code = if lossless && !slug.is_empty() && slug.len() <= room {
            format!("{prefix}{slug}")
        } else {
            let hash = xxhash_rust::xxh3::xxh3_64(text.as_bytes()) & 0xff_ffff;
            let kept = &slug[..slug.len().min(room - 7)];
            let joint = if kept.is_empty() || kept.ends_with('_') { "" } else { "_" };
            format!("{prefix}{kept}{joint}{hash:06x}")
        };
        Self(code.into())
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TagCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_slugs() {
        assert!(TagCode::new("seg_01").is_some());
        assert!(TagCode::new("Seg").is_none());
        assert!(TagCode::new("").is_none());
        assert_eq!(TagCode::slug("cat_", "Pet Food").as_str(), "cat_pet_food");
        let han = TagCode::slug("cat_", "宠物");
        assert!(TagCode::new(han.as_str()).is_some(), "{han}");
        assert_ne!(han, TagCode::slug("cat_", "母婴"));
        let long = TagCode::slug("cat_", "a very long category name that does not fit");
        assert!(TagCode::new(long.as_str()).is_some(), "{long}");
    }
}
