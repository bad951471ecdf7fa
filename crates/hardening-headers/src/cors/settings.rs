//! Which other origins may read answers, in words.

use std::time::Duration;

use http::{HeaderName, Method};

/// Which other origins' scripts may read answers; see the [module](super). Plain data.
///
/// ```
/// use gambeson_hardening_headers::{Cors, Hardening};
/// use http::{Method, header};
///
/// let cors = Cors::credentials(["https://admin.example.com"])
///     .methods([Method::GET, Method::POST, Method::DELETE])
///     .headers([header::CONTENT_TYPE]);
/// let edge = Hardening::api().cors(cors).build()?;
///
/// let wrong = Hardening::api().cors(Cors::credentials(["*", "null", "https://*.example.com"])).build();
/// assert_eq!(wrong.unwrap_err().problems().len(), 3);
/// # let _ = edge;
/// # Ok::<(), gambeson_core::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct Cors {
    /// The origins, each with scheme, host and port. Default: none.
    pub origins: Vec<String>,
    /// Every origin, without credentials. Default: no.
    pub public: bool,
    /// Whether requests may carry cookies. Default: no.
    pub credentials: bool,
    /// Methods that may be used. Default: GET, HEAD and POST.
    pub methods: Vec<String>,
    /// Request fields that may be sent. Default: `authorization` and `content-type`.
    pub headers: Vec<String>,
    /// Answer fields that scripts may read beside the safelisted ones. Default: those that refusals carry
    /// (`ratelimit`, `ratelimit-policy`, `retry-after`, `www-authenticate`) and `x-request-id`.
    pub expose: Vec<String>,
    /// How long browsers keep the answer to a preflight. Default: ten minutes; at most a day.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub max_age: Duration,
    /// Whether pages of the public internet may reach this app in a private network. Default: no.
    pub private_network: bool,
    /// Takes the origin `null` too, which every sandboxed frame has. Logged at build.
    pub dangerously_null: bool,
    /// Takes http origins together with credentials. Logged at build.
    pub dangerously_http: bool,
}

impl Default for Cors {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            origins: Vec::new(),
            public: false,
            credentials: false,
            methods: texts(&["GET", "HEAD", "POST"]),
            headers: texts(&["authorization", "content-type"]),
            expose: texts(&[
                "ratelimit",
                "ratelimit-policy",
                "retry-after",
                "www-authenticate",
                "x-request-id",
            ]),
            max_age: Duration::from_secs(600),
            private_network: false,
            dangerously_null: false,
            dangerously_http: false,
        }
    }
}

impl Cors {
    /// These origins, and their requests may carry cookies: exactly these, never patterns. https, and while developing http
    /// on this machine. With the listed methods they pass the [cross-site check](crate::csrf).
    #[must_use]
    pub fn credentials<T: Into<String>>(origins: impl IntoIterator<Item = T>) -> Self {
        Self { credentials: true, ..Self::origins(origins) }
    }

    /// These origins, without cookies.
    #[must_use]
    pub fn origins<T: Into<String>>(origins: impl IntoIterator<Item = T>) -> Self {
        Self { origins: origins.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Every origin, without cookies: for what is the same for everybody.
    #[must_use]
    pub fn public() -> Self {
        Self { public: true, ..Self::default() }
    }

    /// The methods that may be used, in place of GET, HEAD and POST.
    #[must_use]
    pub fn methods(self, methods: impl IntoIterator<Item = Method>) -> Self {
        Self { methods: methods.into_iter().map(|method| method.to_string()).collect(), ..self }
    }

    /// The request fields that may be sent, in place of `authorization` and `content-type`.
    #[must_use]
    pub fn headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        Self { headers: names.into_iter().map(|name| name.to_string()).collect(), ..self }
    }

    /// The answer fields that scripts may read.
    #[must_use]
    pub fn expose(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        Self { expose: names.into_iter().map(|name| name.to_string()).collect(), ..self }
    }

    /// How long browsers keep the answer to a preflight; whole seconds, at most a day. Zero: not at all.
    #[must_use]
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age, ..self }
    }

    /// Lets the listed origins reach this app when it is in a private network and they are not
    /// (Private Network Access §3.1).
    #[must_use]
    pub fn private_network(self) -> Self {
        Self { private_network: true, ..self }
    }

    /// Takes the origin `null` too. Any page can have it, by a sandboxed frame, so the [cross-site check](crate::csrf) never
    /// trusts it. Logged at build.
    #[must_use]
    pub fn dangerously_null(self) -> Self {
        Self { dangerously_null: true, ..self }
    }

    /// Takes http origins together with credentials: whoever is on their network can speak for them. Logged at build.
    #[must_use]
    pub fn dangerously_http(self) -> Self {
        Self { dangerously_http: true, ..self }
    }
}
