//! What a scan asks for.

use http::StatusCode;

/// A path that a scan asks for, and which status its answer over https has: any but 4xx and 5xx, unless said.
///
/// ```
/// use gambeson_hardening_headers::scan::Asked;
/// use http::StatusCode;
///
/// let paths = [Asked::from("/"), Asked::new("/nothing").status(StatusCode::NOT_FOUND)];
/// # let _ = paths;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    path: String,
    status: Option<StatusCode>,
}

impl Asked {
    /// This path, with a query where there is one.
    #[must_use]
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), status: None }
    }

    /// Its answer has exactly this status: for error pages, which need their headers too.
    #[must_use]
    pub fn status(self, status: StatusCode) -> Self {
        Self { status: Some(status), ..self }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Whether the answer is the one that was meant; a page that is not there would have the headers of one that is.
    pub(super) fn check(&self, got: StatusCode) -> Result<(), String> {
        let path = &self.path;
        match self.status {
            Some(wanted) if wanted != got => Err(format!("{path} is {got}, and {wanted} was asked for")),
            None if got.is_client_error() || got.is_server_error() => {
                Err(format!("{path} is {got}: write a path that has a page, or ask for it by its status"))
            }
            _ => Ok(()),
        }
    }
}

impl From<&str> for Asked {
    fn from(path: &str) -> Self {
        Self::new(path)
    }
}

impl From<String> for Asked {
    fn from(path: String) -> Self {
        Self::new(path)
    }
}

impl From<&String> for Asked {
    fn from(path: &String) -> Self {
        Self::new(path)
    }
}
