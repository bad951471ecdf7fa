//! What can go wrong with a trail, for callers to act on.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use gambeson_core::ConfigError;

/// Why a trail can't be opened, written or read. `Debug` shows what `Display` does and what is behind it, since a `main`
/// that returns the error prints that.
#[derive(Clone)]
pub struct TrailError {
    kind: TrailErrorKind,
    detail: String,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// What a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TrailErrorKind {
    /// A setting can't work.
    Config,
    /// Another process, or another part of this one, writes to the directory.
    Locked,
    /// The last segment is not what a trail wrote: keep the directory as evidence, start with another one.
    Damaged,
    /// The trail was signed and no key is given, or a key is given that has signed nothing of it.
    Signing,
    /// The system refused to read, write or sync.
    Io,
    /// The segment file was removed, replaced, cut or written to by somebody else while it was open.
    Replaced,
    /// Too much waits for the writer already.
    Overloaded,
    /// The trail has taken all the space that it may.
    Quota,
    /// The trail was closed.
    Closed,
    /// It took longer than allowed.
    Deadline,
    /// The last head of a closed trail did not reach an anchor.
    Unpublished,
    /// A secret or the store of subjects' keys is missing, can't be used, or is not the right one.
    Keys,
}

impl TrailError {
    pub(crate) fn new(kind: TrailErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), source: None }
    }

    pub(crate) fn io(doing: &str, path: &Path, source: io::Error) -> Self {
        Self {
            kind: TrailErrorKind::Io,
            detail: format!("can't {doing} {}", path.display()),
            source: Some(Arc::new(source)),
        }
    }

    pub(crate) fn keys(doing: &str, source: io::Error) -> Self {
        Self { kind: TrailErrorKind::Keys, detail: format!("can't {doing}"), source: Some(Arc::new(source)) }
    }

    pub(crate) fn export(source: io::Error) -> Self {
        let detail = "can't write the export".into();
        Self { kind: TrailErrorKind::Io, detail, source: Some(Arc::new(source)) }
    }

    /// What a caller can act on.
    #[must_use]
    pub fn kind(&self) -> TrailErrorKind {
        self.kind
    }
}

impl From<ConfigError> for TrailError {
    fn from(error: ConfigError) -> Self {
        Self { kind: TrailErrorKind::Config, detail: error.to_string(), source: Some(Arc::new(error)) }
    }
}

impl fmt::Display for TrailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl fmt::Debug for TrailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        // A refused configuration is told already.
        let source = self.source.as_deref().filter(|_| self.kind != TrailErrorKind::Config);
        let source = source.map(|source| source as &dyn std::error::Error);
        std::iter::successors(source, |error| error.source()).try_for_each(|error| write!(f, ": {error}"))
    }
}

impl std::error::Error for TrailError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_main_prints_is_a_sentence_with_its_cause_once() {
        let error = TrailError::io("write", Path::new("audit/trail"), io::ErrorKind::StorageFull.into());
        assert_eq!(format!("{error:?}"), "can't write audit/trail: no storage space");
        assert_eq!(format!("{:?}", TrailError::new(TrailErrorKind::Closed, "it is closed")), "it is closed");
        let refused = TrailError::from(ConfigError::one("audit-trail.directory", "", "name it"));
        assert_eq!(format!("{refused:?}"), "configuration refused\n  audit-trail.directory: name it");
    }
}
