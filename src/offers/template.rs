//! Sentences as templates: plain text with placeholders such as `{item}`, parsed once and rendered by appending.

use std::fmt;

/// What a sentence may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// The offer's own name.
    Offer,
    /// The offered item.
    Item,
    /// The item that the reason rests on (owned device, earlier purchase).
    Because,
    /// The categories that the offer is limited to; without any, the category offered or that the reason rests on.
    Category,
    /// What else the reason is about: a brand, a collection, a city, a festival, a tier, a channel, a cause.
    Subject,
    /// The channel that the offer is to bring members to.
    Channel,
    /// How many times.
    Count,
    /// A length of time in days.
    Days,
    /// A day.
    Date,
    /// An amount of money of the reason.
    Amount,
    /// Points of the reason.
    Points,
    /// The offer's face value.
    Value,
    /// First day of validity.
    ValidFrom,
    /// Last day of validity.
    ValidUntil,
}

/// Every placeholder by the name it has between braces.
pub const PLACEHOLDERS: &[(&str, Placeholder)] = &[
    ("offer", Placeholder::Offer),
    ("item", Placeholder::Item),
    ("because", Placeholder::Because),
    ("category", Placeholder::Category),
    ("subject", Placeholder::Subject),
    ("channel", Placeholder::Channel),
    ("count", Placeholder::Count),
    ("days", Placeholder::Days),
    ("date", Placeholder::Date),
    ("amount", Placeholder::Amount),
    ("points", Placeholder::Points),
    ("value", Placeholder::Value),
    ("valid_from", Placeholder::ValidFrom),
    ("valid_until", Placeholder::ValidUntil),
];

impl Placeholder {
    /// The name between braces.
    #[must_use]
    pub fn name(self) -> &'static str {
        PLACEHOLDERS.iter().find(|(_, p)| *p == self).map_or("", |(name, _)| name)
    }

    /// Whether any reason of any kind fills this placeholder.
    #[must_use]
    pub fn always_filled(self) -> bool {
        matches!(self, Self::Offer | Self::ValidFrom | Self::ValidUntil)
    }
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text as it stands.
    Text(String),
    /// A value to be filled in.
    Fill(Placeholder),
}

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// Whether a character moves the text about it rather than standing in it: line and paragraph ends, other control
/// characters, and marks that turn the direction of all that follows (U+202A…E, U+2066…9), which a name could leave open.
#[must_use]
pub fn is_layout(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A name between braces that means nothing.
    #[error("there is no placeholder `{{{0}}}`")]
    Unknown(String),
    /// `{` without `}`.
    #[error("a `{{` has no `}}` after it")]
    Open,
    /// `}` without `{`.
    #[error("a `}}` has no `{{` before it")]
    Close,
    /// Control characters, line ends and marks of direction: a sentence is one line.
    #[error("the sentence holds a line break or a control character")]
    Control,
}

impl Template {
    /// Parses `{name}` placeholders; `{{` and `}}` stand for braces.
    ///
    /// # Errors
    /// If a placeholder is unknown, braces do not match, or the text is more than one line.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if is_layout(c) {
                return Err(TemplateError::Control);
            }
            if let Some(after) = rest.strip_prefix("{{") {
                literal.push('{');
                rest = after;
            } else if let Some(after) = rest.strip_prefix("}}") {
                literal.push('}');
                rest = after;
            } else if let Some(after) = rest.strip_prefix('{') {
                let (name, after) = after.split_once('}').ok_or(TemplateError::Open)?;
                let (_, placeholder) = PLACEHOLDERS
                    .iter()
                    .find(|(known, _)| *known == name)
                    .ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
                if !literal.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Fill(*placeholder));
                rest = after;
            } else if c == '}' {
                return Err(TemplateError::Close);
            } else {
                literal.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Ok(Self { pieces })
    }

    /// The pieces in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The placeholders in order, with repeats.
    pub fn placeholders(&self) -> impl Iterator<Item = Placeholder> {
        self.pieces.iter().filter_map(|p| match p {
            Piece::Fill(f) => Some(*f),
            Piece::Text(_) => None,
        })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}"))?,
                Piece::Fill(p) => write!(f, "{{{}}}", p.name())?,
            }
        }
        Ok(())
    }
}

impl serde::Serialize for Template {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_prints_back() {
        let text = "您买过 {because}，{{限时}} {item} 到 {valid_until}";
        let template = Template::parse(text).unwrap();
        assert_eq!(template.to_string(), text);
        assert_eq!(
            template.placeholders().collect::<Vec<_>>(),
            [Placeholder::Because, Placeholder::Item, Placeholder::ValidUntil]
        );
        assert_eq!(Template::parse("a {ietm}"), Err(TemplateError::Unknown("ietm".into())));
        assert_eq!(Template::parse("a {item"), Err(TemplateError::Open));
        assert_eq!(Template::parse("a } b"), Err(TemplateError::Close));
        for control in ["a\nb", "a\u{2028}b", "a\u{202e}b", "\u{7f}"] {
            assert_eq!(Template::parse(control), Err(TemplateError::Control));
        }
        assert_eq!(Template::parse("").unwrap().pieces(), []);
    }
}
