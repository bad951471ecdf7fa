//! Which origin may do what, made ready.

use gambeson_core::RequestHead;
use http::Method;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::refusal::Refused;
use crate::csrf::Senders;

const REQUEST_PRIVATE: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// Which origins may read answers, ready to be written onto them.
#[derive(Debug)]
pub(crate) struct CorsPolicy {
    /// The origins as browsers write them.
    pub(super) origins: Box<[HeaderValue]>,
    pub(super) public: bool,
    pub(super) credentials: bool,
    pub(super) methods: Box<[Method]>,
    /// Names of request fields, lower case.
    pub(super) headers: Box<[Box<str>]>,
    /// What every granted preflight carries.
    pub(super) preflight: HeaderMap,
    pub(super) expose: Option<HeaderValue>,
    pub(super) private_network: bool,
}

/// What the policy says about the origin of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Grant {
    /// No origin, or one that may read nothing.
    #[default]
    Nothing,
    /// The listed origin of this number.
    Listed(usize),
    /// Every origin, without credentials.
    Everybody,
}

impl CorsPolicy {
    /// What the origin of this request may read. Two origins are none.
    pub(crate) fn grant(&self, headers: &HeaderMap) -> Grant {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else { return Grant::Nothing };
        match self.origins.iter().position(|listed| listed == origin) {
            Some(number) => Grant::Listed(number),
            None if self.public => Grant::Everybody,
            None => Grant::Nothing,
        }
    }

    /// The answer to a preflight (Fetch §3.2.2); `None` when the request is none.
    pub(crate) fn preflight(
        &self,
        head: &RequestHead<'_>,
        grant: Grant,
    ) -> Option<Result<HeaderMap, Refused>> {
        let method = preflighted(head)?;
        if grant == Grant::Nothing {
            return Some(Err(Refused::Origin));
        }
        if !self.methods.iter().any(|listed| listed.as_str().as_bytes() == method.as_bytes()) {
            return Some(Err(Refused::Method));
        }
        let fields = head.headers.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS);
        if !fields.iter().all(|line| self.takes(line.as_bytes())) {
            return Some(Err(Refused::Header));
        }
        let mut answer = self.preflight.clone();
        if self.private_network && head.headers.get(REQUEST_PRIVATE).is_some_and(|value| value == "true") {
            answer.insert(ALLOW_PRIVATE, HeaderValue::from_static("true"));
        }
        Some(Ok(answer))
    }

    fn takes(&self, line: &[u8]) -> bool {
        line.split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii)
            .filter(|name| !name.is_empty())
            .all(|name| self.headers.iter().any(|listed| listed.as_bytes().eq_ignore_ascii_case(name)))
    }

    /// Writes what the grant says onto an answer. What the app wrote itself stays.
    pub(crate) fn write(&self, grant: Grant, headers: &mut HeaderMap) {
        if !self.origins.is_empty() {
            vary_by_origin(headers);
        }
        if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
            return;
        }
        let origin = match grant {
            Grant::Nothing => return,
            Grant::Everybody => HeaderValue::from_static("*"),
            Grant::Listed(number) => match self.origins.get(number) {
                Some(origin) => origin.clone(),
                None => return,
            },
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.credentials && grant != Grant::Everybody {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if let Some(expose) = &self.expose
            && !headers.contains_key(header::ACCESS_CONTROL_EXPOSE_HEADERS)
        {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
    }

    /// How many origins are listed.
    pub(crate) fn listed(&self) -> usize {
        self.origins.len()
    }

    /// What it lets other origins' pages send. `null` is nobody's: every page can have it, by a sandboxed frame.
    pub(crate) fn senders(&self) -> Senders {
        let named = self.origins.iter().filter_map(|origin| origin.to_str().ok());
        let named = named.filter(|origin| *origin != "null").map(Box::from).collect();
        Senders {
            origins: (!self.public).then_some(named),
            methods: self.methods.clone(),
            credentials: self.credentials,
        }
    }
}

/// The method that a preflight asks for; `None` when the request is no preflight.
fn preflighted<'h>(head: &RequestHead<'h>) -> Option<&'h HeaderValue> {
    let asks = head.method == Method::OPTIONS && head.headers.contains_key(header::ORIGIN);
    head.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD).filter(|_| asks)
}

/// Says to caches that the answer depends on the origin (RFC 9110 §12.5.5), unless it says so already.
fn vary_by_origin(headers: &mut HeaderMap) {
    let names = |value: &HeaderValue| {
        let mut names = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        names.any(|name| name == b"*" || name.eq_ignore_ascii_case(b"origin"))
    };
    if !headers.get_all(header::VARY).iter().any(names) {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}
