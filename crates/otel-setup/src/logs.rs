//! Logs for the terminal: readable in development, JSON lines in production.
//!
//! Control characters in anything that was logged are escaped, so that a stranger's text can neither start a new line nor
//! steer the terminal. Colours only on a terminal, and not when `NO_COLOR` is set (to anything).
//!
//! What is logged is said by `GAMBESON_LOG`, else `RUST_LOG`, else `info`; both in the form `info,my_app=debug`.

use std::fmt::{self, Write as _};
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gambeson_core::{Clock, ConfigError, Profile, SystemClock, escape_controls, json_string};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::{EnvFilter, Registry};

static DONE: AtomicBool = AtomicBool::new(false);

/// Starts logging to standard error for the whole process. A second call does nothing.
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
    if DONE.load(Ordering::Acquire) {
        return Ok(());
    }
    let filter = filter(&lookup)?;
    let no_color = lookup("NO_COLOR").is_some_and(|value| !value.is_empty());
    let style = match profile.is_production() {
        true => Style::Json,
        false => Style::Text { colours: std::io::stderr().is_terminal() && !no_color },
    };
    let lines = Lines { style, clock: Arc::new(SystemClock::new()), write: to_stderr };
    match tracing::subscriber::set_global_default(Registry::default().with(filter).with(lines)) {
        Ok(()) => DONE.store(true, Ordering::Release),
        Err(_) if DONE.load(Ordering::Acquire) => {}
        Err(_) => {
            let cure = "another subscriber is installed for this process: keep that one or this one";
            return Err(ConfigError::one("logs", "", cure));
        }
    }
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
                Value::Quoted(value) if value.contains([' ', '"', '=']) => {
                    write!(line, " {dim}{name}={off}\"{}\"", escape_controls(value).replace('"', "\\\""))
                }
                Value::Quoted(value) => write!(line, " {dim}{name}={off}{}", escape_controls(value)),
            };
        }));
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
            json_string(line, &message.0);
        }
        event.record(&mut Fields(|name: &str, value: Value<'_>| {
            line.push(',');
            json_string(line, name);
            line.push(':');
            match value {
                Value::Bare(value) => line.push_str(value),
                Value::Quoted(value) => json_string(line, value),
            }
        }));
        line.push('}');
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
        let out = Arc::new(Mutex::new(String::new()));
        let to = out.clone();
        let lines = Lines {
            style,
            clock: Arc::new(ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730))),
            write: move |line: &str| to.lock().unwrap().push_str(line),
        };
        tracing::subscriber::with_default(Registry::default().with(lines), || {
            tracing::info!(target: "app", name = "a\nb \u{1b}[2J\"", count = 3_u64, none = None::<u64>, "hel\rlo");
        });
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
    fn a_filter_that_cannot_be_read_names_its_variable() {
        let lookup = |name: &str| (name == "GAMBESON_LOG").then(|| "app=loud".to_owned());
        let refused = filter(&lookup).unwrap_err();
        assert_eq!(refused.problems()[0].field, "GAMBESON_LOG");
    }
}
