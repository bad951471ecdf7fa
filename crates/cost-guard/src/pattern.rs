//! By what an amount is counted: `user/{subject}`, `org/{tenant}`, `app`.

use std::fmt;
use std::sync::Arc;

/// What a scope can be told apart by. All of it comes from verified claims, the matched route or code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dimension {
    Subject,
    Tenant,
    Feature,
    Route,
    Environment,
}

impl Dimension {
    pub(crate) const ALL: [Self; 5] =
        [Self::Subject, Self::Tenant, Self::Feature, Self::Route, Self::Environment];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Tenant => "tenant",
            Self::Feature => "feature",
            Self::Route => "route",
            Self::Environment => "environment",
        }
    }
}

/// Words and `{dimensions}` between slashes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: Arc<str>,
    dimensions: Vec<Dimension>,
}

impl Pattern {
    /// # Errors
    /// The cure.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut dimensions = Vec::new();
        for piece in text.split('/') {
            let inner = piece.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match inner {
                Some(name) => dimensions.push(dimension(name)?),
                None if plain(piece) => {}
                None => {
                    return Err(
                        "write words of letters, digits, '-', '_', '.' and {dimensions} between slashes"
                            .into(),
                    );
                }
            }
        }
        Ok(Self { text: text.into(), dimensions })
    }

    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    pub(crate) fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    pub(crate) fn has(&self, dimension: Dimension) -> bool {
        self.dimensions.contains(&dimension)
    }

    /// The words without the dimensions: a name that is good in a header field.
    pub(crate) fn word(&self) -> String {
        let words: Vec<&str> = self.text.split('/').filter(|piece| plain(piece)).collect();
        if words.is_empty() { "limit".to_owned() } else { words.join("-") }
    }
}

fn dimension(name: &str) -> Result<Dimension, String> {
    Dimension::ALL.into_iter().find(|dimension| dimension.as_str() == name).ok_or_else(|| {
        let known: Vec<String> =
            Dimension::ALL.iter().map(|known| format!("{{{}}}", known.as_str())).collect();
        format!("there is no dimension {{{name}}}: known are {}", known.join(", "))
    })
}

pub(crate) fn plain(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_words_and_known_dimensions() {
        let pattern = Pattern::parse("org/{tenant}/user/{subject}").unwrap();
        assert_eq!(pattern.dimensions(), [Dimension::Tenant, Dimension::Subject]);
        assert_eq!(pattern.word(), "org-user");
        assert!(Pattern::parse("user/{sub}").unwrap_err().contains("{subject}"));
        for wrong in ["", "/", "a//b", "a b", "{}", "a{subject}"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
