//! Who is signed in at the provider itself, by browser.

use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use gambeson_core::Timestamp;
use http::HeaderMap;
use http::header::COOKIE;

use super::capped::Capped;
use super::keys::random_id;

/// How long a person stays signed in.
const LIFETIME: Duration = Duration::from_secs(12 * 3_600);

/// One person in one browser.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// Its public name, the claim `sid`; the cookie is another, secret one.
    pub(super) sid: String,
    pub(super) person: String,
    pub(super) auth_time: Timestamp,
}

/// Sessions by their cookie.
pub(super) struct Sessions(Capped<Session>);

impl Sessions {
    pub(super) const fn new() -> Self {
        Self(Capped::new(1_024))
    }

    pub(super) fn find(&self, cookie: Option<&str>, now: Timestamp) -> Option<Session> {
        let session = self.0.get(cookie?)?;
        (now < session.auth_time.plus(LIFETIME)).then(|| session.clone())
    }

    /// Signs the person in, now; gives the new cookie. The old one ends, but the same person keeps the session's name.
    pub(super) fn sign_in(
        &mut self,
        old: Option<&str>,
        person: &str,
        now: Timestamp,
    ) -> Result<(String, Session), Unspecified> {
        let old = old.and_then(|cookie| self.0.remove(cookie)).filter(|session| session.person == person);
        let sid = old.map_or_else(random_id, |session| Ok(session.sid))?;
        let session = Session { sid, person: person.to_owned(), auth_time: now };
        let cookie = random_id()?;
        self.0.insert(cookie.clone(), session.clone());
        Ok((cookie, session))
    }

    pub(super) fn end(&mut self, sid: &str) {
        self.0.retain(|session| session.sid != sid);
    }
}

/// The cookie's name. Cookies don't know ports, so the port is in it: two providers must not sign each other out.
pub(super) fn cookie_name(issuer: &str) -> String {
    let port = issuer.rsplit(':').next().unwrap_or_default();
    format!("gambeson-dev-idp-{port}")
}

pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let texts = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}
