//! What a command has to say, and the code that it ends with.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

use gambeson_core::escape_controls;

/// Texts for the two streams, and the exit code.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    /// All is well.
    pub(crate) fn said(out: impl Into<String>) -> Self {
        Self { out: out.into(), ..Self::default() }
    }

    /// Nothing to show but what went wrong.
    pub(crate) fn failed(code: u8, err: impl Into<String>) -> Self {
        Self { code, err: err.into(), ..Self::default() }
    }

    /// Both one after the other; the first code that is not 0 counts.
    pub(crate) fn and(mut self, next: Self) -> Self {
        for (text, more) in [(&mut self.out, next.out), (&mut self.err, next.err)] {
            if !text.is_empty() && !more.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&more);
        }
        Self { code: if self.code == 0 { next.code } else { self.code }, ..self }
    }

    /// Writes the texts. A reader that went away (`| head`) is no failure.
    pub(crate) fn tell(self) -> ExitCode {
        let wrote = write(&mut io::stdout().lock(), &self.out)
            .and_then(|()| write(&mut io::stderr().lock(), &self.err));
        match wrote {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::from(3),
            _ => ExitCode::from(self.code),
        }
    }
}

fn write(to: &mut impl Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        to.write_all(b"\n")?;
    }
    to.flush()
}

/// JSON that can't move a terminal's cursor and still is JSON: what serializers leave as it is becomes `\u…`.
pub(crate) fn safe_json(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    let mut out = String::with_capacity(json.len());
    let mut units = [0; 2];
    for c in json.chars() {
        // Outside of strings JSON is plain ASCII, so what is escaped here stands within one.
        match escape_controls(c.encode_utf8(&mut [0; 4])) {
            Cow::Borrowed(_) => out.push(c),
            Cow::Owned(_) => c.encode_utf16(&mut units).iter().for_each(|unit| {
                let _ = write!(out, "\\u{unit:04x}");
            }),
        }
    }
    out
}

/// The error and all that is behind it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    escape_controls(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::safe_json;

    #[test]
    fn json_stays_json() {
        let text = "\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{2028}é𝄞\"\\\n";
        let json = safe_json(&text);
        assert!(json.starts_with(r#""\u001b[2J\u007f\u009b\u202e\u2028é𝄞\"\\\n""#), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
