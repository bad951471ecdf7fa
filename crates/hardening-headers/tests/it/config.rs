//! The edge as one table of a configuration file.

use gambeson_core::{Access, EndpointSpec, Exempt, Profile};
use gambeson_hardening_headers::{
    Config, Cors, Csrf, Hardening, Limits, LimitsLayer, Preset, ProxiesConfig, ProxyPreset, RouteLimits,
};
use http::{Method, Request, Response, StatusCode};
use tower::{Layer, ServiceExt, service_fn};

use crate::answers::connection;

#[test]
fn all_that_is_wrong_is_listed_at_once() {
    let mut config = Config::default()
        .public_origin("app.example.com")
        .csp("script-src self")
        .cors(Cors::credentials(["*"]))
        .csrf(Csrf::new().trust(["null"]));
    config.cookies.readable = vec!["a b".into(), "__Http-a".into()];
    config.permissions_policy.insert("geo-location".into(), Vec::new());
    config.permissions_policy.insert("camera".into(), vec!["*".into(), "self".into()]);
    config.csp_add.insert("img-sorc".into(), Vec::new());
    config.csp_add.insert("form-action".into(), vec!["id.example".into()]);
    config.limits.body_rate = 0;
    config.rate.count = 0;
    let error = config.layers(Profile::Production, &[]).unwrap_err();
    let fields: Vec<&str> = error.problems().iter().map(|problem| problem.field.as_str()).collect();
    for field in [
        "proxies",
        "public-origin",
        "csp",
        "cookies.readable",
        "permissions-policy.geo-location",
        "permissions-policy.camera",
        "csp-add.img-sorc",
        "csp-add.form-action",
        "cors.origins",
        "csrf.trusted-origins",
        "limits.body-rate",
        "rate.count",
    ] {
        let field = format!("hardening-headers.{field}");
        assert!(fields.contains(&field.as_str()), "{field}: {error}");
    }
    assert_eq!(fields.len(), 13, "{error}");
}

#[test]
fn development_need_not_declare_proxies() {
    assert!(Config::default().layers(Profile::Development, &[]).is_ok());
    assert!(Config::default().layers(Profile::Production, &[]).is_err());
}

#[tokio::test]
async fn the_layers_work_together_and_spare_what_is_exempt() {
    let livez =
        EndpointSpec::new(Method::GET, "/livez", Access::Public("probe".into())).exempt(Exempt::probe());
    let mut config = Config::default()
        .preset(Preset::Strict)
        .public_origin("https://app.example.com")
        .proxies(ProxiesConfig::default().direct());
    config.csp_add.insert("form-action".into(), vec!["https://id.example".into()]);
    config.rate.burst = 1;
    let layers = config.layers(Profile::Production, &[livez]).unwrap();
    let app = service_fn(async |_: Request<_>| {
        let page = Response::builder().header("content-type", "text/html");
        Ok::<_, std::convert::Infallible>(page.body(http_body_util::Full::<bytes::Bytes>::default()).unwrap())
    });
    let app = layers.edge_limit.layer(app);
    let app = layers.peer.layer(layers.hardening.layer(layers.limits.layer(app)));
    let get = async |path: &str, host: &str| {
        let request = Request::get(path).header("host", host).extension(connection("192.0.2.7:1"));
        let body = http_body_util::Empty::<bytes::Bytes>::new();
        app.clone().oneshot(request.body(body).unwrap()).await.unwrap()
    };
    let page = get("/", "app.example.com").await;
    assert_eq!(page.status(), StatusCode::OK);
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self' https://id.example;"), "{policy}");
    assert_eq!(get("/", "app.example.com").await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(get("/livez", "192.0.2.1").await.status(), StatusCode::OK);
}

/// What is wrong with limits of these routes.
fn route_problems(routes: &[(&str, u64)]) -> Vec<String> {
    let entry = |(route, body): &(&str, u64)| {
        if *body == 0 { RouteLimits::new(*route) } else { RouteLimits::new(*route).body(*body) }
    };
    let entries: Vec<RouteLimits> = routes.iter().map(entry).collect();
    let built = LimitsLayer::with_routes(Limits::new(), &entries);
    built.err().map_or_else(Vec::new, |error| {
        error.problems().iter().map(|problem| format!("{}: {}", problem.value, problem.cure)).collect()
    })
}

#[test]
fn limits_of_routes_that_do_nothing_are_refused() {
    let found = route_problems(&[("post /upload", 7)]);
    assert!(found.len() == 1 && found[0].contains("did you mean \"POST /upload\"?"), "{found:?}");
    for twice in [["/a", "/a"], ["POST /a", "POST /a"], ["/a", "POST /a"]] {
        let found = route_problems(&twice.map(|route| (route, 7)));
        assert!(found.len() == 1 && found[0].contains("stands before it"), "{twice:?}: {found:?}");
    }
    let found = route_problems(&[("POST /a", 0)]);
    assert!(found.len() == 1 && found[0].contains("write which limit differs"), "{found:?}");
    assert!(route_problems(&[("POST /a", 7), ("GET /a", 7), ("/a", 8), ("/b", 7)]).is_empty());
}

#[test]
fn strict_transport_of_a_file_takes_subdomains_in() {
    let said = |days: Option<u32>| {
        let mut config = Config::default().public_origin("https://app.example.com");
        (config.hsts_days, config.hsts_subdomains) = (days, true);
        let edge = Hardening::from_config(&config).build();
        edge.map(|edge| edge.findings().iter().map(|finding| finding.id().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(said(Some(365)).unwrap(), ["HH030"]);
    assert_eq!(said(None).unwrap(), ["HH011", "HH030"], "the preset's day, and subdomains");
    let error = said(Some(0)).unwrap_err();
    assert_eq!(error.problems()[0].field, "hardening-headers.hsts-subdomains");
}

#[cfg(feature = "serde")]
mod file {
    use std::time::Duration;

    use gambeson_core::{Mode, Timestamp};

    use super::*;

    const EXAMPLE: &str = r#"
preset = "api"
public-origin = "https://app.example.com"
hosts = ["www.example.com"]
redirect-to-canonical = true
host-mode = "enforce"
hsts-days = 365
hsts-subdomains = true
scrub-5xx = true
variants = ["downloads", "isolated"]

[permissions-policy]
geolocation = ["self", "https://maps.example.com"]
camera = []
fullscreen = ["*"]

[cookies]
readable = ["theme"]
without-same-site = ["oidc-state"]

[csp-add]
img-src = ["https://cdn.example.com"]

[csrf]
trusted-origins = ["https://admin.example.com"]
session-cookies = ["__Host-session"]
mode = "enforce"
exempt = [{ method = "POST", path = "/hooks/payments", reason = "signed by the provider" }]

[cors]
origins = ["https://admin.example.com"]
credentials = true
methods = ["GET", "POST", "DELETE"]
max-age = "10m"

[proxies]
ranges = ["10.0.3.0/24"]
forwarded-host = true

[limits]
body = "2MiB"
body-deadline = "1m"
body-rate = "4KiB"
body-idle = "10s"
handler = "off"
stream-idle = "2m"
mode = "enforce"

[[route-limits]]
route = "POST /files/{name}"
body = "1GiB"
body-deadline = "off"
body-rate = "64KiB"
handler = "1h"

[rate]
count = 20
period = "1m"
burst = 60
v6-prefix = 56
fields = "x-rate-limit"
table = "256KiB"
"#;

    #[test]
    fn an_example_table_parses() {
        let config: Config = toml::from_str(EXAMPLE).unwrap();
        assert_eq!(config.preset, Preset::Api);
        assert_eq!(config.limits.body, Some(2 << 20));
        assert_eq!(config.cookies.without_same_site, ["oidc-state"]);
        assert_eq!(config.limits.body_deadline, Some(Duration::from_secs(60)));
        assert_eq!((config.limits.body_rate, config.limits.handler), (4 << 10, None));
        assert_eq!(config.limits.stream_idle, Some(Duration::from_secs(120)));
        let upload = config.route_limits[0].over(config.limits);
        assert_eq!((upload.body, upload.body_deadline, upload.body_rate), (Some(1 << 30), None, 64 << 10));
        assert_eq!(upload.handler, Some(Duration::from_secs(3_600)));
        assert_eq!(upload.body_idle, Some(Duration::from_secs(10)), "as for all routes");
        assert_eq!((config.rate.period_seconds, config.rate.table_bytes), (60, 256 << 10));
        assert_eq!(config.cors.as_ref().unwrap().max_age, Duration::from_secs(600));
        assert!(config.cors.as_ref().unwrap().credentials && config.proxies.forwarded_host);
        config.layers(Profile::Production, &[]).unwrap();
        let preset: Config = toml::from_str("[proxies]\npreset = \"cloud-run\"").unwrap();
        assert_eq!(preset.proxies.preset, Some(ProxyPreset::CloudRun));
        assert_eq!(toml::from_str::<Config>("").unwrap(), Config::default());
    }

    /// What a table takes, by what it says of a key that it does not know.
    fn keys(table: &str) -> Vec<String> {
        let unknown = match table {
            "hardening-headers" => "no-such-key = 1".to_owned(),
            "route-limits" | "csrf.exempt" => format!("[[{table}]]\nno-such-key = 1"),
            table => format!("[{table}]\nno-such-key = 1"),
        };
        let error = toml::from_str::<Config>(&unknown).unwrap_err();
        error.message().split('`').skip(1).step_by(2).skip(1).map(str::to_owned).collect()
    }

    #[cfg(feature = "tls")]
    #[test]
    fn the_page_lists_every_key() {
        let page = include_str!("../../src/config/mod.rs");
        let rows: Vec<Vec<&str>> = page
            .lines()
            .filter(|line| line.starts_with("/// | `"))
            .map(|line| line.split('`').skip(1).step_by(2).collect())
            .collect();
        assert_eq!(rows.len(), 13);
        for row in rows {
            assert_eq!(row[1..], keys(row[0]), "{}", row[0]);
        }
    }

    #[test]
    fn a_value_that_lacks_something_is_answered_with_an_example() {
        let said = |text: &str| toml::from_str::<Config>(text).unwrap_err().to_string();
        for text in [
            "host-mode = \"observe\"",
            "[csrf]\nmode = \"observe\"",
            "[limits]\nmode = \"observe\"",
            "[rate]\nmode = \"observe\"",
        ] {
            assert!(said(text).contains("{ observe = { until = \"2027-"), "{text}: {}", said(text));
        }
        for until in ["\"2096-02-30T00:00:00Z\"", "\"tomorrow\"", "\"1969-12-31T00:00:00Z\"", "true"] {
            let text = format!("host-mode = {{ observe = {{ until = {until} }} }}");
            assert!(said(&text).contains("such as \"2027-01-31T00:00:00Z\""), "{text}: {}", said(&text));
        }
        for text in ["[limits]\nhandler = \"30\"", "[limits]\nhandler = 30", "[rate]\nperiod = \"1\""] {
            assert!(said(text).contains("such as \"30s\""), "{text}: {}", said(text));
        }
        for until in ["4000000000000000000", "\"2096-10-02T07:06:40Z\""] {
            let text = format!("host-mode = {{ observe = {{ until = {until} }} }}");
            assert_eq!(toml::from_str::<Config>(&text).unwrap().host_mode, later(), "{until}");
            let json = format!("{{\"host-mode\":{{\"observe\":{{\"until\":{until}}}}}}}");
            assert_eq!(serde_json::from_str::<Config>(&json).unwrap().host_mode, later(), "{json}");
        }
        let enforcing: Config = toml::from_str("host-mode = \"enforce\"").unwrap();
        assert_eq!(enforcing.host_mode, Mode::Enforce);
    }

    fn later() -> Mode {
        Mode::Observe { until: Timestamp::from_unix_seconds(4_000_000_000) }
    }

    #[test]
    fn misspelt_keys_and_values_are_refused() {
        for wrong in [
            "publik-origin = \"a\"",
            "public_origin = \"a\"",
            "[csrf]\ntrusted = []",
            "[cors]\norigin = []",
            "[proxies]\nrange = []",
            "[proxies]\npreset = \"squid\"",
            "[limits]\nbody = \"1 parsec\"",
            "[limits]\nhandler = 30",
            "[limits]\nbody = -1",
            "[[route-limits]]\nroute = \"/a\"\nbody = true",
            "[[route-limits]]\npath = \"/a\"",
            "[rate]\nperiod = \"1500ms\"",
            "[rate]\nperiod-seconds = 1",
            "[rate]\nfields = \"draft-03\"",
            "preset = \"wep\"",
            "variants = [\"web\"]",
            "[cookies]\nreadible = []",
            "[[csrf.exempt]]\nmethod = \"POST\"\npath = \"/a\"",
        ] {
            assert!(toml::from_str::<Config>(wrong).is_err(), "{wrong}");
        }
    }
}
