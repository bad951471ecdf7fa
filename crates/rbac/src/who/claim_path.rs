//! Where in the claims of a token something is.

use std::borrow::Cow;

use crate::json::Value;
use crate::who::Doubt;

/// The way to a claim: a JSON pointer (RFC 6901) when it starts with `/`, else the name of a top-level claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaimPath(Vec<Box<str>>);

impl ClaimPath {
    /// The path as it is written; `None` when it names nothing or is no JSON pointer.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let Some(pointer) = text.strip_prefix('/') else {
            return (!text.is_empty()).then(|| Self(vec![text.into()]));
        };
        let steps: Option<Vec<Box<str>>> = pointer.split('/').map(unescaped).collect();
        steps.filter(|steps| steps.iter().any(|step| !step.is_empty())).map(Self)
    }

    /// The name of the top-level claim that the path begins with.
    pub(crate) fn claim(&self) -> &str {
        self.0.first().map_or("", |first| first)
    }

    /// The texts at the path: one, or a list of them, or of objects that say them as their `value` (RFC 7643 §2.4).
    ///
    /// # Errors
    /// Something of another shape is there: what it means is not known.
    pub(crate) fn texts<'j>(&self, claims: &Value<'j>) -> Result<Vec<Cow<'j, str>>, Doubt> {
        let mut here = claims;
        for step in &self.0 {
            here = match here {
                Value::Object(_) => match here.get(step) {
                    Some(next) => next,
                    None => return Ok(Vec::new()),
                },
                Value::Null => return Ok(Vec::new()),
                _ => return Err(Doubt::Shape),
            };
        }
        match here {
            Value::Null => Ok(Vec::new()),
            Value::Text(text) => Ok(vec![text.clone()]),
            Value::List(items) => items.iter().map(|item| text_of(&item.value)).collect(),
            _ => Err(Doubt::Shape),
        }
    }
}

fn text_of<'j>(item: &Value<'j>) -> Result<Cow<'j, str>, Doubt> {
    match (item, item.get("value")) {
        (Value::Text(text), _) | (_, Some(Value::Text(text))) => Ok(text.clone()),
        _ => Err(Doubt::Shape),
    }
}

/// One step of a pointer: `~1` is a slash and `~0` a tilde (RFC 6901 §3).
fn unescaped(step: &str) -> Option<Box<str>> {
    let mut parts = step.split('~');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (c, rest) = match part.as_bytes().first() {
            Some(b'0') => ('~', part.get(1..)?),
            Some(b'1') => ('/', part.get(1..)?),
            _ => return None,
        };
        out.push(c);
        out.push_str(rest);
    }
    Some(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read;

    #[test]
    fn paths_lead_to_texts() {
        let text = r#"{"a": {"b/c": ["x", {"value": "y"}], "n": null, "d~": "z"}, "https://e/r": ["w"], "m": 7, "l": [7]}"#;
        let claims = read(text).unwrap().value;
        let at = |path: &str| ClaimPath::read(path).unwrap().texts(&claims);
        assert_eq!(at("/a/b~1c").unwrap(), ["x", "y"]);
        assert_eq!(at("/a/d~0").unwrap(), ["z"]);
        assert_eq!(at("https://e/r").unwrap(), ["w"]);
        for nothing in ["/a/n", "/a/n/x", "/a/x", "/x/y", "a/b"] {
            assert!(at(nothing).unwrap().is_empty(), "{nothing}");
        }
        for other in ["a", "m", "l", "/m/x", "/a/d~0/x"] {
            assert_eq!(at(other), Err(Doubt::Shape), "{other}");
        }
        for bad in ["", "/", "//", "/a~2", "/a~"] {
            assert_eq!(ClaimPath::read(bad), None, "{bad}");
        }
    }
}
