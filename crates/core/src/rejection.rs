//! Why a request was refused.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};

use crate::rate_limit::whole_seconds;
use crate::word::{named, shown};

/// A refusal: a stable slug, a class, a status, what the client may know, and privately why. Cheap to clone.
///
/// ```
/// use gambeson_core::{Rejection, RejectionClass};
/// use http::StatusCode;
///
/// let refusal = Rejection::new("my-crate", RejectionClass::Limit, "too-many-notes", StatusCode::TOO_MANY_REQUESTS)
///     .detail("at most ten notes a minute")
///     .retry_after(std::time::Duration::from_secs(30));
/// assert_eq!(refusal.slug(), "too-many-notes");
/// ```
#[derive(Clone)]
pub struct Rejection(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    package: &'static str,
    class: RejectionClass,
    slug: &'static str,
    status: StatusCode,
    detail: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    members: Vec<(&'static str, Member)>,
    retry_after: Option<Duration>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

named! {
    /// Which kind of trouble a refusal is: what an operator, a limiter or a dashboard groups by.
    pub enum RejectionClass {
        /// No credential, or one that is no good.
        Credential = "credential",
        /// Known, but not allowed.
        Permission = "permission",
        /// Too much, too often or too slow; or malformed.
        Limit = "limit",
        /// Money is spent.
        Money = "money",
        /// Something that the app depends on is in trouble.
        Dependency = "dependency",
        /// A fault of this app.
        Bug = "bug",
    }
}

/// A value that a problem document carries beside the standard members (RFC 9457 §3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Member {
    /// A string.
    Text(Cow<'static, str>),
    /// A whole number.
    Number(i64),
    /// Several strings.
    Texts(Vec<String>),
}

impl Rejection {
    /// A refusal by `package` (which documents the slug). The slug is a public promise: it never changes.
    pub fn new(package: &'static str, class: RejectionClass, slug: &'static str, status: StatusCode) -> Self {
        Self(Arc::new(Inner {
            package,
            class,
            slug,
            status,
            detail: Cow::Borrowed(""),
            headers: Vec::new(),
            members: Vec::new(),
            retry_after: None,
            cause: None,
        }))
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// What the client may know, in a sentence fragment.
    pub fn detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.edit(|inner| inner.detail = detail.into())
    }

    /// A header field that the answer must carry, such as `WWW-Authenticate` or `Allow`; may repeat.
    pub fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        self.edit(|inner| inner.headers.push((name, value)))
    }

    /// A further member of the problem document.
    pub fn member(self, name: &'static str, value: Member) -> Self {
        self.edit(|inner| inner.members.push((name, value)))
    }

    /// When it is worth trying again; answered as `Retry-After`, rounded up to seconds.
    pub fn retry_after(self, wait: Duration) -> Self {
        self.edit(|inner| inner.retry_after = Some(wait))
    }

    /// Why, for logs and audit; never shown to the client.
    pub fn cause(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.edit(|inner| inner.cause = Some(Arc::from(cause.into())))
    }

    /// The crate that refused and documents the slug.
    pub fn package(&self) -> &'static str {
        self.0.package
    }

    /// The kind of trouble.
    pub fn class(&self) -> RejectionClass {
        self.0.class
    }

    /// The stable name of the refusal.
    pub fn slug(&self) -> &'static str {
        self.0.slug
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// What the client may know; may be empty.
    pub fn public_detail(&self) -> &str {
        &self.0.detail
    }

    /// The header fields that the answer must carry, `Retry-After` not among them.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0.headers
    }

    /// Further members of the problem document.
    pub fn members(&self) -> &[(&'static str, Member)] {
        &self.0.members
    }

    /// When it is worth trying again, in whole seconds rounded up, at least 1.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.0.retry_after.map(|wait| whole_seconds(wait).max(1))
    }

    /// Why, for logs and audit.
    pub fn private_cause(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.0.cause.as_deref()
    }

    /// The URI of the problem type: for the crates of this project the place in the documentation that explains the
    /// slug, for apps `about:blank` (RFC 9457 §4.2.1), so that it never points to a page that is not there.
    pub fn type_uri(&self) -> String {
        match self.0.package.starts_with("gambeson-") {
            true => format!("https://docs.rs/{}#{}", self.0.package, self.0.slug),
            false => "about:blank".to_owned(),
        }
    }
}

shown!(Debug for Rejection, |rejection| format_args!("Rejection({rejection}, {:?})", rejection.class()));
shown!(Display for Rejection, |rejection| format_args!("{} ({})", rejection.slug(), rejection.status().as_u16()));

/// The error by which an outbound layer refuses: the caller finds it by downcast.
#[derive(Debug, Clone)]
pub struct Refused(pub Rejection);

shown!(Display for Refused, |refused| format_args!("refused: {}", refused.0));

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.private_cause().map(|cause| cause as &(dyn Error + 'static))
    }
}
