//! Reading `[[test]]`: who does what, upon which record and when, and how it must end.

use toml::Spanned;
use toml::de::DeValue;

use super::clause::number;
use super::document::{At, DeclaredTest};
use super::fields::{Fields, table, wrong_type};
use super::moment::moment;
use crate::condition::Attribute;
use crate::decision::Decision;
use crate::finding::Findings;
use crate::past_record::PastRecord;

const KEYS: &[&str] = &["as", "do", "expect", "record", "at"];

pub(super) fn tests(top: &Fields<'_, '_>, findings: &mut Findings<'_>) -> Vec<DeclaredTest> {
    let Some(value) = top.get("test") else { return Vec::new() };
    let Some(rows) = value.get_ref().as_array() else {
        wrong_type(value, "`test`", "each row under [[test]]", findings);
        return Vec::new();
    };
    rows.iter().filter_map(|row| test(row, findings)).collect()
}

fn test(row: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<DeclaredTest> {
    let at = row.span().start;
    let fields = Fields::of(table(row, "[[test]]", findings)?, at, &"[[test]]", KEYS, findings);
    if fields.get("as").is_none() {
        let message = "`as` is missing in [[test]]".to_owned();
        findings.error("missing-key", at, message, "write the roles, such as `as = [\"viewer\"]`");
    }
    let roles = fields.texts("as", findings);
    let (action, expected) = (fields.text("do", findings), fields.text("expect", findings));
    let record = fields.get("record").map(|value| record(value, findings));
    let when = fields.get("at").map(|value| moment(value, "`at` in [[test]]", findings));
    let (action, expected) = (action?, expectation(&expected?, findings)?);
    // What is written and can't be read is no row without it.
    let (record, when) =
        (record.map_or(Some(None), |read| read.map(Some))?, when.map_or(Some(None), |read| read.map(Some))?);
    Some(DeclaredTest { at, roles, action, record, when, expected })
}

fn expectation(written: &At<String>, findings: &mut Findings<'_>) -> Option<Decision> {
    match written.value.as_str() {
        "allow" => Some(Decision::Allow),
        "deny" => Some(Decision::Deny),
        "conditional" => Some(Decision::Conditional),
        other => {
            let message = format!("unknown expectation `{other}`");
            let cure = "write \"allow\", \"deny\", or \"conditional\" for what depends on a record or a time that the row does not give";
            findings.error("unknown-expectation", written.at, message, cure);
            None
        }
    }
}

/// The values of the record that the row is about.
fn record(value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<At<PastRecord>> {
    let Some(table) = value.get_ref().as_table() else {
        wrong_type(value, "`record` in [[test]]", "a table, such as { amount = 500 }", findings);
        return None;
    };
    let mut record = PastRecord::default();
    for (name, value) in table {
        let read = match value.get_ref() {
            DeValue::Integer(integer) => number(integer).map(Attribute::Number),
            DeValue::String(text) => Some(Attribute::Text(text)),
            DeValue::Boolean(flag) => Some(Attribute::Flag(*flag)),
            _ => None,
        };
        let Some(read) = read else {
            let place = format!("`{}` of a record", name.get_ref());
            wrong_type(value, &place, "a whole number of 64 bits, a text in quotes, true or false", findings);
            return None;
        };
        record.add(name.get_ref(), read);
    }
    Some(At::new(record, value.span().start))
}
