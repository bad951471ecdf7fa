//! Reading secrets out of JSON without leaving copies of them in freed memory.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::SecretString;
use crate::error::Malformed;

/// The value of type `T` in a secret: in all of it, or in what a JSON pointer (RFC 6901) leads to.
///
/// A [`SecretString`] is the whole text as it stands, or the JSON string that the pointer leads to.
pub(crate) fn decode<T: DeserializeOwned + 'static>(
    bytes: &[u8],
    field: Option<&str>,
) -> Result<T, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::NOT_TEXT)?;
    let Some(pointer) = field else { return whole(text) };
    serde_json::from_str(point(text, pointer)?.get()).map_err(|error| Malformed::from_json(&error))
}

fn whole<T: DeserializeOwned + 'static>(text: &str) -> Result<T, Malformed> {
    let mut value: Option<T> = None;
    match (&mut value as &mut dyn Any).downcast_mut::<Option<SecretString>>() {
        Some(slot) => *slot = Some(SecretString::new(text)),
        None => value = Some(serde_json::from_str(text).map_err(|error| Malformed::from_json(&error))?),
    }
    value.ok_or(Malformed::NOT_TEXT)
}

/// The bytes that a pointer leads to: a JSON string without its quotes and escapes, all else as it is written.
pub(crate) fn bytes_at(bytes: &[u8], pointer: &str) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::NOT_TEXT)?;
    let leaf = point(text, pointer)?;
    Ok(match unescaped(leaf) {
        Some(text) => Zeroizing::new(text.as_bytes().to_vec()),
        None => Zeroizing::new(leaf.get().as_bytes().to_vec()),
    })
}

/// What a JSON pointer leads to, borrowed from the text.
fn point<'a>(text: &'a str, pointer: &str) -> Result<&'a RawValue, Malformed> {
    let parse = |text: &'a str| serde_json::from_str(text).map_err(|error| Malformed::from_json(&error));
    let mut at: &RawValue = parse(text)?;
    for token in pointer.split('/').skip(1) {
        let key = token.replace("~1", "/").replace("~0", "~");
        at = step(at, &key)?;
    }
    Ok(at)
}

fn step<'a>(at: &'a RawValue, key: &str) -> Result<&'a RawValue, Malformed> {
    let inner = at.get();
    let found = if inner.starts_with('{') {
        let members: BTreeMap<Cow<'_, str>, &RawValue> =
            serde_json::from_str(inner).map_err(|error| Malformed::from_json(&error))?;
        members.get(key).copied()
    } else if inner.starts_with('[') {
        let items: Vec<&RawValue> =
            serde_json::from_str(inner).map_err(|error| Malformed::from_json(&error))?;
        key.parse::<usize>().ok().and_then(|index| items.get(index).copied())
    } else {
        None
    };
    found.ok_or(Malformed::NO_FIELD)
}

/// The text of a JSON string (RFC 8259 §7), its escapes resolved in a buffer that is wiped; `None`: it is no string.
pub(crate) fn unescaped(raw: &RawValue) -> Option<Zeroizing<String>> {
    let mut rest = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    // What is written with escapes is never shorter than what it means: the buffer never moves.
    let mut text = Zeroizing::new(String::with_capacity(rest.len()));
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at_checked(at)?;
        text.push_str(plain);
        let (meant, left) = escaped(escape.get(1..)?)?;
        text.push(meant);
        rest = left;
    }
    text.push_str(rest);
    Some(text)
}

/// The character of an escape after its backslash, and what follows it.
fn escaped(escape: &str) -> Option<(char, &str)> {
    let mut characters = escape.chars();
    let meant = match characters.next()? {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => return unicode(characters.as_str()),
        same @ ('"' | '\\' | '/') => same,
        _ => return None,
    };
    Some((meant, characters.as_str()))
}

fn unicode(digits: &str) -> Option<(char, &str)> {
    let unit = |text: &str| u32::from_str_radix(text.get(..4)?, 16).ok();
    let (first, rest) = (unit(digits)?, digits.get(4..)?);
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first)?, rest));
    }
    let second = rest.strip_prefix("\\u")?;
    let low = unit(second)?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    Some((char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + low)?, second.get(4..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn escapes_mean_what_serde_json_says(text in any::<String>()) {
            let written = serde_json::to_string(&text).unwrap();
            let raw: &RawValue = serde_json::from_str(&written).unwrap();
            let ours = unescaped(raw).map(|text| text.as_str().to_owned());
            prop_assert_eq!(ours, Some(text));
        }

        #[test]
        fn odd_escapes_never_panic(text in "\"[\\\\u0-9a-fDd\"]{0,16}\"") {
            if let Ok(raw) = serde_json::from_str::<&RawValue>(&text) {
                let ours = unescaped(raw).map(|text| text.as_str().to_owned());
                prop_assert_eq!(ours, serde_json::from_str::<String>(&text).ok());
            }
        }
    }

    #[test]
    fn pointers_lead_into_objects_and_lists() {
        let text = br#"{"a/b":[{"~":"deep \ud83d\ude00"}],"n":7}"#;
        let at = |pointer| bytes_at(text, pointer).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        assert_eq!(at("/a~1b/0/~0").unwrap(), "deep 😀");
        assert_eq!(at("/n").unwrap(), "7");
        assert_eq!(at("/a~1b/1").unwrap_err(), Malformed::NO_FIELD);
        assert_eq!(decode::<u8>(text, Some("/n")).unwrap(), 7);
        assert!(decode::<SecretString>(text, Some("/a~1b/0/~0")).unwrap().matches("deep 😀"));
    }

    #[test]
    fn what_is_wrong_with_a_value_is_said_without_the_value() {
        let error = decode::<u8>(br#"{"n":"hunter2"}"#, Some("/n")).unwrap_err();
        assert!(!error.to_string().contains("hunter"), "{error}");
    }
}
