//! The decision about one request.

use gambeson_core::{Mode, RequestFacts, RequestHead, Scheme};
use http::Method;
use http::header::{self, HeaderMap, HeaderName};

use super::senders::{Senders, carries_credential};
use crate::exempt::ExemptEndpoints;
use crate::hosts::host_of;
use crate::origin::{Origin, OriginParts};
use crate::report_post::ReportFormat;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The cross-site check, made ready.
#[derive(Debug, Clone, Default)]
pub(crate) struct CsrfCheck {
    /// The app's own origin, if it is declared.
    pub(super) own: Option<Origin>,
    /// Other origins that are trusted, as browsers write them.
    pub(super) trusted: Box<[Box<str>]>,
    /// What other origins may send because CORS says so.
    pub(super) senders: Option<Senders>,
    pub(super) session_cookies: Box<[Box<str>]>,
    pub(super) exempt: ExemptEndpoints,
    /// The path to which browsers report.
    pub(super) reports: Option<Box<str>>,
    pub(crate) mode: Mode,
    pub(crate) off: bool,
}

/// A request that was not taken for the app's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CrossSite {
    pub(super) why: Why,
    /// What makes more of the request than its method says, if something does.
    pub(super) disguise: Option<&'static str>,
}

/// Why it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// The browser says that another site sent it.
    Site {
        /// What `Sec-Fetch-Site` says.
        site: String,
        /// The origin, if the browser names it.
        origin: Option<String>,
    },
    /// The origin is not this app's.
    Origin {
        /// What `Origin` says.
        origin: String,
        /// What it was compared with.
        expected: String,
    },
    /// A field that browsers send once is there twice.
    Twice(&'static str),
}

impl CsrfCheck {
    /// Whether the request may be taken for the app's own, by Fetch Metadata or, from older browsers, by its origin.
    ///
    /// # Errors
    /// It changes something, carries what a browser adds by itself, and comes from elsewhere.
    pub(crate) fn look(&self, head: &RequestHead<'_>, facts: &RequestFacts) -> Result<(), CrossSite> {
        if self.off || is_safe(head) {
            return Ok(());
        }
        match self.own_request(head, facts) {
            Ok(()) => Ok(()),
            Err(_) if self.exempt.holds(head) || self.is_report(head, facts) => Ok(()),
            Err(_) if self.has_explicit_credential(head.headers) => Ok(()),
            Err(why) => Err(CrossSite { why, disguise: disguise(head) }),
        }
    }

    /// The same, with reports to this path let through.
    pub(crate) fn reported_to(self, path: Option<&str>) -> Self {
        Self { reports: path.map(Box::from), ..self }
    }

    /// Whether a browser reports something, in nobody's name. No form can send these types, and a script of another origin
    /// only after a preflight; another site's policy can have browsers report here, but without cookies.
    fn is_report(&self, head: &RequestHead<'_>, facts: &RequestFacts) -> bool {
        let path = self.reports.as_deref();
        path == Some(head.uri.path())
            && *head.method == Method::POST
            && !is_disguised(head)
            && ReportFormat::of(head.headers).is_some()
            && !carries_credential(head, facts)
    }

    fn own_request(&self, head: &RequestHead<'_>, facts: &RequestFacts) -> Result<(), Why> {
        let site = only(head.headers, &SEC_FETCH_SITE).map_err(|()| Why::Twice("Sec-Fetch-Site"))?;
        let origin = only(head.headers, &header::ORIGIN).map_err(|()| Why::Twice("Origin"))?;
        match site {
            Some(b"same-origin" | b"none") => Ok(()),
            Some(_) if self.trusts(origin) || self.cors_lets(origin, head, facts) => Ok(()),
            Some(site) => Err(Why::Site { site: shown(site), origin: origin.map(shown) }),
            None => self.own_origin(origin, head, facts),
        }
    }

    /// What is left for browsers without Fetch Metadata, and for pages over plain http: to compare the origin.
    fn own_origin(
        &self,
        origin: Option<&[u8]>,
        head: &RequestHead<'_>,
        facts: &RequestFacts,
    ) -> Result<(), Why> {
        // Browsers name the origin of whatever may change something; what has none comes from no browser.
        let Some(origin) = origin else { return Ok(()) };
        if self.trusts(Some(origin)) || self.cors_lets(Some(origin), head, facts) {
            return Ok(());
        }
        let peer = facts.peer();
        let found = match peer {
            Some(_) => None,
            None => host_of(head),
        };
        let host = peer.and_then(|peer| peer.host.as_deref()).or(found.as_ref().map(|host| host.text()));
        let scheme = peer.and_then(|peer| peer.scheme);
        let parts = std::str::from_utf8(origin).ok().and_then(OriginParts::parse);
        match (parts, host) {
            (Some(parts), Some(host)) if self.is_own(parts, host, scheme) => Ok(()),
            (_, host) => Err(Why::Origin { origin: shown(origin), expected: self.expected(host, scheme) }),
        }
    }

    fn is_own(&self, origin: OriginParts<'_>, host: &str, scheme: Option<Scheme>) -> bool {
        match &self.own {
            Some(own) if origin == own.parts() => true,
            // For the declared host the declared scheme is the right one, whatever a proxy made of it.
            Some(own) if own.parts().is_of(host, Some(own.scheme())) => false,
            _ => origin.is_of(host, scheme),
        }
    }

    fn expected(&self, host: Option<&str>, scheme: Option<Scheme>) -> String {
        match (&self.own, host) {
            (Some(own), _) => own.text().to_owned(),
            (None, Some(host)) => format!("{}://{}", scheme.unwrap_or(Scheme::Https), shown(host.as_bytes())),
            (None, None) => String::new(),
        }
    }

    fn trusts(&self, origin: Option<&[u8]>) -> bool {
        origin.is_some_and(|origin| self.trusted.iter().any(|trusted| trusted.as_bytes() == origin))
    }

    fn cors_lets(&self, origin: Option<&[u8]>, head: &RequestHead<'_>, facts: &RequestFacts) -> bool {
        self.senders.as_ref().is_some_and(|senders| senders.may_send(origin, head, facts))
    }

    /// Whether the caller is known by a token that only a script can add, and not by a cookie.
    fn has_explicit_credential(&self, headers: &HeaderMap) -> bool {
        let mut fields = headers.get_all(header::AUTHORIZATION).iter();
        let token = fields.next().is_some_and(|value| is_token(value.as_bytes()));
        token && fields.next().is_none() && !self.has_session_cookie(headers)
    }

    fn has_session_cookie(&self, headers: &HeaderMap) -> bool {
        let mut cookies = headers
            .get_all(header::COOKIE)
            .iter()
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
            .map(|cookie| cookie.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii());
        match self.session_cookies.is_empty() {
            true => cookies.next().is_some(),
            false => cookies.any(|name| self.session_cookies.iter().any(|ours| ours.as_bytes() == name)),
        }
    }
}

/// Whether the request, as its method says, changes nothing.
fn is_safe(head: &RequestHead<'_>) -> bool {
    matches!(*head.method, Method::GET | Method::HEAD | Method::OPTIONS) && !is_disguised(head)
}

/// Whether there may be more to the request than its method says.
///
/// A WebSocket handshake is a GET, but opens a channel that carries anything; what overrides the method makes a POST or
/// DELETE of it in apps that go by it.
#[inline]
pub(super) fn is_disguised(head: &RequestHead<'_>) -> bool {
    disguise(head).is_some()
}

/// What says that there is more to the request.
#[inline]
fn disguise(head: &RequestHead<'_>) -> Option<&'static str> {
    let in_query = || head.uri.query().is_some_and(overrides_method).then_some("_method in its query");
    telling_field(head.headers).or_else(in_query)
}

/// Whether a field asks for another protocol or another method.
pub(crate) fn asks_for_more(headers: &HeaderMap) -> bool {
    telling_field(headers).is_some()
}

fn telling_field(headers: &HeaderMap) -> Option<&'static str> {
    headers.keys().find_map(|name| match name.as_str().len() {
        7 => (*name == header::UPGRADE).then_some("Upgrade"),
        13 => (name == "x-http-method").then_some("X-HTTP-Method"),
        17 => (name == "x-method-override").then_some("X-Method-Override"),
        22 => (name == "x-http-method-override").then_some("X-HTTP-Method-Override"),
        _ => None,
    })
}

fn overrides_method(query: &str) -> bool {
    let mut keys = query.split(['&', ';']).map(|pair| pair.split('=').next().unwrap_or_default());
    keys.any(|key| reads_as(key.as_bytes(), b"_method"))
}

/// Whether this is the text that a form's decoder makes of the key: `%5Fmethod` is `_method` to an app.
fn reads_as(key: &[u8], text: &[u8]) -> bool {
    match (key, text) {
        ([], []) => true,
        ([b'%', high, low, key @ ..], [first, text @ ..]) => {
            hexadecimal([*high, *low]) == Some(u32::from(*first)) && reads_as(key, text)
        }
        ([byte, key @ ..], [first, text @ ..]) => byte == first && reads_as(key, text),
        _ => false,
    }
}

fn hexadecimal(digits: [u8; 2]) -> Option<u32> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    Some(high? << 4 | low?)
}

/// Bearer and DPoP tokens; what browsers repeat by themselves (Basic, Negotiate) is none.
fn is_token(value: &[u8]) -> bool {
    let scheme = value.split(|byte| *byte == b' ').next().unwrap_or_default();
    scheme.len() < value.len()
        && (scheme.eq_ignore_ascii_case(b"bearer") || scheme.eq_ignore_ascii_case(b"dpop"))
}

/// The one value of a field; `Err` when there are more.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h [u8]>, ()> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(|value| value.as_bytes());
    match values.next() {
        None => Ok(value),
        Some(_) => Err(()),
    }
}

/// What a stranger sent, fit for a log: short, without controls.
fn shown(bytes: &[u8]) -> String {
    let short = bytes.get(..bytes.len().min(200)).unwrap_or_default();
    gambeson_core::escape_controls(&String::from_utf8_lossy(short)).to_string()
}
