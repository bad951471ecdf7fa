//! A policy in YAML (feature `yaml`): the plain part of YAML 1.2, in which a text has one meaning.
//!
//! No anchors, aliases, tags or second document, and no name twice. Plain `true`, `false`, `null`, `~` and numbers as JSON writes
//! them are what they look like; every other scalar is a text, `no` and `2026-11-30` among them.

use std::borrow::Cow;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use crate::json::{self, Member, Placed, Value};

/// Lists and mappings within each other, as in JSON.
const DEEPEST: usize = 64;

/// What is wrong, and at which byte.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) at: usize,
    pub(super) what: String,
}

/// A list or mapping of which the end is still to come.
struct Open<'t> {
    at: usize,
    value: Value<'t>,
    /// The name that waits for its value.
    name: Option<(usize, Cow<'t, str>)>,
}

/// Reads the one document of the text; one without any is null.
pub(super) fn read(text: &str) -> Result<Placed<'_>, Malformed> {
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut root = None;
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Malformed {
            at: error.marker().byte_offset().unwrap_or(text.len()),
            what: error.info(),
        })?;
        let at = start(&span, text);
        let value = match event {
            Event::Scalar(scalar, style, 0, None) => node(scalar, style),
            Event::SequenceStart(_, 0, None) => {
                push(&mut open, at, Value::List(Vec::new()))?;
                continue;
            }
            Event::MappingStart(_, 0, None) => {
                push(&mut open, at, Value::Object(Vec::new()))?;
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(done) = open.pop() else { continue };
                if let Value::Object(members) = &done.value
                    && let Some(at) = json::twice(members)
                {
                    return fail(at, json::TWICE);
                }
                let end = start(&span, text);
                place(&mut open, &mut root, Placed { value: done.value, at: done.at, end })?;
                continue;
            }
            Event::DocumentStart(..) => {
                documents += 1;
                if documents > 1 {
                    return fail(at, "a policy is one document");
                }
                continue;
            }
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => continue,
            _ => {
                return fail(
                    at,
                    "anchors, aliases and tags have no place here: put a text such as \"*:read\" in quotes",
                );
            }
        };
        let end = span.end.byte_offset().unwrap_or(at);
        place(&mut open, &mut root, Placed { value, at, end })?;
    }
    Ok(root.unwrap_or(Placed { value: Value::Null, at: 0, end: 0 }))
}

fn start(span: &Span, text: &str) -> usize {
    span.start.byte_offset().unwrap_or(text.len())
}

fn fail<T>(at: usize, what: &str) -> Result<T, Malformed> {
    Err(Malformed { at, what: what.to_owned() })
}

fn push<'t>(open: &mut Vec<Open<'t>>, at: usize, value: Value<'t>) -> Result<(), Malformed> {
    if open.len() >= DEEPEST {
        return fail(at, "this is nested too deep");
    }
    if open.last().is_some_and(|within| matches!(within.value, Value::Object(_)) && within.name.is_none()) {
        return fail(at, "a name is a text");
    }
    open.push(Open { at, value, name: None });
    Ok(())
}

/// Puts a whole value where it belongs.
fn place<'t>(
    open: &mut [Open<'t>],
    root: &mut Option<Placed<'t>>,
    placed: Placed<'t>,
) -> Result<(), Malformed> {
    let Some(within) = open.last_mut() else {
        *root = Some(placed);
        return Ok(());
    };
    match &mut within.value {
        Value::List(items) => items.push(placed),
        Value::Object(members) => match within.name.take() {
            Some((at, name)) => members.push(Member { name, at, value: placed }),
            None => {
                let name =
                    name(placed.value).ok_or(Malformed { at: placed.at, what: "a name is a text".into() })?;
                within.name = Some((placed.at, name));
            }
        },
        _ => {}
    }
    Ok(())
}

/// A name is the text that is written, also where it looks like a number.
fn name(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(text),
        Value::Number(text) => Some(Cow::Borrowed(text)),
        _ => None,
    }
}

fn node(scalar: Cow<'_, str>, style: ScalarStyle) -> Value<'_> {
    if style != ScalarStyle::Plain {
        return Value::Text(scalar);
    }
    match (&*scalar, &scalar) {
        ("true", _) => Value::Bool(true),
        ("false", _) => Value::Bool(false),
        ("" | "~" | "null", _) => Value::Null,
        (_, Cow::Borrowed(text))
            if matches!(json::read(text), Ok(Placed { value: Value::Number(_), .. })) =>
        {
            Value::Number(text)
        }
        _ => Value::Text(scalar),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_have_one_meaning() {
        let text = "---\na: no\nb: 'true'\nc: [true, ~, null, -1.5, 010, 0x1f, 2026-11-30, x:y]\n7: |\n  two\n  lines\n\"e\":\n";
        let read = read(text).unwrap().value;
        assert_eq!(read.get("a"), Some(&Value::Text("no".into())));
        assert_eq!(read.get("b"), Some(&Value::Text("true".into())));
        assert_eq!(read.get("7"), Some(&Value::Text("two\nlines\n".into())));
        assert_eq!(read.get("e"), Some(&Value::Null));
        let Some(Value::List(items)) = read.get("c") else { unreachable!("{read:?}") };
        let values: Vec<_> = items.iter().map(|item| item.value.clone()).collect();
        let texts = ["010", "0x1f", "2026-11-30", "x:y"].map(|text| Value::Text(text.into()));
        assert_eq!(values[..4], [Value::Bool(true), Value::Null, Value::Null, Value::Number("-1.5")]);
        assert_eq!(values[4..], texts);
        assert_eq!(&text[items[7].at..items[7].end], "x:y");
    }

    #[test]
    fn what_has_two_meanings_is_refused_at_its_place() {
        for (text, at) in [
            ("---\na: &x 1\nb: *x\n", 7),
            ("---\na: *x\n", 7),
            ("---\na: !!str 1\n", 7),
            ("---\na: 1\na: 2\n", 9),
            ("---\n[a]: 1\n", 4),
            ("---\ntrue: 1\n", 4),
            ("---\na: 1\n---\nb: 1\n", 9),
            ("---\na: [1\n", 10),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.at.abs_diff(at) <= 6, "{text:?} {error:?}");
        }
        let deep = |levels: usize| format!("---\n{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(&deep(64)).is_ok() && read(&deep(65)).is_err());
        assert_eq!(read("---\n").unwrap().value, Value::Null);
    }
}
