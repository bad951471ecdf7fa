//! The applications that the provider knows.

use std::fmt;

use url::{Host, Url};

/// An application that the provider knows: an OAuth client (RFC 6749 §2).
///
/// Only one with a redirect URI can sign people in; only a confidential one can ask for tokens of its own.
///
/// ```
/// use gambeson_testing::DevClient;
///
/// let web = DevClient::confidential("notes", "dev-notes-secret")
///     .redirect_uri("http://127.0.0.1:3000/callback")
///     .post_logout_redirect_uri("http://127.0.0.1:3000/");
/// let page = DevClient::public("notes-spa").redirect_uri("http://localhost:5173/");
/// # drop((web, page));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DevClient {
    pub(super) id: String,
    /// None: it can keep none.
    pub(super) secret: Option<String>,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    backchannel_logout_uri: Option<String>,
}

impl DevClient {
    /// One that can keep a secret: a web app with a server.
    pub fn confidential(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { secret: Some(secret.into()), ..Self::public(id) }
    }

    /// One that can't: it must use PKCE (RFC 7636).
    pub fn public(id: impl Into<String>) -> Self {
        let id = id.into();
        Self {
            id,
            secret: None,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
        }
    }

    /// One more place where people may come back to after signing in; compared byte by byte, the port too.
    ///
    /// A loopback URI: `http` or `https`, to `127.0.0.1`, `[::1]`, `localhost` or a name below it, without a fragment.
    /// Others are refused when the provider starts.
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(uri.into());
        self
    }

    /// One more place where people may come back to after signing out; the rules are those of
    /// [`redirect_uri`](Self::redirect_uri).
    #[must_use]
    pub fn post_logout_redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.post_logout_redirect_uris.push(uri.into());
        self
    }

    /// Where it is told that somebody signed out (OpenID Connect Back-Channel Logout 1.0 §2.2), in plain `http`; else the rules are
    /// those of [`redirect_uri`](Self::redirect_uri). The tokens name `sub` and `sid`.
    #[must_use]
    pub fn backchannel_logout(mut self, uri: impl Into<String>) -> Self {
        self.backchannel_logout_uri = Some(uri.into());
        self
    }

    pub(super) fn backchannel_logout_uri(&self) -> Option<&str> {
        self.backchannel_logout_uri.as_deref()
    }

    pub(super) fn redirects_to(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|known| known == uri)
    }

    pub(super) fn returns_to(&self, uri: &str) -> bool {
        self.post_logout_redirect_uris.iter().any(|known| known == uri)
    }

    pub(super) fn signs_people_in(&self) -> bool {
        !self.redirect_uris.is_empty()
    }

    /// What is wrong with it, with the cure.
    pub(super) fn problem(&self) -> Option<String> {
        let uris = || self.redirect_uris.iter().chain(&self.post_logout_redirect_uris);
        if self.id.is_empty() {
            return Some("a client of the dev identity provider has no id: name it".to_owned());
        }
        if let Some(uri) = self.backchannel_logout_uri.as_deref().filter(|uri| !is_plain_loopback(uri)) {
            return Some(format!(
                "the client {:?} of the dev identity provider has the back-channel logout uri {uri:?}, which is not plain \
                 http on loopback: write one like http://127.0.0.1:3000/logout/backchannel",
                self.id
            ));
        }
        let wrong = uris().find(|uri| !is_loopback(uri))?;
        Some(format!(
            "the client {:?} of the dev identity provider has the redirect uri {wrong:?}, which is not on loopback or \
             has a fragment: write one like http://127.0.0.1:3000/callback",
            self.id
        ))
    }
}

fn is_plain_loopback(uri: &str) -> bool {
    uri.starts_with("http://") && is_loopback(uri)
}

fn is_loopback(uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else { return false };
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    here && plain && matches!(url.scheme(), "http" | "https")
}

impl fmt::Debug for DevClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevClient")
            .field("id", &self.id)
            .field("confidential", &self.secret.is_some())
            .field("redirect_uris", &self.redirect_uris)
            .field("post_logout_redirect_uris", &self.post_logout_redirect_uris)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_sent_back_to_loopback_only() {
        let problem = |uri: &str| DevClient::public("spa").redirect_uri(uri).problem();
        for good in [
            "http://127.0.0.1:3000/callback",
            "http://[::1]:3000/",
            "https://localhost/cb?x=1",
            "http://notes.localhost:3000/cb",
        ] {
            assert_eq!(problem(good), None);
        }
        for bad in [
            "https://notes.example/cb",
            "http://localhost.example/",
            "http://127.0.0.1@evil.example/",
            "http://user@127.0.0.1/",
            "http://127.0.0.1/#part",
            "javascript:alert(1)",
            "notes:/cb",
            "/callback",
        ] {
            assert!(problem(bad).is_some_and(|problem| problem.contains(bad)), "{bad}");
        }
        let told = |uri: &str| DevClient::public("spa").backchannel_logout(uri).problem();
        assert_eq!(told("http://127.0.0.1:3000/logout/backchannel"), None);
        for bad in ["https://127.0.0.1:3000/", "http://notes.example/"] {
            assert!(told(bad).is_some_and(|problem| problem.contains(bad)), "{bad}");
        }
        assert!(DevClient::confidential("", "x").problem().is_some());
        assert!(!format!("{:?}", DevClient::confidential("web", "hidden")).contains("hidden"));
    }
}
