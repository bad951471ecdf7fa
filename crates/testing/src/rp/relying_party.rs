//! What the suite has to know of an app.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response};

/// Reads out of an answer who is signed in.
type Reads = dyn Fn(&Response<Bytes>) -> Option<String> + Send + Sync;

/// An app that signs people in: its paths, and how it says who is signed in.
///
/// ```
/// use gambeson_testing::rp::RelyingParty;
///
/// let app = RelyingParty::new("/api/me")
///     .login("/auth/begin")
///     .callback("/auth/callback")
///     .logout("/auth/end")
///     .after_logout("/goodbye")
///     .reads(|answer| {
///         let person: serde_json::Value = serde_json::from_slice(answer.body()).ok()?;
///         person["sub"].as_str().map(str::to_owned)
///     });
/// # drop(app);
/// ```
#[derive(Clone)]
pub struct RelyingParty {
    pub(super) who: String,
    pub(super) login: String,
    pub(super) callback: String,
    pub(super) logout: Option<(Method, String)>,
    pub(super) after_logout: String,
    pub(super) back_channel: Option<String>,
    pub(super) reads: Arc<Reads>,
}

impl RelyingParty {
    /// An app with a page at `who` that says to whom it speaks. The other paths are those of `LoginLayer`: `/login`,
    /// `/login/callback`, `/logout` by a form, and `/` afterwards.
    pub fn new(who: impl Into<String>) -> Self {
        Self {
            who: who.into(),
            login: "/login".to_owned(),
            callback: "/login/callback".to_owned(),
            logout: Some((Method::POST, "/logout".to_owned())),
            after_logout: "/".to_owned(),
            back_channel: None,
            reads: Arc::new(named),
        }
    }

    /// Where a link leads that sends the browser to the provider. Default `/login`.
    #[must_use]
    pub fn login(mut self, path: impl Into<String>) -> Self {
        self.login = path.into();
        self
    }

    /// The path of the redirect URI. Default `/login/callback`.
    #[must_use]
    pub fn callback(mut self, path: impl Into<String>) -> Self {
        self.callback = path.into();
        self
    }

    /// Where a form without fields signs out. Default `/logout`.
    #[must_use]
    pub fn logout(mut self, path: impl Into<String>) -> Self {
        self.logout = Some((Method::POST, path.into()));
        self
    }

    /// Where a link signs out, for an app that does that on GET.
    #[must_use]
    pub fn logout_link(mut self, path: impl Into<String>) -> Self {
        self.logout = Some((Method::GET, path.into()));
        self
    }

    /// The app has no log-out, or only one of its own: the tests of it don't apply.
    #[must_use]
    pub fn without_logout(mut self) -> Self {
        self.logout = None;
        self
    }

    /// The path of the `post_logout_redirect_uri`. Default `/`.
    #[must_use]
    pub fn after_logout(mut self, path: impl Into<String>) -> Self {
        self.after_logout = path.into();
        self
    }

    /// The path of the `backchannel_logout_uri`. Default: none, and the tests of it don't apply.
    #[must_use]
    pub fn back_channel(mut self, path: impl Into<String>) -> Self {
        self.back_channel = Some(path.into());
        self
    }

    /// How an answer of the page is read: the `sub` of who is signed in, or `None` for nobody.
    ///
    /// Default: a 200 whose text has the name of one of the [provider's people](crate::DevIdp) as a word means that person.
    #[must_use]
    pub fn reads(
        mut self,
        read: impl Fn(&Response<Bytes>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.reads = Arc::new(read);
        self
    }
}

impl fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelyingParty")
            .field("who", &self.who)
            .field("login", &self.login)
            .field("callback", &self.callback)
            .field("logout", &self.logout)
            .field("after_logout", &self.after_logout)
            .field("back_channel", &self.back_channel)
            .finish_non_exhaustive()
    }
}

fn named(answer: &Response<Bytes>) -> Option<String> {
    if answer.status() != 200 {
        return None;
    }
    let text = String::from_utf8_lossy(answer.body());
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    words.find(|word| ["alice", "bob", "carol", "dave"].contains(word)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_word_of_a_good_page() {
        let read = |status: u16, text: &'static str| {
            let answer = Response::builder().status(status).body(Bytes::from(text)).unwrap();
            (RelyingParty::new("/").reads)(&answer)
        };
        assert_eq!(read(200, "<p>You are <strong>alice</strong>.").as_deref(), Some("alice"));
        assert_eq!(read(200, "malice"), None);
        assert_eq!(read(403, "alice may not"), None);
    }
}
