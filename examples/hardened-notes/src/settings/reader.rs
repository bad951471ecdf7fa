//! Variables, one by one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use gambeson::Profile;
use gambeson::core::ConfigProblems;
use gambeson::hardening_headers::serve::TlsConfig;

use super::{IssuerSetting, ModelSetting, loopback};

/// Reads variables; an empty one counts as not set.
pub struct Reader<F> {
    pub lookup: F,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    pub fn is_set(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    pub fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
    }

    pub fn says_yes(&self, name: &str) -> bool {
        self.text(name).as_deref() == Some("yes")
    }

    pub fn or<T: FromStr>(&self, name: &str, default: T, wanted: &str, problems: &mut ConfigProblems) -> T {
        let Some(text) = self.text(name) else { return default };
        text.parse().unwrap_or_else(|_| {
            problems.add(name, text, format!("write {wanted}"));
            default
        })
    }

    /// A debug build is for development unless told otherwise; a release build is for production.
    pub fn profile(&self, problems: &mut ConfigProblems) -> Profile {
        let asked = match (self.is_set(Profile::VARIABLE), cfg!(debug_assertions)) {
            (false, true) => Profile::development(&self.lookup),
            _ => Profile::from_lookup(&self.lookup),
        };
        asked.unwrap_or_else(|error| {
            problems.add(
                Profile::VARIABLE,
                self.text(Profile::VARIABLE).unwrap_or_default(),
                error.to_string(),
            );
            Profile::Production
        })
    }

    pub fn listen(&self, problems: &mut ConfigProblems) -> SocketAddr {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let address = self.or("BIND", address, "an address such as 127.0.0.1", problems);
        SocketAddr::new(address, self.port("PORT", 3000, problems))
    }

    pub fn tls(&self, problems: &mut ConfigProblems) -> Option<TlsConfig> {
        let [certificate, key] = ["TLS_CERTIFICATE", "TLS_KEY"].map(|name| self.text(name));
        match (certificate, key) {
            (None, None) => return None,
            (Some(certificate), Some(key)) => return Some(TlsConfig::new(certificate, key)),
            (None, _) => problems.add("TLS_CERTIFICATE", "", "name the certificate chain of TLS_KEY, in PEM"),
            (_, None) => problems.add("TLS_KEY", "", "name the private key of TLS_CERTIFICATE, in PEM"),
        }
        None
    }

    pub fn issuer(&self, problems: &mut ConfigProblems) -> IssuerSetting {
        let port = self.port("DEV_IDP_PORT", 3001, problems);
        match self.text("OIDC_ISSUER") {
            Some(issuer) => IssuerSetting::Real(issuer),
            None => IssuerSetting::Dev(loopback(port)),
        }
    }

    /// The dev identity provider knows the app without being told.
    pub fn client_id(&self, issuer: &IssuerSetting) -> Option<String> {
        let named = self.text("OIDC_CLIENT_ID");
        match issuer {
            IssuerSetting::Dev(_) => named.or_else(|| Some("hardened-notes".into())),
            IssuerSetting::Real(_) => named,
        }
    }

    pub fn model(&self, profile: Profile, problems: &mut ConfigProblems) -> ModelSetting {
        let port = self.port("MODEL_PORT", 3002, problems);
        match self.text("MODEL_URL") {
            Some(origin) => ModelSetting::Real(origin.trim_end_matches('/').to_owned()),
            None if profile.is_production() => ModelSetting::None,
            None => ModelSetting::Dev(loopback(port)),
        }
    }

    pub fn proxies(&self) -> Vec<String> {
        let declared = self.text("TRUSTED_PROXIES").unwrap_or_default();
        declared.split(',').map(|p| p.trim().to_owned()).filter(|p| !p.is_empty() && p != "none").collect()
    }

    fn port(&self, name: &str, default: u16, problems: &mut ConfigProblems) -> u16 {
        self.or(name, default, &format!("a port such as {default}"), problems)
    }
}
