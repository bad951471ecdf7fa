//! What of a record decided, told in an event so that the decision can be made again.

use std::collections::BTreeSet;
use std::fmt::Write;

use gambeson_core::json_string;
use toml::de::{DeTable, DeValue};

use crate::condition::{Attribute, Attributes};
use crate::policy::{Policy, matches};

/// The values of one record, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PastRecord(Vec<(Box<str>, Value)>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Number(i64),
    Text(Box<str>),
    Flag(bool),
}

impl Attributes for PastRecord {
    fn attribute(&self, name: &str) -> Option<Attribute<'_>> {
        let (_, value) = self.0.iter().find(|(known, _)| **known == *name)?;
        Some(match value {
            Value::Number(number) => Attribute::Number(*number),
            Value::Text(text) => Attribute::Text(text),
            Value::Flag(flag) => Attribute::Flag(*flag),
        })
    }
}

/// The attributes that some condition about `permission` compares, as the inside of a TOML inline table; `None`: none
/// is compared. What the record lacks is left out.
pub(crate) fn told(policy: &Policy, permission: &str, record: &dyn Attributes) -> Option<String> {
    let clauses = policy.document().roles.iter().flat_map(|role| &role.clauses);
    let compared: BTreeSet<&str> = clauses
        .filter(|clause| matches(&clause.pattern.value, permission))
        .flat_map(|clause| clause.when.iter().flatten())
        .map(|comparison| &*comparison.value.attribute)
        .collect();
    if compared.is_empty() {
        return None;
    }
    let mut out = String::new();
    for name in compared {
        let Some(value) = record.attribute(name) else { continue };
        if !out.is_empty() {
            out.push_str(", ");
        }
        json_string(&mut out, name);
        out.push_str(" = ");
        match value {
            Attribute::Number(number) => _ = write!(out, "{number}"),
            Attribute::Text(text) => json_string(&mut out, text),
            Attribute::Flag(flag) => _ = write!(out, "{flag}"),
        }
    }
    Some(out)
}

/// Reads back what [`told`] wrote; `None`: somebody else wrote it.
pub(crate) fn read(text: &str) -> Option<PastRecord> {
    let table = format!("record = {{ {text} }}");
    let table = DeTable::parse(&table).ok()?;
    let inside = table.get_ref().get("record")?.get_ref().as_table()?;
    let value = |value: &DeValue<'_>| match value {
        DeValue::Integer(number) => number.as_str().parse().ok().map(Value::Number),
        DeValue::String(text) => Some(Value::Text(text.as_ref().into())),
        DeValue::Boolean(flag) => Some(Value::Flag(*flag)),
        _ => None,
    };
    let values =
        inside.iter().map(|(name, found)| Some((name.get_ref().as_ref().into(), value(found.get_ref())?)));
    values.collect::<Option<Vec<_>>>().map(PastRecord)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_conditions_compare_is_told_and_read_back() {
        let policy = Policy::parse(
            r#"version = 1
            [permissions]
            pay = { attributes = { "a b" = "number", text = "text", urgent = "flag", other = "number" } }
            read = { attributes = { other = "number" } }
            [roles]
            clerk = { grants = [{ perm = "pay", when = { "a b" = { max = 9 }, text = "x", urgent = true } }] }
            "#,
        )
        .unwrap();
        let record = [
            ("a b", Attribute::Number(-3)),
            ("text", Attribute::Text("say \"\u{7f}\n\\ }, x = 1")),
            ("urgent", Attribute::Flag(true)),
            ("other", Attribute::Number(7)),
        ];
        let text = told(&policy, "pay", &record).unwrap();
        assert!(text.starts_with(r#""a b" = -3, "text" = "say "#) && !text.contains("other"), "{text}");
        let read = read(&text).unwrap();
        for (name, value) in &record[..3] {
            assert_eq!(read.attribute(name), Some(*value), "{name}");
        }
        assert_eq!(read.attribute("other"), None);
        assert_eq!(told(&policy, "read", &record), None, "no condition is about it");
        let nothing: [(&str, Attribute<'_>); 0] = [];
        assert_eq!(told(&policy, "pay", &nothing).as_deref(), Some(""));
        assert_eq!(super::read(""), Some(PastRecord::default()));
        assert_eq!(super::read("} x = {"), None);
        assert_eq!(super::read("a = 1.5"), None);
    }
}
