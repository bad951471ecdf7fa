//! JSON that refuses what two parsers could read differently.
//!
//! `serde_json::Value` keeps the last of two equal names and changes its ways with features that any crate of the
//! tree may switch on; this tree keeps to what is written and refuses duplicates.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// More names than any honest object has: bounds the work that a stranger's header can ask for.
const MAX_NAMES: usize = 200;

/// Up to so many names are looked through one by one; what comes after them is hashed.
const FEW_NAMES: usize = 24;

/// Room for so many members that are kept: most tokens need no more.
const FEW_MEMBERS: usize = 16;

/// A JSON value, borrowed from its text where that has no escapes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    /// A number that is no 64-bit integer: what it is never matters.
    Number,
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Members<'a>),
}

impl Json<'_> {
    /// What an item of a list says: the string, or the `value` of an object, as attributes of several values have it (RFC 7643 §2.4).
    pub(crate) fn said(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Object(members) => match members.get("value") {
                Some(Self::Text(text)) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The members of an object, in their order, no name twice.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Members<'a> {
    pub(crate) fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(n, _)| same(n, name)).map(|(_, value)| value)
    }

    /// Names and values, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Json<'a>)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// The value that a JSON pointer without its leading slash names, through objects only (RFC 6901).
    pub(crate) fn at(&self, path: &[Box<str>]) -> Option<&Json<'a>> {
        let (first, rest) = path.split_first()?;
        let value = self.get(first)?;
        match (rest.is_empty(), value) {
            (true, value) => Some(value),
            (false, Json::Object(members)) => members.at(rest),
            (false, _) => None,
        }
    }
}

/// What to keep of a top-level member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Only that the name occurred, for the refusal of duplicates.
    Nothing,
    /// A whole number; anything else is an error.
    Integer,
    /// Whatever it is.
    Value,
}

/// Reads one JSON object and keeps the members that `keep` asks for.
///
/// # Errors
/// Not one JSON object, a name twice, too many names, a control character, or no integer where one is asked for.
pub(crate) fn read_object<'a>(
    text: &'a str,
    keep: impl Fn(&str) -> Keep,
) -> Result<Members<'a>, serde_json::Error> {
    let mut input = serde_json::Deserializer::from_str(text);
    let members = input.deserialize_map(TopLevel(keep))?;
    input.end()?;
    Ok(members)
}

struct TopLevel<F>(F);

impl<'de, F: Fn(&str) -> Keep> Visitor<'de> for TopLevel<F> {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut seen = Names::default();
        let mut members = Members(Vec::with_capacity(FEW_MEMBERS));
        while let Some(name) = map.next_key_seed(TextSeed)? {
            let keep = (self.0)(&name);
            seen.add(name.clone(), keep != Keep::Nothing, &members).map_err(A::Error::custom)?;
            let value = match keep {
                Keep::Nothing => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                Keep::Integer => Json::Integer(map.next_value()?),
                Keep::Value => map.next_value_seed(JsonSeed)?,
            };
            members.0.push((name, value));
        }
        Ok(members)
    }
}

/// The names of one object so far, but for those of kept members, which are in their place. Honest objects have few, and
/// looking through few is cheaper than hashing them.
#[derive(Default)]
struct Names<'a> {
    skipped: Vec<Cow<'a, str>>,
    /// All that came after the first few, kept or not.
    many: HashSet<Cow<'a, str>>,
    count: usize,
}

impl<'a> Names<'a> {
    fn add(&mut self, name: Cow<'a, str>, kept: bool, members: &Members<'a>) -> Result<(), &'static str> {
        if self.count >= MAX_NAMES {
            return Err("too many names in one object");
        }
        let first = members.0.iter().take(FEW_NAMES).map(|(name, _)| name).chain(&self.skipped);
        if first.into_iter().any(|seen| same(seen, &name)) || self.many.contains(&name) {
            return Err("a name occurs twice");
        }
        if self.count >= FEW_NAMES {
            self.many.insert(name);
        } else if !kept {
            self.skipped.push(name);
        }
        self.count += 1;
        Ok(())
    }
}

/// Most names differ in length or in the first byte: that is seen without a call.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.as_bytes().first() == other.as_bytes().first() && one == other
}

struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Cow<'de, str>, D::Error> {
        input.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

struct JsonSeed;

impl<'de> DeserializeSeed<'de> for JsonSeed {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Json<'de>, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonSeed {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(i64::try_from(number).map_or(Json::Number, Json::Integer))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Json<'de>, E> {
        printable(text).map(|()| Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json<'de>, E> {
        printable(text).map(|()| Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(JsonSeed)? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Json<'de>, A::Error> {
        TopLevel(|_: &str| Keep::Value).visit_map(map).map(Json::Object)
    }
}

/// Names of people, roles and keys have no control characters: a NUL or a line break in one is a trick on who reads on.
fn printable<E: Error>(text: &str) -> Result<(), E> {
    // Without a branch a byte, as most strings are plain ASCII.
    let plain = text.bytes().fold(true, |plain, byte| plain & matches!(byte, 0x20..=0x7e));
    match plain || !text.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(E::custom("a control character in a string")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Members<'_>, serde_json::Error> {
        read_object(text, |_| Keep::Value)
    }

    #[test]
    fn duplicates_are_refused_at_every_level_that_is_kept() {
        assert!(all(r#"{"a":1,"a":1}"#).is_err());
        assert!(all(r#"{"a":{"b":1,"b":2}}"#).is_err());
        assert!(read_object(r#"{"x":1,"x":1}"#, |_| Keep::Nothing).is_err());
        assert!(all(r#"{"a":1,"\u0061":1}"#).is_err(), "an escaped name is the same name");
    }

    #[test]
    fn duplicates_are_refused_wherever_they_stand() {
        let object = |names: &[usize]| {
            let members: Vec<_> = names.iter().map(|name| format!("\"n{name}\":1")).collect();
            format!("{{{}}}", members.join(","))
        };
        for length in [2, FEW_NAMES, FEW_NAMES + 1, 100] {
            let honest: Vec<usize> = (0..length).collect();
            for again in 0..length {
                let doubled = object(&[&honest[..], &[again]].concat());
                let half =
                    |name: &str| if name.ends_with(['1', '3', '5']) { Keep::Value } else { Keep::Nothing };
                assert!(all(&doubled).is_err() && read_object(&doubled, |_| Keep::Nothing).is_err());
                assert!(read_object(&doubled, half).is_err(), "{again} of {length}");
            }
            assert!(all(&object(&honest)).is_ok());
        }
        let many: Vec<usize> = (0..=MAX_NAMES).collect();
        assert!(all(&object(&many[1..])).is_ok() && all(&object(&many)).is_err());
    }

    #[test]
    fn integers_are_integers() {
        for bad in [r#"{"n":1.0}"#, r#"{"n":"1"}"#, r#"{"n":null}"#, r#"{"n":1e3}"#, r#"{"n":true}"#] {
            assert!(read_object(bad, |_| Keep::Integer).is_err(), "{bad}");
        }
        assert!(read_object(r#"{"n":1}"#, |_| Keep::Integer).is_ok());
    }

    #[test]
    fn pointers_walk_objects_only() {
        let members = all(r#"{"realm_access":{"roles":["editor"]},"s":"x"}"#).unwrap();
        let path: Vec<Box<str>> = vec!["realm_access".into(), "roles".into()];
        assert_eq!(members.at(&path), Some(&Json::List(vec![Json::Text("editor".into())])));
        assert_eq!(members.at(&["s".into(), "x".into()]), None);
        assert_eq!(members.at(&[]), None);
    }

    #[test]
    fn kept_strings_are_printable() {
        for bad in
            [r#"{"s":"a\u0000b"}"#, r#"{"s":["a\nb"]}"#, r#"{"s":{"t":"\u001b[2J"}}"#, "{\"s\":\"\u{7f}\"}"]
        {
            assert!(all(bad).is_err(), "{bad}");
            assert!(read_object(bad, |_| Keep::Nothing).is_ok(), "nobody reads it");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |n: usize| format!("{{\"a\":{}1{}}}", "[".repeat(n), "]".repeat(n));
        assert!(all(&deep(100)).is_ok());
        assert!(all(&deep(100_000)).is_err());
        let _ = read_object(&deep(100_000), |_| Keep::Nothing);
    }

    #[test]
    fn only_one_object_and_nothing_after_it() {
        for bad in ["", "[]", "1", "{} {}", "{}x", r#"{"a":}"#] {
            assert!(all(bad).is_err(), "{bad}");
        }
    }
}
