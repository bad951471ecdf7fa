//! From words to a policy.

use gambeson_core::{ConfigProblems, Profile};
use http::Method;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::policy::CorsPolicy;
use super::settings::Cors;
use crate::check::{HH050, HH051, HH052, HH056, HH057, Rule};
use crate::origin::Origin;

const DAY: u64 = 86_400;

impl Cors {
    /// The policy; what is wrong is noted.
    pub(crate) fn prepare(&self, profile: Profile, problems: &mut ConfigProblems) -> CorsPolicy {
        let origins = self.prepared_origins(profile, problems);
        let methods: Box<[Method]> =
            self.methods.iter().filter_map(|method| usable_method(method, problems)).collect();
        let headers: Box<[Box<str>]> =
            self.headers.iter().filter_map(|name| usable_header(name, "headers", problems)).collect();
        let expose: Box<[Box<str>]> =
            self.expose.iter().filter_map(|name| usable_header(name, "expose", problems)).collect();
        self.look_through(problems);
        let mut preflight = HeaderMap::new();
        let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
        insert(&mut preflight, header::ACCESS_CONTROL_ALLOW_METHODS, list(&names));
        let names: Vec<&str> = headers.iter().map(|name| &**name).collect();
        insert(&mut preflight, header::ACCESS_CONTROL_ALLOW_HEADERS, list(&names));
        let max_age = HeaderValue::from(self.max_age.as_secs());
        insert(&mut preflight, header::ACCESS_CONTROL_MAX_AGE, Some(max_age));
        let names: Vec<&str> = expose.iter().map(|name| &**name).collect();
        let expose = list(&names);
        let (public, credentials) = (self.public, self.credentials);
        CorsPolicy {
            origins,
            public,
            credentials,
            methods,
            headers,
            preflight,
            expose,
            private_network: self.private_network,
        }
    }

    fn look_through(&self, problems: &mut ConfigProblems) {
        let mut wrong =
            |rule: &Rule, field: &str, value: &str, cure| problems.add(key(field), value, rule.says(cure));
        match (self.public, self.credentials, self.origins.is_empty()) {
            (true, true, _) => wrong(
                HH051,
                "credentials",
                "true",
                "every origin never goes with cookies: list the origins in place of public",
            ),
            (true, false, false) => wrong(HH050, "public", "true", "write public or origins, not both"),
            (false, _, true) if !self.dangerously_null => {
                wrong(HH050, "origins", "", "list at least one origin, or leave CORS out");
            }
            _ => {}
        }
        if self.public && self.private_network {
            wrong(
                HH051,
                "private-network",
                "true",
                "not for every page of the internet: list the origins in place of public",
            );
        }
        if self.methods.is_empty() {
            wrong(
                HH056,
                "methods",
                "[]",
                "list at least one method; without the line they are GET, HEAD and POST",
            );
        }
        if self.max_age.as_secs() > DAY || self.max_age.subsec_nanos() > 0 {
            wrong(
                HH057,
                "max-age",
                &format!("{:?}", self.max_age),
                "write whole seconds, at most a day; browsers keep it for two hours",
            );
        }
    }

    fn prepared_origins(&self, profile: Profile, problems: &mut ConfigProblems) -> Box<[HeaderValue]> {
        let mut origins: Vec<HeaderValue> = Vec::new();
        let null = self.dangerously_null.then(|| HeaderValue::from_static("null"));
        for text in &self.origins {
            match self.origin(text, profile) {
                Ok(origin) => match HeaderValue::from_str(origin.text()) {
                    Ok(value) if !origins.contains(&value) => origins.push(value),
                    _ => {}
                },
                Err((rule, cure)) => problems.add(key("origins"), text, rule.says(cure)),
            }
        }
        origins.into_iter().chain(null).collect()
    }

    fn origin(&self, text: &str, profile: Profile) -> Result<Origin, (&'static Rule, &'static str)> {
        match text {
            "null" => {
                let cure = "every page can have this origin, by a sandboxed frame; dangerously-null takes it";
                return Err((HH050, cure));
            }
            "*" => {
                let cure =
                    "write public = true (Cors::public()), which goes without cookies; or list the origins";
                return Err((HH050, cure));
            }
            text if text.contains('*') => {
                return Err((HH050, "write each origin: patterns let strangers' names in"));
            }
            _ => {}
        }
        let origin = Origin::parse(text).ok_or((
            HH050,
            "write scheme, host and, if need be, port, and no slash: \"https://admin.example.com\"",
        ))?;
        if origin.is_open_to_others(profile) && self.credentials && !self.dangerously_http {
            let cure = "write https: over http anybody on the way speaks for it; dangerously-http takes it";
            return Err((HH052, cure));
        }
        Ok(origin)
    }
}

fn key(field: &str) -> String {
    format!("hardening-headers.cors.{field}")
}

/// A method that scripts can ask for (Fetch §2.2.1).
fn usable_method(text: &str, problems: &mut ConfigProblems) -> Option<Method> {
    let forbidden = ["CONNECT", "TRACE", "TRACK"].iter().any(|name| text.eq_ignore_ascii_case(name));
    match Method::from_bytes(text.as_bytes()) {
        Ok(method) if !forbidden && text != "*" && text.chars().all(|c| !c.is_ascii_lowercase()) => {
            Some(method)
        }
        _ => {
            problems.add(
                key("methods"),
                text,
                HH056.says("write a method such as \"DELETE\", in capitals; no wildcard"),
            );
            None
        }
    }
}

fn usable_header(text: &str, field: &str, problems: &mut ConfigProblems) -> Option<Box<str>> {
    match HeaderName::from_bytes(text.as_bytes()) {
        Ok(name) if text != "*" => Some(name.as_str().into()),
        _ => {
            problems.add(key(field), text, HH056.says("write the name of a field; no wildcard"));
            None
        }
    }
}

fn list(names: &[&str]) -> Option<HeaderValue> {
    if names.is_empty() {
        return None;
    }
    HeaderValue::try_from(names.join(", ")).ok()
}

fn insert(map: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        map.insert(name, value);
    }
}
