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

impl PastRecord {
    pub(crate) fn add(&mut self, name: &str, value: Attribute<'_>) {
        let value = match value {
            Attribute::Number(number) => Value::Number(number),
            Attribute::Text(text) => Value::Text(text.into()),
            Attribute::Flag(flag) => Value::Flag(flag),
        };
        self.0.push((name.into(), value));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Attribute<'_>)> {
        self.0.iter().map(|(name, value)| (&**name, value.attribute()))
    }
}

impl Value {
    fn attribute(&self) -> Attribute<'_> {
        match self {
            Self::Number(number) => Attribute::Number(*number),
            Self::Text(text) => Attribute::Text(text),
            Self::Flag(flag) => Attribute::Flag(*flag),
        }
    }
}

impl Attributes for PastRecord {
    fn attribute(&self, name: &str) -> Option<Attribute<'_>> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

/// The attributes that some condition about `permission` compares, as the inside of a TOML inline table; `None`: none
/// is compared. What the record lacks is left out.
pub(crate) fn told(policy: &Policy, permission: &str, record: &dyn Attributes) -> Option<String> {
    let compared = compared(policy, permission);
    if compared.is_empty() {
        return None;
    }
    Some(written(compared.into_iter().filter_map(|name| Some((name, record.attribute(name)?)))))
}

/// The attributes that some condition about `permission` compares.
pub(crate) fn compared<'p>(policy: &'p Policy, permission: &str) -> BTreeSet<&'p str> {
    let clauses = policy.document().roles.iter().flat_map(|role| &role.clauses);
    clauses
        .filter(|clause| matches(&clause.pattern.value, permission))
        .flat_map(|clause| clause.when.iter().flatten())
        .map(|comparison| &*comparison.value.attribute)
        .collect()
}

/// The inside of a TOML inline table.
pub(crate) fn written<'a>(values: impl Iterator<Item = (&'a str, Attribute<'a>)>) -> String {
    let mut out = String::new();
    for (name, value) in values {
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
    out
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
