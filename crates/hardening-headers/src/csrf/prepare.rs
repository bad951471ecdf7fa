//! From words to a check.

use gambeson_core::{ConfigProblems, EndpointSpec, Profile};
use http::{HeaderName, Method};

use super::check::CsrfCheck;
use super::settings::{Csrf, CsrfExemption};
use crate::check::{HH060, HH061, HH065, HH066};
use crate::cors::CorsPolicy;
use crate::exempt::ExemptEndpoints;
use crate::origin::Origin;

impl Csrf {
    /// The check; what is wrong is noted.
    pub(crate) fn prepare(
        &self,
        own: Option<Origin>,
        cors: Option<&CorsPolicy>,
        endpoints: &[EndpointSpec],
        profile: Profile,
        problems: &mut ConfigProblems,
    ) -> CsrfCheck {
        let trusted = self.prepared_origins(profile, problems);
        for name in &self.session_cookies {
            if !is_token(name) {
                problems.add(
                    "hardening-headers.csrf.session-cookies",
                    name,
                    HH065.says("write the name of a cookie"),
                );
            }
        }
        let mut exempt = ExemptEndpoints::default();
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.exempt.csrf) {
            exempt.add(endpoint, "hardening-headers.exempt", problems);
        }
        self.exempt.iter().for_each(|exemption| exemption.prepare(&mut exempt, problems));
        CsrfCheck {
            own,
            trusted,
            senders: cors.map(CorsPolicy::senders),
            session_cookies: self.session_cookies.iter().map(|name| name.as_str().into()).collect(),
            exempt,
            reports: None,
            mode: self.mode,
            off: self.dangerously_off,
        }
    }

    fn prepared_origins(&self, profile: Profile, problems: &mut ConfigProblems) -> Box<[Box<str>]> {
        let mut trusted = Vec::new();
        for text in &self.trusted_origins {
            let cure = match Origin::parse(text) {
                None => HH060.says(
                    "write scheme, host and, if need be, port: \"https://admin.example.com\"; no patterns",
                ),
                Some(origin) if origin.is_open_to_others(profile) && !self.dangerously_http => HH061.says(
                    "write https: over http anybody on the way speaks for it; dangerously-http takes it",
                ),
                Some(origin) => {
                    trusted.push(origin.text().into());
                    continue;
                }
            };
            problems.add("hardening-headers.csrf.trusted-origins", text, cure);
        }
        trusted.into()
    }
}

impl CsrfExemption {
    fn prepare(&self, exempt: &mut ExemptEndpoints, problems: &mut ConfigProblems) {
        const FIELD: &str = "hardening-headers.csrf.exempt";
        if self.reason.trim().is_empty() {
            problems.add(
                FIELD,
                &self.path,
                HH066.says("write the reason why a page of another site can do no harm there"),
            );
        }
        match Method::from_bytes(self.method.as_bytes()) {
            Ok(method) => exempt.add_path(method, &self.path, FIELD, problems),
            Err(_) => problems.add(FIELD, &self.method, HH066.says("write a method such as \"POST\"")),
        }
    }
}

/// A cookie's name is a token (RFC 6265 §4.1.1), and so is a field's.
fn is_token(name: &str) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok()
}
