//! What the environment says, checked as a whole before anything starts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use gambeson::Profile;
use gambeson::core::{ConfigError, ConfigProblems};

/// Where the app listens, whom it trusts and where its data lives.
#[derive(Debug, Clone)]
pub struct Settings {
    pub profile: Profile,
    /// `BIND` and `PORT`; default `127.0.0.1:3000`.
    pub listen: SocketAddr,
    /// `MANAGEMENT_BIND`; default `127.0.0.1:9464`. Production only: in development all is on one listener.
    pub management: SocketAddr,
    /// `DANGEROUSLY_EXPOSE_MANAGEMENT=yes`: the management listener may be reached from elsewhere.
    pub management_exposed: bool,
    /// `DATA_DIR`; default `./data`.
    pub data_dir: PathBuf,
    /// Who vouches for the callers.
    pub issuer: IssuerSetting,
    /// `OIDC_AUDIENCE`; default `hardened-notes`: the audience that tokens must be for.
    pub audience: String,
    /// `PUBLIC_ORIGIN`: scheme, host and port as browsers see them.
    pub public_origin: Option<String>,
    /// `TRUSTED_PROXIES`: `none`, or the networks of the proxies in front, separated by commas.
    pub proxies: Vec<String>,
}

/// Who vouches for the callers.
#[derive(Debug, Clone)]
pub enum IssuerSetting {
    /// `OIDC_ISSUER`.
    Real(String),
    /// The dev identity provider, on `DEV_IDP_PORT`; default 3001.
    Dev(SocketAddr),
}

impl Settings {
    /// Reads the environment through `lookup`; every problem at once.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let read = Reader { lookup: |name: &str| lookup(name).filter(|value| !value.is_empty()) };
        let mut problems = ConfigProblems::new();
        let profile = read.profile(&mut problems);
        let bind =
            read.or("BIND", IpAddr::V4(Ipv4Addr::LOCALHOST), "an address such as 127.0.0.1", &mut problems);
        let port = read.or("PORT", 3000, "a port such as 3000", &mut problems);
        let listen = SocketAddr::new(bind, port);
        let management = SocketAddr::from((Ipv4Addr::LOCALHOST, 9464));
        let settings = Self {
            profile,
            listen,
            management: read.or(
                "MANAGEMENT_BIND",
                management,
                "an address such as 127.0.0.1:9464",
                &mut problems,
            ),
            management_exposed: (read.lookup)("DANGEROUSLY_EXPOSE_MANAGEMENT").as_deref() == Some("yes"),
            data_dir: (read.lookup)("DATA_DIR").unwrap_or_else(|| "data".into()).into(),
            issuer: read.issuer(&mut problems),
            audience: (read.lookup)("OIDC_AUDIENCE").unwrap_or_else(|| "hardened-notes".into()),
            public_origin: (read.lookup)("PUBLIC_ORIGIN"),
            proxies: read.proxies(),
        };
        if !profile.is_production() {
            settings.refuse_strangers(&mut problems);
        }
        if let Err(error) = profile.check_bind(listen) {
            problems.add("BIND", listen.to_string(), error.to_string());
        }
        if profile.is_production() {
            settings.refuse_shortcuts(read.is_set("TRUSTED_PROXIES"), &mut problems);
        }
        problems.into_result(settings)
    }

    /// What a developer's own machine does not have: somebody else on the line.
    fn refuse_strangers(&self, problems: &mut ConfigProblems) {
        let cure = "development shows everything to whoever calls: set GAMBESON_PROFILE=production";
        if !self.proxies.is_empty() {
            problems.add("TRUSTED_PROXIES", self.proxies.join(","), cure);
        }
        if let Some(origin) = self.public_origin.as_ref().filter(|origin| origin.starts_with("https://")) {
            problems.add("PUBLIC_ORIGIN", origin, cure);
        }
    }

    /// What is fine on a developer's machine and nowhere else.
    fn refuse_shortcuts(&self, proxies_declared: bool, problems: &mut ConfigProblems) {
        match &self.issuer {
            IssuerSetting::Dev(_) => problems.add(
                "OIDC_ISSUER",
                "",
                "production does not start the dev identity provider: name your issuer, such as https://id.example.com",
            ),
            IssuerSetting::Real(issuer) if !issuer.starts_with("https://") => {
                problems.add("OIDC_ISSUER", issuer, "production takes an https issuer only");
            }
            IssuerSetting::Real(_) => {}
        }
        match &self.public_origin {
            None => problems.add(
                "PUBLIC_ORIGIN",
                "",
                "say how browsers reach the app, such as https://notes.example.com",
            ),
            Some(origin) if !origin.starts_with("https://") => {
                problems.add("PUBLIC_ORIGIN", origin, "production takes an https origin only");
            }
            Some(_) => {}
        }
        if !self.management.ip().is_loopback() && !self.management_exposed {
            let cure = "whoever reaches it reads metrics and policy: bind loopback, or write \
                        DANGEROUSLY_EXPOSE_MANAGEMENT=yes when a network policy stands in front";
            problems.add("MANAGEMENT_BIND", self.management.to_string(), cure);
        }
        if !proxies_declared {
            let cure = "declare the proxies in front, such as 10.0.3.0/24, or write none";
            problems.add("TRUSTED_PROXIES", "", cure);
        }
    }
}

struct Reader<F> {
    lookup: F,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    fn is_set(&self, name: &str) -> bool {
        (self.lookup)(name).is_some()
    }

    fn or<T: FromStr>(&self, name: &str, default: T, wanted: &str, problems: &mut ConfigProblems) -> T {
        let Some(text) = (self.lookup)(name) else { return default };
        text.parse().unwrap_or_else(|_| {
            problems.add(name, text, format!("write {wanted}"));
            default
        })
    }

    /// A debug build is for development unless told otherwise; a release build is for production.
    fn profile(&self, problems: &mut ConfigProblems) -> Profile {
        let asked = match (self.is_set(Profile::VARIABLE), cfg!(debug_assertions)) {
            (false, true) => Profile::development(&self.lookup),
            _ => Profile::from_lookup(&self.lookup),
        };
        asked.unwrap_or_else(|error| {
            problems.add(
                Profile::VARIABLE,
                (self.lookup)(Profile::VARIABLE).unwrap_or_default(),
                error.to_string(),
            );
            Profile::Production
        })
    }

    fn issuer(&self, problems: &mut ConfigProblems) -> IssuerSetting {
        let port = self.or("DEV_IDP_PORT", 3001, "a port such as 3001", problems);
        match (self.lookup)("OIDC_ISSUER") {
            Some(issuer) => IssuerSetting::Real(issuer),
            None => IssuerSetting::Dev(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        }
    }

    fn proxies(&self) -> Vec<String> {
        let declared = (self.lookup)("TRUSTED_PROXIES").unwrap_or_default();
        declared.split(',').map(|p| p.trim().to_owned()).filter(|p| !p.is_empty() && p != "none").collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        Settings::from_lookup(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned())
        })
    }

    #[test]
    fn production_refuses_every_shortcut_at_once() {
        let error = read(&[("GAMBESON_PROFILE", "production")]).unwrap_err();
        let fields: Vec<_> = error.problems().iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["OIDC_ISSUER", "PUBLIC_ORIGIN", "TRUSTED_PROXIES"]);
    }

    #[test]
    fn production_starts_when_all_is_declared() {
        let settings = read(&[
            ("GAMBESON_PROFILE", "production"),
            ("OIDC_ISSUER", "https://id.example.com"),
            ("PUBLIC_ORIGIN", "https://notes.example.com"),
            ("TRUSTED_PROXIES", "none"),
            ("BIND", "0.0.0.0"),
        ])
        .unwrap();
        assert!(settings.profile.is_production());
        assert!(settings.proxies.is_empty());
    }

    #[test]
    fn development_stays_on_loopback() {
        let error = read(&[("GAMBESON_PROFILE", "development"), ("BIND", "0.0.0.0")]).unwrap_err();
        assert_eq!(error.problems()[0].field, "BIND");
    }

    #[test]
    fn development_has_nobody_else_on_the_line() {
        let error = read(&[
            ("GAMBESON_PROFILE", "development"),
            ("TRUSTED_PROXIES", "10.0.0.0/8"),
            ("PUBLIC_ORIGIN", "https://notes.example.com"),
        ])
        .unwrap_err();
        assert_eq!(error.problems().len(), 2, "{error}");
    }

    #[test]
    fn an_exposed_management_listener_is_said_aloud() {
        let production = |exposed: &str| {
            read(&[
                ("GAMBESON_PROFILE", "production"),
                ("OIDC_ISSUER", "https://id.example.com"),
                ("PUBLIC_ORIGIN", "https://notes.example.com"),
                ("TRUSTED_PROXIES", "none"),
                ("MANAGEMENT_BIND", "0.0.0.0:9464"),
                ("DANGEROUSLY_EXPOSE_MANAGEMENT", exposed),
            ])
        };
        assert_eq!(production("").unwrap_err().problems()[0].field, "MANAGEMENT_BIND");
        assert!(production("yes").is_ok());
    }

    #[test]
    fn a_bad_value_names_its_variable() {
        let error = read(&[("GAMBESON_PROFILE", "development"), ("PORT", "http")]).unwrap_err();
        assert_eq!(error.to_string(), "configuration refused\n  PORT = http: write a port such as 3000");
    }
}
