//! Providers whose tokens differ from what RFC 9068 asks for: each is data for [`Issuer`], no case in the verifier.
//!
//! The shapes are those of the providers' own documentation; the tests' fixtures name the page.

use crate::claim_rule::ClaimRule;
use crate::dialect::Dialect;
use crate::issuer::Issuer;
use crate::policy::ClaimNames;
use crate::tenants::Tenants;

const ENTRA: &str = "https://login.microsoftonline.com";
const TEMPLATE: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// Presets. What a preset says of claims and profile can be said otherwise at the builder.
impl Issuer {
    /// Okta with a custom authorization server, for example `default`: `https://{domain}/oauth2/{server}`. The tokens of
    /// the org authorization server are not for your API and can't be verified.
    ///
    /// Scopes are read from `scp`, the client from `cid`, groups from `groups` (add that claim to the server).
    #[must_use]
    pub fn okta(domain: &str, server: &str) -> Self {
        let names = ClaimNames::default().scope("scp").client("cid");
        // ID tokens have no `cid`.
        let dialect = Dialect::lenient(names).rules([ClaimRule::present("cid").of_access_tokens()]).mistaken(
            server.is_empty() || server.contains('/'),
            server,
            "name the authorization server, such as default",
        );
        Self::discover(format!("https://{}/oauth2/{server}", host(domain))).speaking(dialect)
    }

    /// Microsoft Entra ID, one tenant, by its id (not its domain): tokens of version 2.0, with the application's id as
    /// audience.
    ///
    /// Scopes are read from `scp`, roles from `roles`, the client from `azp`, the organisation from `tid`. Callers with more
    /// than 200 groups have no `groups` claim: give app roles instead. A service is known by `idtyp` (an optional claim: add
    /// it to the registration).
    #[must_use]
    pub fn entra(tenant: &str) -> Self {
        let dialect = entra_dialect().rules([ClaimRule::equals("tid", tenant)]).mistaken(
            !is_id(tenant),
            tenant,
            "give the tenant's id (a GUID): its domain is not what tokens have",
        );
        Self::discover(format!("{ENTRA}/{tenant}/v2.0")).speaking(dialect)
    }

    /// Microsoft Entra ID, these tenants by their ids: an app for several organisations. `iss` and `tid` of a token must name
    /// the same tenant, and one of these; a key that is published for one tenant signs for no other.
    #[must_use]
    pub fn entra_tenants<T: Into<Box<str>>>(tenants: impl IntoIterator<Item = T>) -> Self {
        entra_shared(Some(tenants.into_iter().map(Into::into).collect()))
    }

    /// Microsoft Entra ID, whatever the tenant: everybody with a work, school or private account of theirs. Who may come in
    /// is then all the app's to say, by [`Principal::tenant`](gambeson_core::Principal::tenant). One warning is logged.
    #[must_use]
    pub fn dangerously_entra_any_tenant() -> Self {
        entra_shared(None)
    }

    /// Google, people of this Workspace domain only: `hd` must be the domain to the letter, and the address verified. A
    /// private account with an address of the domain has no `hd`. Google's access tokens are not JWTs: this is for the log-in,
    /// and for ID tokens that clients send as bearer tokens: their marks (`at_hash`, `c_hash`) are no reason to refuse them here. A log-in
    /// asks for the scope `email` as well, without which there is no `email_verified`.
    #[must_use]
    pub fn google_workspace(domain: &str) -> Self {
        let names = ClaimNames::default().tenant("hd").client("azp");
        let mut dialect = Dialect::lenient(names)
            .rules([ClaimRule::equals("hd", domain), ClaimRule::is_true("email_verified")])
            .mistaken(
                !domain.contains('.') || domain.contains(['/', '@', ':']),
                domain,
                "give the bare domain, such as example.com",
            );
        dialect.scopes = &["email"];
        dialect.takes_id_tokens = true;
        Self::discover("https://accounts.google.com").speaking(dialect)
    }

    /// Auth0, by the tenant's domain or a custom one: `https://{domain}/`, with the slash.
    ///
    /// Roles are read from `permissions` (switch on RBAC and "Add Permissions in the Access Token"), the client from `azp`, the
    /// organisation from `org_id`. ID tokens have no `permissions`: for a log-in add a claim of your own by an Action
    /// (`api.idToken.setCustomClaim`) and name it with [`LoginBuilder::claims`](crate::login::LoginBuilder::claims).
    #[must_use]
    pub fn auth0(domain: &str) -> Self {
        let names = ClaimNames::default().roles("permissions").tenant("org_id").client("azp");
        let dialect = Dialect::lenient(names).service_marks([ClaimRule::equals("gty", "client-credentials")]);
        Self::discover(format!("https://{}/", host(domain))).speaking(dialect)
    }

    /// Keycloak, a realm below this base URL: `{base}/realms/{realm}`. The audience `account`, which every token has, is
    /// refused: add an audience mapper.
    ///
    /// Roles are read from `/realm_access/roles`; those of one client are at `/resource_access/{client}/roles`. Keycloak puts neither into
    /// ID tokens unless told so: for a log-in switch on "Add to ID token" in the mapper `realm roles` of the client scope `roles`, or
    /// sessions have no roles. A service is the account of its client (`preferred_username` is `service-account-` and `azp`) without a
    /// log-in (`sid`).
    #[must_use]
    pub fn keycloak(base: &str, realm: &str) -> Self {
        let names = ClaimNames::default().roles("/realm_access/roles").client("azp");
        let mut dialect = Dialect::lenient(names)
            .rules([
                ClaimRule::one_of("typ", ["Bearer", "DPoP"]).of_access_tokens(),
                ClaimRule::equals("typ", "ID").of_id_tokens(),
            ])
            // People may choose their names, but have a log-in.
            .service_marks([
                ClaimRule::named_after("preferred_username", "service-account-", "azp").without("sid")
            ])
            .mistaken(realm.is_empty() || realm.contains('/'), realm, "name the realm");
        dialect.vague_audiences = &["account"];
        Self::discover(format!("{}/realms/{realm}", base.trim_end_matches('/'))).speaking(dialect)
    }

    /// Amazon Cognito, a user pool by its id, such as `eu-central-1_Ab129faBb`. Its access tokens have no `aud`: the audience is
    /// the app client's id, and `client_id` is compared with it. ID tokens are refused by `token_use`.
    ///
    /// Groups are read from `cognito:groups`.
    #[must_use]
    pub fn cognito(user_pool: &str) -> Self {
        let mut dialect = Dialect::lenient(ClaimNames::default().groups("cognito:groups"))
            .rules([
                ClaimRule::equals("token_use", "access").of_access_tokens(),
                ClaimRule::equals("token_use", "id").of_id_tokens(),
            ])
            .mistaken(
                !user_pool.contains('_'),
                user_pool,
                "give the pool's id, such as eu-central-1_Ab129faBb",
            );
        dialect.audience_claim = "client_id".into();
        let region = user_pool.split('_').next().unwrap_or_default();
        Self::discover(format!("https://cognito-idp.{region}.amazonaws.com/{user_pool}")).speaking(dialect)
    }

    /// Workflows of one repository (`owner/name`) in GitHub Actions. Whoever can push a workflow can get such a token: add
    /// [`Issuer::require`] on `ref`, `environment` or `job_workflow_ref`, and on `repository_id` against a name that somebody
    /// else takes over.
    ///
    /// The organisation is read from `repository_owner`, groups from `repository`; every caller is a service.
    #[must_use]
    pub fn github_actions(repository: &str) -> Self {
        let parts: Vec<&str> = repository.split('/').collect();
        let whole = matches!(parts.as_slice(), [owner, name] if !owner.is_empty() && !name.is_empty());
        let dialect = Dialect::lenient(ClaimNames::default().tenant("repository_owner").groups("repository"))
            .rules([
                ClaimRule::equals("repository", repository),
                ClaimRule::starts_with("sub", format!("repo:{repository}:")),
            ])
            .service_marks([ClaimRule::present("repository")])
            .mistaken(!whole, repository, "name owner and repository, such as octo-org/octo-repo");
        Self::discover(GITHUB).speaking(dialect)
    }

    /// Service accounts of a Kubernetes cluster, by the name its API server issues tokens under
    /// (`kubectl get --raw /.well-known/openid-configuration`). For tokens that are projected into pods with this app's
    /// audience; the old ones in secrets have no end and are refused.
    ///
    /// From inside the cluster add [`Issuer::metadata_url`] and [`Issuer::jwks_url`] with the API server's address
    /// (`https://kubernetes.default.svc/.well-known/openid-configuration` and `https://kubernetes.default.svc/openid/v1/jwks`; the
    /// document names an address of the node), [`Issuer::credentials_file`] with the pod's token, as the role
    /// `system:service-account-issuer-discovery` lets known service accounts read the keys, and the cluster's CA in `SSL_CERT_FILE`;
    /// these hosts may have addresses of special use already. The organisation is read from the namespace; restrict it with
    /// [`Issuer::require`] on `/kubernetes.io/namespace` or `sub`.
    #[must_use]
    pub fn kubernetes(issuer: &str) -> Self {
        let dialect = Dialect::lenient(ClaimNames::default().tenant("/kubernetes.io/namespace"))
            .rules([
                ClaimRule::starts_with("sub", "system:serviceaccount:"),
                ClaimRule::present("/kubernetes.io/serviceaccount/uid"),
            ])
            .service_marks([ClaimRule::present("kubernetes.io")]);
        Self::discover(issuer).speaking(dialect).allow_special_use_addresses()
    }
}

fn entra_shared(allowed: Option<Vec<Box<str>>>) -> Issuer {
    let mut dialect = entra_dialect();
    dialect.tenants = Tenants::new(TEMPLATE, "tid".into(), allowed);
    Issuer::discover(TEMPLATE)
        .metadata_url(format!("{ENTRA}/common/v2.0/.well-known/openid-configuration"))
        .speaking(dialect)
}

/// ID tokens have no `azp`, and those of version 1.0 no `ver` that is `2.0`.
fn entra_dialect() -> Dialect {
    Dialect::lenient(ClaimNames::default().scope("scp").tenant("tid").client("azp"))
        .rules([ClaimRule::equals("ver", "2.0"), ClaimRule::present("azp").of_access_tokens()])
        .service_marks([ClaimRule::equals("idtyp", "app")])
}

fn is_id(tenant: &str) -> bool {
    tenant.len() == 36 && tenant.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// A domain, also where somebody gave a URL.
fn host(domain: &str) -> &str {
    domain.trim_start_matches("https://").trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verifier::Verifier;

    /// What an access token must be, an ID token of the same provider need not be, and the other way round.
    #[test]
    fn id_tokens_have_rules_of_their_own() {
        let cognito = || Issuer::cognito("eu-central-1_Example").with_static_keys(r#"{"keys":[]}"#);
        let builder = || Verifier::builder(cognito()).audience("client");
        let rules = |verifier: &Verifier| format!("{:?}", verifier.policy().rules);
        let access = builder().build().unwrap();
        assert_eq!(&*access.policy().audience_claim, "client_id");
        assert!(rules(&access).contains("\"access\"") && !rules(&access).contains("\"id\""));
        let id = builder().for_id_tokens().build().unwrap();
        assert_eq!(&*id.policy().audience_claim, "aud", "an ID token is always for its client");
        assert!(rules(&id).contains("\"id\"") && !rules(&id).contains("\"access\""));
    }
}
