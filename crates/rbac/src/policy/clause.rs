//! Reading grants and denials: a name alone, or with the record and the time for which it holds.

use std::fmt::Display;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::document::{At, Clause, DeclaredAttribute, Effect};
use super::fields::{Fields, text, texts, wrong_type};
use super::moment::moment;
use crate::condition::{AttributeType, Comparison, Wanted};
use crate::finding::Findings;
use crate::window::Window;

/// What `key` of a role lists: names, and clauses that hold at times or for some records only.
pub(super) fn clauses(
    fields: &Fields<'_, '_>,
    key: &'static str,
    effect: Effect,
    findings: &mut Findings<'_>,
) -> (Vec<At<String>>, Vec<Clause>) {
    let Some(value) = fields.get(key) else { return Default::default() };
    let place = fields.name(key);
    let Some(list) = value.get_ref().as_array() else {
        let one = value.get_ref().as_str().unwrap_or("notes:read");
        wrong_type(value, place, &format!("a list, such as [{one:?}]"), findings);
        return Default::default();
    };
    let (mut names, mut clauses) = (Vec::new(), Vec::new());
    for entry in list.iter() {
        let Some(table) = entry.get_ref().as_table() else {
            names.extend(text(entry, place, findings));
            continue;
        };
        let Some(clause) = clause(table, entry.span().start, effect, findings) else { continue };
        match clause.when.is_none() && clause.window.is_always() {
            true => names.push(clause.pattern),
            false => clauses.push(clause),
        }
    }
    (names, clauses)
}

fn clause(table: &DeTable<'_>, at: usize, effect: Effect, findings: &mut Findings<'_>) -> Option<Clause> {
    let place = if effect == Effect::Allow { "a grant" } else { "a denial" };
    let fields = Fields::of(table, at, &place, &["perm", "when", "from", "until"], findings);
    let pattern = fields.text("perm", findings);
    let mut bound = |key| {
        let value = fields.get(key)?;
        Some(moment(value, format_args!("`{key}` of {place}"), findings))
    };
    let (from, until) = (bound("from"), bound("until"));
    let window = Window { from: from.flatten(), until: until.flatten() };
    if !window.can_open() {
        let message = format!("{place} ends before it begins");
        findings.error("empty-window", at, message, "make `until` later than `from`");
    }
    let when = match fields.get("when") {
        Some(value) => Some(comparisons(value, findings)?),
        None => None,
    };
    Some(Clause { pattern: pattern?, effect, when, window })
}

fn comparisons(value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<Vec<At<Comparison>>> {
    let Some(table) = value.get_ref().as_table() else {
        wrong_type(value, "`when`", "a table, such as { amount = { max = 100 } }", findings);
        return None;
    };
    if table.is_empty() {
        let cure = "name an attribute, such as { amount = { max = 100 } }, or drop `when`";
        findings.error("empty-condition", value.span().start, "`when` is empty".to_owned(), cure);
        return None;
    }
    let mut comparisons = Vec::new();
    for (name, wanted_value) in table.iter() {
        let attribute = name.get_ref().as_ref();
        let wanted = wanted(wanted_value, attribute, findings)?;
        comparisons.push(At::new(Comparison { attribute: attribute.into(), wanted }, name.span().start));
    }
    Some(comparisons)
}

const CURE: &str =
    "write { min = 1, max = 9 } for a number, { one_of = [\"a\", \"b\"] } for a text, or the one value";

fn wanted(value: &Spanned<DeValue<'_>>, name: &str, findings: &mut Findings<'_>) -> Option<Wanted> {
    let at = value.span().start;
    let place = format_args!("the condition on `{name}`");
    let (told, wanted) = match value.get_ref() {
        DeValue::Table(table) => {
            let known = &["min", "max", "equals", "one_of"];
            let fields = Fields::of(table, at, &place, known, findings);
            (findings.count(), compared(&fields, findings))
        }
        _ => (findings.count(), single(value, place, findings)),
    };
    if wanted.is_none() && findings.count() == told {
        findings.error("condition", at, format!("{place} can't be understood"), CURE);
    }
    wanted
}

/// Exactly one way to compare; `None` for any other number of them.
fn compared(fields: &Fields<'_, '_>, findings: &mut Findings<'_>) -> Option<Wanted> {
    let mut bound = |key| fields.get(key).map(|value| whole(value, fields.name(key), findings));
    let (min, max) = (bound("min"), bound("max"));
    let ranged = min.is_some() || max.is_some();
    match (ranged, fields.get("equals"), fields.get("one_of")) {
        (true, None, None) => {
            // What is there and is no number was told.
            let good = |bound: Option<Option<i64>>| bound.map_or(Some(None), |number| number.map(Some));
            range(fields, good(min)?, good(max)?, findings)
        }
        (false, Some(value), None) => single(value, fields.name("equals"), findings),
        (false, None, Some(value)) => {
            let list = texts(value, "`one_of`", findings);
            (!list.is_empty())
                .then(|| Wanted::OneOf(list.into_iter().map(|text| text.value.into()).collect()))
        }
        _ => None,
    }
}

fn single(value: &Spanned<DeValue<'_>>, place: impl Display, findings: &mut Findings<'_>) -> Option<Wanted> {
    match value.get_ref() {
        DeValue::Boolean(flag) => Some(Wanted::Is(*flag)),
        DeValue::String(text) => Some(Wanted::OneOf(vec![text.as_ref().into()])),
        DeValue::Integer(_) | DeValue::Float(_) => {
            whole(value, place, findings).map(|value| Wanted::Range(Some(value), Some(value)))
        }
        _ => None,
    }
}

fn range(
    fields: &Fields<'_, '_>,
    min: Option<i64>,
    max: Option<i64>,
    findings: &mut Findings<'_>,
) -> Option<Wanted> {
    if let (Some(least), Some(most), Some(value)) = (min, max, fields.get("min"))
        && least > most
    {
        let message =
            format!("{} is {least}, and more than `max`, {most}: nothing is both", fields.name("min"));
        findings.error("condition", value.span().start, message, "make `max` at least as large as `min`");
        return None;
    }
    Some(Wanted::Range(min, max))
}

/// A whole number of 64 bits.
fn whole(value: &Spanned<DeValue<'_>>, place: impl Display, findings: &mut Findings<'_>) -> Option<i64> {
    let Some(integer) = value.get_ref().as_integer() else {
        wrong_type(value, place, "a whole number, such as 10; of money, in its smallest unit", findings);
        return None;
    };
    let read = number(integer);
    if read.is_none() {
        let message = format!("{place} is larger than 64 bits hold");
        let cure = format!("write a whole number from {} to {}", i64::MIN, i64::MAX);
        findings.error("condition", value.span().start, message, cure);
    }
    read
}

/// The whole number, however it is written; `None`: it is larger than 64 bits hold.
pub(super) fn number(integer: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// The attributes that a permission declares for its records.
pub(super) fn attributes(
    fields: &Fields<'_, '_>,
    place: impl Display,
    findings: &mut Findings<'_>,
) -> Vec<DeclaredAttribute> {
    let Some(value) = fields.get("attributes") else { return Vec::new() };
    let Some(table) = value.get_ref().as_table() else {
        wrong_type(
            value,
            format_args!("`attributes` of {place}"),
            "a table, such as { amount = \"number\" }",
            findings,
        );
        return Vec::new();
    };
    let mut read = |value: &Spanned<DeValue<'_>>| {
        let written = text(value, "the type of an attribute", findings)?;
        let kind = AttributeType::named(&written.value);
        if kind.is_none() {
            let message = format!("unknown type `{}` of an attribute", written.value);
            let cure = format!("write one of \"{}\"", AttributeType::NAMES.join("\", \""));
            findings.error("attribute-type", written.at, message, cure);
        }
        kind
    };
    table
        .iter()
        .filter_map(|(name, value)| {
            Some(DeclaredAttribute { name: name.get_ref().as_ref().into(), kind: read(value)? })
        })
        .collect()
}
