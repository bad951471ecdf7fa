//! Modes as people write them: until a date, where the crates count nanoseconds.

use gambeson_core::{ConfigProblems, Mode, Timestamp};
use toml::{Table, Value};

use super::sources::Sources;

/// Every setting that is a [`Mode`].
const MODES: [&str; 5] = [
    "hardening-headers.csrf.mode",
    "hardening-headers.limits.mode",
    "hardening-headers.rate.mode",
    "hardening-headers.host-mode",
    "rbac.mode",
];

const CURE: &str = "write \"enforce\", or until when it only observes, as date, time and offset: \
                    { observe = { until = \"2027-01-31T00:00:00Z\" } }";

/// Puts what serde reads into the place of what people write; a mode that can't be read is noted and taken out.
pub(super) fn read(sources: &mut Sources, problems: &mut ConfigProblems) {
    for name in MODES {
        let Some((parent, key)) = place(&mut sources.table, name) else { continue };
        let Some(written) = parent.remove(key) else { continue };
        match mode(&written) {
            Some(mode) => drop(parent.insert(key.to_owned(), value(mode))),
            None => problems.add(name, written.to_string(), CURE),
        }
    }
}

fn place<'t, 'n>(table: &'t mut Table, name: &'n str) -> Option<(&'t mut Table, &'n str)> {
    let (first, rest) = name.split_once('.')?;
    match table.get_mut(first)?.as_table_mut()? {
        parent if !rest.contains('.') => Some((parent, rest)),
        parent => place(parent, rest),
    }
}

fn mode(written: &Value) -> Option<Mode> {
    if written.as_str() == Some("enforce") {
        return Some(Mode::Enforce);
    }
    let observe = only(written.as_table()?, "observe")?.as_table()?;
    let until = match only(observe, "until")? {
        Value::String(text) => text.parse(),
        Value::Datetime(moment) => moment.to_string().parse(),
        _ => return None,
    };
    let until: jiff::Timestamp = until.ok()?;
    let nanos = i64::try_from(until.as_nanosecond()).ok()?;
    Some(Mode::Observe { until: Timestamp::from_unix_nanos(nanos) })
}

/// The value of the one key that the table has.
fn only<'t>(table: &'t Table, key: &str) -> Option<&'t Value> {
    table.get(key).filter(|_| table.len() == 1)
}

fn value(mode: Mode) -> Value {
    match mode {
        Mode::Observe { until } => {
            let until = Table::from_iter([("until".to_owned(), Value::Integer(until.unix_nanos()))]);
            Value::Table(Table::from_iter([("observe".to_owned(), Value::Table(until))]))
        }
        _ => Value::String("enforce".to_owned()),
    }
}
