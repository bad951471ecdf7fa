//! What a command has to say, and the code that it ends with.

use std::io::{self, Write};
use std::process::ExitCode;

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

/// The error and all that is behind it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    gambeson_core::escape_controls(&text).into_owned()
}
