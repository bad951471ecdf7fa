//! Cookies: read exactly, written with every mark that keeps them at home.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

use super::attempt::Attempt;

/// How cookies of this app are named and marked. On https the names begin with `__Host-`, so that no other host and no
/// plain connection can set them (RFC 6265bis §4.1.3.2); plain names are for http on loopback in development only.
#[derive(Debug, Clone)]
pub(super) struct Cookies {
    pub(super) session: Box<str>,
    attempt: Box<str>,
    secure: bool,
}

impl Cookies {
    pub(super) fn new(name: &str, secure: bool) -> Self {
        let prefix = if secure { "__Host-" } else { "" };
        let session = format!("{prefix}{name}").into();
        Self { session, attempt: format!("{prefix}{name}-login-").into(), secure }
    }

    /// The value of the session cookie. Two of them are a trick of somebody: none counts then.
    pub(super) fn session<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let mut found = pairs(headers).filter(|(name, _)| *name == &*self.session);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value)
    }

    /// The log-ins that this browser has begun: the mark of each, and its sealed value. Names that this app never gave are
    /// passed over, as they would stand in the answer that clears them.
    pub(super) fn attempts<'h>(&self, headers: &'h HeaderMap) -> impl Iterator<Item = (&'h str, &'h str)> {
        let named =
            pairs(headers).filter_map(move |(name, value)| Some((name.strip_prefix(&*self.attempt)?, value)));
        named.filter(|(mark, _)| Attempt::is_mark(mark))
    }

    pub(super) fn attempt_name(&self, mark: &str) -> String {
        [&*self.attempt, mark].concat()
    }

    /// `Set-Cookie` with `SameSite=Lax`: the way back from the provider is a navigation across sites.
    pub(super) fn set(&self, name: &str, value: &str, lives: Option<Duration>) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let age = lives.map(|lives| format!("; Max-Age={}", lives.as_secs())).unwrap_or_default();
        let text = format!("{name}={value}; Path=/{secure}; HttpOnly; SameSite=Lax{age}");
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    pub(super) fn clear(&self, name: &str) -> Option<HeaderValue> {
        self.set(name, "", Some(Duration::ZERO))
    }
}

/// The pairs of all `Cookie` fields (RFC 6265 §4.2.1; HTTP/2 may split them, RFC 9113 §8.2.3).
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let fields =
        headers.get_all(header::COOKIE).iter().filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
    fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim_matches(' ').split_once('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(fields: &[&'static str]) -> HeaderMap {
        fields.iter().map(|field| (header::COOKIE, HeaderValue::from_static(field))).collect()
    }

    #[test]
    fn one_session_cookie_or_none() {
        let cookies = Cookies::new("session", true);
        let session = |fields: &[&'static str]| cookies.session(&cookie(fields)).map(str::to_owned);
        assert_eq!(session(&["a=b; __Host-session=x=y; c=d"]).as_deref(), Some("x=y"));
        assert_eq!(session(&["a=b", "__Host-session=x"]).as_deref(), Some("x"));
        for none in
            ["session=x", "__host-session=x", "__Host-session =x", "__Host-session", "a__Host-session=x"]
        {
            assert_eq!(cookies.session(&cookie(&[none])), None, "{none}");
        }
        assert_eq!(session(&["__Host-session=x; __Host-session=x"]), None, "a tossed cookie");
        assert_eq!(session(&["__Host-session=x", "__Host-session=y"]), None);
    }

    #[test]
    fn only_attempts_of_names_that_were_given() {
        let cookies = Cookies::new("session", true);
        let marks = |name: &str| {
            let field = HeaderValue::from_bytes(format!("__Host-session-login-{name}=x").as_bytes()).unwrap();
            let headers = HeaderMap::from_iter([(header::COOKIE, field)]);
            cookies.attempts(&headers).map(|(mark, _)| mark.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(marks("AbcdefgH0-_"), ["AbcdefgH0-_"]);
        for other in ["", "short", "AbcdefgH0-_longer", "eleven é 11", "eleven\t,1,1", "AbcdefgH0-+"] {
            assert!(marks(other).is_empty(), "{other}");
        }
    }

    #[test]
    fn written_with_every_mark() {
        let cookies = Cookies::new("session", true);
        assert_eq!(
            cookies.set(&cookies.session, "v", None).unwrap(),
            "__Host-session=v; Path=/; Secure; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            Cookies::new("session", false).clear("session").unwrap(),
            "session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
        );
    }
}
