//! Who issues the tokens, and where its keys are.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(feature = "client")]
use gambeson_core::{ConfigError, HttpTransport};
use gambeson_core::{ConfigProblems, Profile};
use http::Uri;

use crate::claim_rule::ClaimRule;
use crate::dialect::Dialect;
use crate::tenants::Tenants;

/// An issuer of tokens: its exact name, and where its keys come from.
///
/// For providers whose tokens differ from what RFC 9068 asks for there are presets:
///
/// | preset | the audience is | ID tokens are told apart by | roles, groups, scopes, organisation |
/// |---|---|---|---|
/// | [`okta`](Self::okta) | the authorization server's audience | `cid` | – , `groups`, `scp`, – |
/// | [`entra`](Self::entra), [`entra_tenants`](Self::entra_tenants) | the application's id | `azp` | `roles`, `groups`, `scp`, `tid` |
/// | [`google_workspace`](Self::google_workspace) | the client's id | ID tokens are all there are | – , – , – , `hd` |
/// | [`auth0`](Self::auth0) | the API's identifier | the audience | `permissions`, `groups`, `scope`, `org_id` |
/// | [`keycloak`](Self::keycloak) | what an audience mapper says | `typ` of the claims | `/realm_access/roles`, `groups`, `scope`, – |
/// | [`cognito`](Self::cognito) | the app client's id | `token_use` | – , `cognito:groups`, `scope`, – |
/// | [`github_actions`](Self::github_actions) | what the workflow asks for | there are none | – , `repository`, – , `repository_owner` |
/// | [`kubernetes`](Self::kubernetes) | what the projected volume asks for | there are none | – , – , – , the namespace |
///
/// ```
/// use gambeson_oidc_auth::Issuer;
///
/// let public = Issuer::discover("https://id.example.com/realms/acme");
/// let inside = Issuer::discover("https://id.example.com")
///     .metadata_url("https://idp.internal:8443/.well-known/openid-configuration")
///     .allow_special_use_addresses();
/// # let _ = (public, inside);
/// ```
#[derive(Debug, Clone)]
pub struct Issuer {
    pub(crate) name: Arc<str>,
    pub(crate) source: KeySource,
    pub(crate) dialect: Dialect,
    special_use: bool,
    private: Vec<String>,
    pub(crate) credentials_file: Option<Arc<Path>>,
}

/// Where the keys of an issuer come from.
#[derive(Debug, Clone)]
pub(crate) enum KeySource {
    /// By discovery, at this document if not at the usual place; the keys at this address whatever the document names.
    Discovery { metadata: Option<String>, keys: Option<String> },
    /// A JWK Set that does not change.
    Static { document: String },
}

impl Issuer {
    /// The issuer of this name, whose keys are found by its discovery document: OpenID Connect Discovery 1.0 §4, else
    /// RFC 8414 §3. The name is compared byte by byte with what the document and the tokens say: a trailing slash counts.
    #[must_use]
    pub fn discover(name: impl Into<Arc<str>>) -> Self {
        Self::new(name.into(), KeySource::Discovery { metadata: None, keys: None })
    }

    /// The issuer of this name with a JWK Set (RFC 7517 §5) that is at hand and never fetched.
    #[must_use]
    pub fn static_keys(name: impl Into<Arc<str>>, jwks: impl Into<String>) -> Self {
        Self::new(name.into(), KeySource::Static { document: jwks.into() })
    }

    fn new(name: Arc<str>, source: KeySource) -> Self {
        Self {
            name,
            source,
            dialect: Dialect::default(),
            special_use: false,
            private: Vec::new(),
            credentials_file: None,
        }
    }

    pub(crate) fn speaking(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// The issuer as a preset describes it, with a JWK Set that is at hand and never fetched: for tests of your own.
    #[must_use]
    pub fn with_static_keys(self, jwks: impl Into<String>) -> Self {
        Self { source: KeySource::Static { document: jwks.into() }, ..self }
    }

    /// Where the discovery document is, when that is not below the name: an issuer with a public and an internal
    /// address. The name that the document gives must still be this issuer's. Does nothing for static keys.
    #[must_use]
    pub fn metadata_url(mut self, url: impl Into<String>) -> Self {
        if let KeySource::Discovery { metadata, .. } = &mut self.source {
            *metadata = Some(url.into());
        }
        self
    }

    /// Where the keys are, whatever the discovery document names: an API server of Kubernetes names an address of the node, which
    /// pods know by another. The document is still read, and must name this issuer. Does nothing for static keys.
    #[must_use]
    pub fn jwks_url(mut self, url: impl Into<String>) -> Self {
        if let KeySource::Discovery { keys, .. } = &mut self.source {
            *keys = Some(url.into());
        }
        self
    }

    /// Shows the token in this file (RFC 6750 §2.1) with each fetch of the discovery document and the keys, for an issuer that tells
    /// them only to who it knows: a Kubernetes API server, with the pod's
    /// `/var/run/secrets/kubernetes.io/serviceaccount/token`. The file is read anew for each fetch. The token goes to the
    /// origins of the configured addresses only (the name or [`Issuer::metadata_url`], and [`Issuer::jwks_url`]), whatever the document
    /// names. Default: none.
    #[must_use]
    pub fn credentials_file(self, path: impl Into<PathBuf>) -> Self {
        Self { credentials_file: Some(path.into().into()), ..self }
    }

    /// Lets the addresses of a configured host name be loopback, private or link-local ones. Not needed when the
    /// configured URL names such an address itself. A host that only the discovery document brings up never leads there: name its
    /// network with [`Issuer::allow_private`]. Default: not allowed.
    #[must_use]
    pub fn allow_special_use_addresses(self) -> Self {
        Self { special_use: true, ..self }
    }

    /// Lets fetches connect to these networks (`10.20.0.0/16`, or one address) and to no other address of special use: narrower
    /// than [`Issuer::allow_special_use_addresses`], and also for what only the discovery document names. For the default
    /// transport; one of your own decides for itself, gambeson-client's by `ClientBuilder::allow_private`.
    #[must_use]
    pub fn allow_private<T: Into<String>>(mut self, networks: impl IntoIterator<Item = T>) -> Self {
        self.private.extend(networks.into_iter().map(Into::into));
        self
    }

    /// What was wrong with the words that it was made of; every build tells it.
    pub(crate) fn mistaken(mut self, field: &'static str, value: &str, cure: &'static str) -> Self {
        self.dialect.mistakes.push((field, value.to_owned(), cure));
        self
    }

    /// The networks that fetches may connect to although they are of special use.
    #[cfg(feature = "client")]
    pub(crate) fn private(&self) -> &[String] {
        &self.private
    }

    /// The house's own client, for who was given no other transport.
    #[cfg(feature = "client")]
    pub(crate) fn client(&self) -> Result<Arc<dyn HttpTransport>, ConfigError> {
        let builder = gambeson_client::Client::builder().proxy_from_env().allow_private(&self.private);
        Ok(Arc::new(builder.build()?))
    }

    /// A rule that tokens must keep beside the standard ones. Rules add up; all must hold.
    #[must_use]
    pub fn require(mut self, rule: ClaimRule) -> Self {
        self.dialect.rules.push(rule);
        self
    }

    /// The claim of access tokens that says for whom they are, for issuers whose tokens have no `aud`. Default `aud`; ID
    /// tokens always have that.
    #[must_use]
    pub fn audience_claim(mut self, name: impl Into<String>) -> Self {
        self.dialect.audience_claim = name.into().into();
        self
    }

    /// Callers are services where this rule holds. Without one, a caller is a service whose subject is its own client.
    #[must_use]
    pub fn services_are(mut self, rule: ClaimRule) -> Self {
        self.dialect.service_marks.push(rule);
        self
    }

    /// The name has a placeholder in braces for the tenant: the claim `claim` says which, and these are let in. The
    /// discovery document must name the placeholder too; give its address as [`Issuer::metadata_url`].
    #[must_use]
    pub fn tenants<T: Into<Box<str>>>(
        mut self,
        claim: impl Into<Box<str>>,
        allowed: impl IntoIterator<Item = T>,
    ) -> Self {
        let allowed = allowed.into_iter().map(Into::into).collect();
        self.dialect.tenants = Tenants::new(&self.name, claim.into(), Some(allowed));
        if self.dialect.tenants.is_none() {
            let cure = "give the tenant's place in the name as one placeholder, such as {tenantid}";
            self.dialect.mistakes.push(("issuer", self.name.to_string(), cure));
        }
        self
    }

    /// The exact name; with a placeholder, for an issuer of several tenants.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The addresses that fetches may lead to where they are of special use.
    pub(crate) fn inside(&self) -> Inside {
        let (metadata, keys) = match &self.source {
            KeySource::Discovery { metadata, keys } => (metadata.as_deref(), keys.as_deref()),
            KeySource::Static { .. } => (None, None),
        };
        let configured = [Some(&*self.name), metadata, keys];
        let hosts = configured.into_iter().flatten().filter_map(host);
        Inside {
            hosts: hosts.filter(|host| self.special_use || is_special(host)).collect(),
            all: self.special_use,
        }
    }

    pub(crate) fn validate(&self, profile: Profile, problems: &mut ConfigProblems) {
        for (field, value, cure) in &self.dialect.mistakes {
            problems.add(*field, value, *cure);
        }
        check_url("issuer", &self.name, profile, problems);
        if self.name.contains('?') {
            problems.add("issuer", &*self.name, "leave out the query (OpenID Connect Discovery 1.0 §3)");
        }
        if let KeySource::Discovery { metadata, keys } = &self.source {
            for (field, url) in [("issuer.metadata_url", metadata), ("issuer.jwks_url", keys)] {
                url.iter().for_each(|url| check_url(field, url, profile, problems));
            }
        }
    }
}

/// Which hosts may have addresses of special use: of the configured ones those that were allowed to, or whose name is such an
/// address.
#[derive(Debug, Clone)]
pub(crate) struct Inside {
    hosts: Vec<String>,
    /// Whether any configured host may.
    all: bool,
}

impl Inside {
    /// For an address that the issuer's documents may have named. Loopback has many names.
    pub(crate) fn allows(&self, url: &str) -> bool {
        let same = |host: &str, known: &str| host == known || is_loopback(host) && is_loopback(known);
        host(url).is_some_and(|host| self.hosts.iter().any(|known| same(&host, known)))
    }

    /// For an address that is configured beside the issuer's.
    pub(crate) fn allows_configured(&self, url: &str) -> bool {
        self.all || host(url).is_some_and(|host| is_special(&host))
    }
}

fn check_url(field: &str, url: &str, profile: Profile, problems: &mut ConfigProblems) {
    if let Err(cure) = acceptable(url, profile) {
        problems.add(field, url, cure);
    }
}

/// Whether a URL of an issuer may be used: https; plain http only to loopback and only in development.
pub(crate) fn acceptable(url: &str, profile: Profile) -> Result<Uri, &'static str> {
    let uri: Uri = url.parse().map_err(|_| "give a whole URL, such as https://id.example.com")?;
    let host = host(url).ok_or("give a whole URL, such as https://id.example.com")?;
    if url.contains('#') || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("leave out fragment and user name");
    }
    match uri.scheme_str() {
        Some("https") if profile.is_production() && is_loopback(&host) => {
            Err("production refuses an issuer on loopback: configure the real one")
        }
        Some("https") => Ok(uri),
        Some("http") if profile.is_production() => {
            Err("use https; plain http is for loopback with GAMBESON_PROFILE=development")
        }
        Some("http") if is_loopback(&host) => Ok(uri),
        Some("http") => Err("use https; plain http is for loopback addresses only"),
        _ => Err("use https"),
    }
}

fn host(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    uri.scheme()?;
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

fn is_special(host: &str) -> bool {
    match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(v4)) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        Ok(IpAddr::V6(v6)) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
        Err(_) => is_loopback(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_asks_for_https() {
        let production = |url| acceptable(url, Profile::Production).is_ok();
        assert!(production("https://id.example.com"));
        assert!(production("https://id.example.com/realms/a/"));
        for bad in [
            "http://id.example.com",
            "http://127.0.0.1:3001",
            "https://127.0.0.1",
            "https://localhost:1",
            "id.example.com",
            "",
            "https://",
            "https://a@b.example",
            "https://b.example/#f",
            "ftp://b.example",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
        ] {
            assert!(!production(bad), "{bad}");
        }
    }

    #[test]
    fn development_takes_plain_http_on_loopback_only() {
        let development = |url| acceptable(url, Profile::Development).is_ok();
        assert!(development("http://127.0.0.1:3001") && development("http://localhost:3001"));
        assert!(development("http://[::1]:3001") && development("https://id.example.com"));
        assert!(!development("http://192.168.0.1") && !development("http://id.example.com"));
    }

    #[test]
    fn special_addresses_only_where_configured() {
        let own = |issuer: Issuer, url: &str| issuer.inside().allows(url);
        let public = || Issuer::discover("https://id.example.com");
        assert!(own(Issuer::discover("http://127.0.0.1:3001"), "http://localhost:3001/jwks"));
        assert!(own(Issuer::discover("https://10.1.2.3"), "https://10.1.2.3/jwks"));
        assert!(!own(public(), "https://id.example.com/jwks"));
        assert!(own(public().allow_special_use_addresses(), "https://ID.example.com:8443/jwks"));
        assert!(own(public().metadata_url("https://10.0.0.1/x"), "https://10.0.0.1/jwks"));
        assert!(own(public().jwks_url("https://10.0.0.1/x"), "https://10.0.0.1/x"));
        for (issuer, elsewhere) in [
            (Issuer::discover("https://10.1.2.3"), "https://10.1.2.4/jwks"),
            (Issuer::discover("https://10.1.2.3"), "http://169.254.169.254/jwks"),
            (Issuer::discover("http://127.0.0.1:3001"), "https://10.1.2.3/jwks"),
            (public().allow_special_use_addresses(), "https://keys.example.com/jwks"),
            (public().metadata_url("https://10.0.0.1/x"), "https://id.example.com/jwks"),
            (Issuer::kubernetes("https://kubernetes.default.svc"), "https://172.18.0.2:6443/openid/v1/jwks"),
        ] {
            assert!(!own(issuer, elsewhere), "{elsewhere}");
        }
    }
}
