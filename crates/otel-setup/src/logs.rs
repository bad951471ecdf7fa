//! Logs for the terminal: readable in development, JSON lines in production.
//!
//! Control characters and bidirectional overrides in anything that was logged are escaped, so that a stranger's text can neither
//! start a new line nor steer the terminal. Colours only on a terminal, and not when `NO_COLOR` is set to anything but nothing.
//!
//! What is logged is said by `GAMBESON_LOG`, else `RUST_LOG`, else `info`; both in the form `info,my_app=debug`. A variable that is
//! empty counts as not set.
//!
//! A line holds the event and its fields, not those of the spans around it, and the `trace_id` of the request in which it was
//! logged. Lines are written at once, by the thread that logs; one that can't be written, because nobody reads any more, is lost
//! without a panic. In JSON a field whose name the line itself uses (`time`, `level`, `target`, `message`) is named `field.time`
//! and so on.
//!
//! [`init`] also puts an [`AppSpans`] there, so that spans of the app can be exported.

use std::fmt::{self, Write as _};
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use gambeson_core::{Clock, ConfigError, Profile, SystemClock, TraceContext, escape_controls, json_string};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::{EnvFilter, Registry};

use crate::{AppSpans, current_trace};

static DONE: Mutex<bool> = Mutex::new(false);

/// Starts logging to standard error for the whole process. A second call does nothing, whatever its profile.
///
/// # Errors
/// A filter that can't be read, or another global `tracing` subscriber that is there already.
pub fn init(profile: Profile) -> Result<(), ConfigError> {
    init_from_lookup(profile, |name| std::env::var(name).ok())
}

/// As [`init`], with another way to look the variables up.
///
/// # Errors
/// As [`init`].
pub fn init_from_lookup(
    profile: Profile,
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<(), ConfigError> {
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    if *done {
        return Ok(());
    }
    let filter = filter(&lookup)?;
    let no_color = lookup("NO_COLOR").is_some_and(|value| !value.is_empty());
    let style = match profile.is_production() {
        true => Style::Json,
        false => Style::Text { colours: std::io::stderr().is_terminal() && !no_color },
    };
    let lines = Lines { style, clock: Arc::new(SystemClock::new()), write: to_stderr };
    let subscriber = Registry::default().with(filter).with(AppSpans::new()).with(lines);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| {
        let cure = "another subscriber is installed for this process: keep that one or this one";
        ConfigError::one("logs", "", cure)
    })?;
    *done = true;
    Ok(())
}

fn filter(lookup: &impl Fn(&str) -> Option<String>) -> Result<EnvFilter, ConfigError> {
    for name in ["GAMBESON_LOG", "RUST_LOG"] {
        if let Some(value) = lookup(name).filter(|value| !value.trim().is_empty()) {
            return EnvFilter::try_new(&value).map_err(|error| {
                ConfigError::one(name, value, format!("write levels such as info,my_app=debug ({error})"))
            });
        }
    }
    Ok(EnvFilter::new("info"))
}

/// A log that can't be written is lost: there is nowhere to say so.
fn to_stderr(line: &str) {
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

#[derive(Clone, Copy)]
enum Style {
    Text { colours: bool },
    Json,
}

/// Writes each event as one line, at once.
struct Lines<W> {
    style: Style,
    clock: Arc<dyn Clock>,
    write: W,
}

impl<S: Subscriber, W: Fn(&str) + 'static> Layer<S> for Lines<W> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = String::with_capacity(256);
        match self.style {
            Style::Text { colours } => self.text(&mut line, event, colours),
            Style::Json => self.json(&mut line, event),
        }
        line.push('\n');
        (self.write)(&line);
    }
}

impl<W> Lines<W> {
    fn text(&self, line: &mut String, event: &Event<'_>, colours: bool) {
        let meta = event.metadata();
        let (on, dim, off) = match colours {
            true => (colour(*meta.level()), "\u{1b}[2m", "\u{1b}[0m"),
            false => ("", "", ""),
        };
        let _ = write!(
            line,
            "{dim}{}{off} {on}{:5}{off} {dim}{}{off}",
            self.clock.now(),
            meta.level(),
            meta.target()
        );
        let mut message = Message::default();
        event.record(&mut message);
        if !message.0.is_empty() {
            let _ = write!(line, " {}", escape_controls(&message.0));
        }
        event.record(&mut Fields(|name: &str, value: Value<'_>| {
            let _ = match value {
                Value::Bare(value) => write!(line, " {dim}{name}={off}{}", escape_controls(value)),
                Value::Quoted(value) if needs_quotes(value) => {
                    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                    write!(line, " {dim}{name}={off}\"{}\"", escape_controls(&value))
                }
                Value::Quoted(value) => write!(line, " {dim}{name}={off}{}", escape_controls(value)),
            };
        }));
        if let Some(trace) = trace_of(event) {
            let _ = write!(line, " {dim}trace_id={off}{}", trace.trace_id_hex());
        }
    }

    fn json(&self, line: &mut String, event: &Event<'_>) {
        let meta = event.metadata();
        let _ =
            write!(line, "{{\"time\":\"{}\",\"level\":\"{}\",\"target\":", self.clock.now(), meta.level());
        json_string(line, meta.target());
        let mut message = Message::default();
        event.record(&mut message);
        if !message.0.is_empty() {
            line.push_str(",\"message\":");
            json_text(line, &message.0);
        }
        event.record(&mut Fields(|name: &str, value: Value<'_>| {
            let taken = matches!(name, "time" | "level" | "target" | "message");
            let _ = write!(line, ",\"{}", if taken { "field." } else { "" });
            let _ = write!(line, "{name}\":");
            match value {
                Value::Bare(value) => line.push_str(value),
                Value::Quoted(value) => json_text(line, value),
            }
        }));
        if let Some(trace) = trace_of(event) {
            let _ = write!(line, ",\"trace_id\":\"{}\"", trace.trace_id_hex());
        }
        line.push('}');
    }
}

/// The trace that the event belongs to, unless it names one itself.
fn trace_of(event: &Event<'_>) -> Option<TraceContext> {
    let named = event.metadata().fields().field("trace_id").is_some();
    if named { None } else { current_trace() }
}

/// Whether a value could be taken for something else when it stood bare.
fn needs_quotes(value: &str) -> bool {
    value.is_empty() || value.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '=' | '\\'))
}

/// A JSON string in which also those control characters are escaped that JSON would let pass.
fn json_text(line: &mut String, text: &str) {
    let start = line.len();
    json_string(line, text);
    let raw = line.get(start..).unwrap_or_default();
    if matches!(escape_controls(raw), std::borrow::Cow::Borrowed(_)) {
        return;
    }
    let raw = line.split_off(start);
    for c in raw.chars() {
        match escape_controls(c.encode_utf8(&mut [0; 4])) {
            std::borrow::Cow::Borrowed(c) => line.push_str(c),
            std::borrow::Cow::Owned(_) => {
                let _ = write!(line, "\\u{:04x}", u32::from(c));
            }
        }
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        _ => "\u{1b}[34m",
    }
}

/// The text of the event.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0.push_str(value);
        }
    }
}

/// A value that is a number or a truth value, or one that is text.
enum Value<'a> {
    Bare(&'a str),
    Quoted(&'a str),
}

/// All fields but the message, one by one.
struct Fields<F>(F);

impl<F: FnMut(&str, Value<'_>)> Fields<F> {
    fn bare(&mut self, field: &Field, value: impl fmt::Display) {
        (self.0)(field.name(), Value::Bare(&value.to_string()));
    }
}

impl<F: FnMut(&str, Value<'_>)> Visit for Fields<F> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != "message" {
            (self.0)(field.name(), Value::Quoted(&format!("{value:?}")));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() != "message" {
            (self.0)(field.name(), Value::Quoted(value));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.bare(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.bare(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for the others.
        match value.is_finite() {
            true => self.bare(field, value),
            false => self.record_str(field, &value.to_string()),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use gambeson_core::{ManualClock, Timestamp};

    use super::*;

    fn logged(style: Style) -> String {
        logged_by(style, || {
            tracing::info!(target: "app", name = "a\nb \u{1b}[2J\"", count = 3_u64, none = None::<u64>, "hel\rlo");
        })
    }

    fn logged_by(style: Style, log: impl FnOnce()) -> String {
        let out = Arc::new(Mutex::new(String::new()));
        let to = out.clone();
        let lines = Lines {
            style,
            clock: Arc::new(ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730))),
            write: move |line: &str| to.lock().unwrap().push_str(line),
        };
        tracing::subscriber::with_default(Registry::default().with(lines), log);
        out.lock().unwrap().clone()
    }

    #[test]
    fn text_is_one_harmless_line() {
        let expected =
            "2026-11-23T08:15:30.000Z INFO  app hel\\u{d}lo name=\"a\\u{a}b \\u{1b}[2J\\\"\" count=3\n";
        assert_eq!(logged(Style::Text { colours: false }), expected);
        assert!(logged(Style::Text { colours: true }).contains("\u{1b}[32mINFO"));
    }

    #[test]
    fn json_is_one_object_a_line() {
        let expected = concat!(
            r#"{"time":"2026-11-23T08:15:30.000Z","level":"INFO","target":"app","message":"hel\rlo","#,
            r#""name":"a\nb \u001b[2J\"","count":3}"#,
            "\n"
        );
        assert_eq!(logged(Style::Json), expected);
    }

    #[test]
    fn numbers_stay_numbers_and_no_name_is_there_twice() {
        let json = logged_by(Style::Json, || {
            tracing::info!(target: "app", ms = 0.42, odd = f64::NAN, level = "x", message = "a \"b\"");
        });
        let rest = json.split_once(r#""target":"app","#).unwrap().1;
        assert_eq!(rest, concat!(r#""message":"a \"b\"","ms":0.42,"odd":"NaN","field.level":"x"}"#, "\n"));
    }

    #[test]
    fn a_value_cannot_forge_a_field() {
        let log = || tracing::info!(target: "app", a = "x\\\" status=200", b = "", c = "\u{9b}2J\u{202e}");
        let text = logged_by(Style::Text { colours: false }, log);
        assert!(text.ends_with(" a=\"x\\\\\\\" status=200\" b=\"\" c=\\u{9b}2J\\u{202e}\n"), "{text}");
        let json = logged_by(Style::Json, log);
        assert!(json.contains(r#""c":"\u009b2J\u202e"}"#), "{json}");
    }

    #[test]
    fn the_own_variable_is_asked_first_and_an_empty_one_is_none() {
        let of = |own: &'static str, usual: &'static str| {
            let filter =
                filter(&move |name: &str| Some(if name == "RUST_LOG" { usual } else { own }.to_owned()));
            filter.unwrap().to_string()
        };
        assert_eq!(of("warn", "debug"), "warn");
        assert_eq!(of(" ", "debug"), "debug");
        assert_eq!(of("", ""), "info");
    }

    #[test]
    fn a_filter_that_cannot_be_read_names_its_variable() {
        let lookup = |name: &str| (name == "GAMBESON_LOG").then(|| "app=loud".to_owned());
        let refused = filter(&lookup).unwrap_err();
        assert_eq!(refused.problems()[0].field, "GAMBESON_LOG");
    }
}
