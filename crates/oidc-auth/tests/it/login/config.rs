//! The log-in's configuration, from code and from a file.

use gambeson_core::{Profile, SecretBytes};
use gambeson_oidc_auth::login::LoginPaths;
use gambeson_oidc_auth::{Issuer, Login, SessionLifetime};

#[test]
fn all_problems_at_once_each_with_its_cure() {
    let error = Login::builder(Issuer::static_keys("http://id.example.com", "{}"), " ")
        .public_origin("http://notes.example.com/app")
        .cookie_name("__Host-session")
        .cookie_key(SecretBytes::new(&b"short"[..]))
        .paths(LoginPaths::default().login("login").logout("/login/callback"))
        .lifetime(SessionLifetime::default().idle(std::time::Duration::from_secs(1)))
        .scopes(["a b"])
        .authorization_parameter("hd", "example.com")
        .authorization_parameter("state", "mine")
        .form_action(["https://login.example.com/path"])
        .acr_values(["gold silver"])
        .build()
        .unwrap_err();
    let fields: Vec<&str> = error.problems().iter().map(|problem| &*problem.field).collect();
    for field in [
        "issuer",
        "login.issuer",
        "login.client-id",
        "login.public-origin",
        "login.cookie-name",
        "login.cookie-key",
        "login.paths.login",
        "login.paths.logout",
        "login.idle",
        "login.scopes",
        "login.authorization-parameters.state",
        "login.form-action",
        "login.acr-values",
    ] {
        assert!(fields.contains(&field), "{field}: {fields:?}");
    }
    assert!(!fields.contains(&"login.authorization-parameters.hd"), "{fields:?}");
    assert!(error.problems().iter().all(|problem| !problem.cure.is_empty()));
}

#[test]
fn a_client_that_is_known_by_its_certificate_needs_a_transport_that_shows_one() {
    let builder = Login::builder(Issuer::discover("https://id.example.com"), "notes");
    let error = builder.public_origin("https://notes.example.com").tls_client_auth().build().unwrap_err();
    assert_eq!(&*error.problems()[0].field, "login.certificate", "{error}");
}

#[test]
fn production_takes_neither_plain_http_nor_loopback() {
    let build = |issuer: &'static str, origin: &str, profile| {
        Login::builder(Issuer::discover(issuer), "notes")
            .public_origin(origin)
            .run_in(profile)
            .build()
            .is_ok()
    };
    assert!(build("https://id.example.com", "https://notes.example.com", Profile::Production));
    assert!(!build("https://id.example.com", "http://127.0.0.1:3000", Profile::Production));
    assert!(!build("http://127.0.0.1:3001", "https://notes.example.com", Profile::Production));
    assert!(build("http://127.0.0.1:3001", "http://127.0.0.1:3000", Profile::Development));
    assert!(!build("http://127.0.0.1:3001", "http://notes.example.com", Profile::Development));
}

#[cfg(feature = "serde")]
mod file {
    use gambeson_core::{BoxFuture, SecretError, SecretRef, SecretResolver};
    use gambeson_oidc_auth::login::LoginBuilder;
    use gambeson_oidc_auth::{Config, Denial, TokenProfile};

    use super::*;

    const FILE: &str = r#"
        issuer = "https://id.example.com"
        audience = ["notes", "notes-old"]
        token-profile = "jwt-lenient"
        leeway = "10s"
        claims.roles = "/realm_access/roles"
        keys.max-stale = "2h"
        cache.ttl = "0s"

        [login]
        client-id = "notes-web"
        client-secret = "env://OIDC_CLIENT_SECRET"
        public-origin = "https://notes.example.com"
        idle = "15m"
        absolute = "4h"
        userinfo = true
        paths.login = "/sign-in"
    "#;

    #[derive(Debug)]
    struct Resolver;

    impl SecretResolver for Resolver {
        fn resolve(&self, _: &SecretRef) -> BoxFuture<Result<SecretBytes, SecretError>> {
            Box::pin(async { Ok(SecretBytes::new(&b"secret"[..])) })
        }
    }

    #[test]
    fn a_table_becomes_both_parts() {
        let config: Config = toml::from_str(FILE).unwrap();
        assert_eq!(config.token_profile, Some(TokenProfile::JwtLenient));
        let resolver = || Some(std::sync::Arc::new(Resolver) as std::sync::Arc<dyn SecretResolver>);
        let asks = |login: LoginBuilder| {
            assert!(format!("{login:?}").contains("userinfo: true"));
            login
        };
        let built = config.build(|verifier| verifier, asks, resolver()).unwrap();
        assert_eq!(built.verifier.unwrap().issuer(), "https://id.example.com");
        assert_eq!(built.login.unwrap().paths().login, "/sign-in");
        let error = config.build(|verifier| verifier, |login| login, None).unwrap_err();
        assert!(error.to_string().contains("login.client-secret = env://OIDC_CLIENT_SECRET"), "{error}");
        let one: Config = toml::from_str("issuer = \"https://i.example\"\naudience = \"api\"").unwrap();
        assert_eq!((one.audience, one.login.is_some()), (vec!["api".to_owned()], false));
    }

    #[test]
    fn a_client_proves_itself_as_the_table_says() {
        let of = |more: &str| {
            let text = format!(
                "issuer = 'https://id.example.com'\n[login]\nclient-id = 'w'\npublic-origin = 'https://n.example.com'\n{more}"
            );
            let config: Config = toml::from_str(&text).unwrap();
            let mut shown = String::new();
            let show = |login: LoginBuilder| {
                shown = format!("{login:?}");
                login
            };
            let resolver = Some(std::sync::Arc::new(Resolver) as std::sync::Arc<dyn SecretResolver>);
            let problems = match config.build(|verifier| verifier, show, resolver) {
                Ok(_) => String::new(),
                Err(error) => {
                    let fields: Vec<_> =
                        error.problems().iter().map(|problem| problem.field.clone()).collect();
                    fields.join(" ")
                }
            };
            (shown, problems)
        };
        for (more, method) in [
            ("", "Public"),
            ("client-secret = 'env://S'", "AsMetadataSays"),
            ("client-auth = 'secret-basic'\nclient-secret = 'env://S'", "Header"),
            ("client-auth = 'secret-post'\nclient-secret = 'env://S'", "Form"),
            ("client-auth = 'private-key-jwt'\nprivate-key = 'env://K'\nalgorithm = 'RS256'", "Rs256"),
            ("client-auth = 'tls'\ncertificate = 'env://C'\nprivate-key = 'env://K'", "Tls(Some"),
        ] {
            let (shown, problems) = of(more);
            assert!(shown.contains(method), "{more}: {shown}");
            let has_client = cfg!(feature = "client");
            assert!(problems.is_empty() || !has_client, "{more}: {problems}");
        }
        for (more, fields) in [
            ("client-auth = 'secret-post'", "login.client-secret"),
            ("client-auth = 'private-key-jwt'", "login.private-key"),
            ("client-auth = 'tls'", "login.certificate"),
            ("client-auth = 'tls'\ncertificate = 'env://C'", "login.private-key"),
            ("key-id = 'k'\ncertificate = 'env://C'", "login.certificate login.key-id"),
        ] {
            assert_eq!(of(more).1, fields, "{more}");
        }
    }

    #[test]
    fn with_a_denylist_logging_out_ends_api_tokens() {
        let of = |more: &str| {
            let text = format!(
                "issuer = \"https://id.example.com\"\naudience = \"api\"\n[login]\nclient-id = \"w\"\n\
                 public-origin = \"https://n.example.com\"\nsessionless-tokens = \"keep\"\n{more}"
            );
            let config: Config = toml::from_str(&text).unwrap();
            config.build(|verifier| verifier, |login| login, None).unwrap()
        };
        let built = of("[denylist]");
        built.denylist.unwrap().deny(&Denial::token("https://id.example.com", "x"));
        assert_eq!(built.login.unwrap().denylist().unwrap().len(), 1, "one list");
        assert_eq!(built.verifier.unwrap().denylists().next().unwrap().len(), 1);
        assert!(of("").login.unwrap().denylist().is_none());
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        for (wrong, named) in [
            ("isuer = \"x\"", "isuer"),
            ("[login]\nclient_id = \"x\"", "client_id"),
            ("[login.paths]\nlog-in = \"/x\"", "log-in"),
            ("[claims]\nrole = \"x\"", "role"),
            ("[keys]\ncooldown-s = 1", "cooldown-s"),
            ("[login]\nclient-secret = \"hunter2\"", "secret reference"),
        ] {
            let error = toml::from_str::<Config>(wrong).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
            assert!(!error.contains("hunter2") || wrong.contains("hunter2"));
        }
    }

    #[test]
    fn an_empty_table_says_all_that_is_missing_once() {
        let config: Config = toml::from_str("[login]").unwrap();
        let error = config.build(|verifier| verifier, |login| login, None).unwrap_err();
        let fields: Vec<&str> = error.problems().iter().map(|problem| &*problem.field).collect();
        assert_eq!(fields.iter().filter(|field| **field == "issuer").count(), 1, "{fields:?}");
        assert!(fields.contains(&"login.client-id") && fields.contains(&"login.public-origin"), "{fields:?}");
        let error = Config::default().build(|verifier| verifier, |login| login, None).unwrap_err();
        assert!(error.to_string().contains("audience"), "{error}");
    }
}
