//! Every id of the check, each with a sample that fails and what is said about it.

use std::time::Duration;

use gambeson_core::{Access, ConfigError, EndpointSpec, Exempt, Mode, Profile, Scheme, Timestamp};
use gambeson_hardening_headers::check::{self, Finding, Level, Severity};
use gambeson_hardening_headers::{
    Config, Cookies, Cors, Csp, Csrf, Directive, EdgeLimitLayer, EdgeRate, Hardening, Hsts, Limits,
    LimitsLayer, PermissionsPolicy, ProxiesConfig, ReferrerPolicy, Source, TrustedProxies,
};
use http::Method;

use crate::answers::{answer, page, request};
use crate::logs::{self, Lines};

/// Something that one rule is about.
enum Sample {
    /// An edge; its findings, or its errors.
    Edge(Hardening),
    /// All layers.
    Layers(Config),
    /// An error of something else.
    Error(ConfigError),
    /// Said while the app runs, by what this test logs.
    Said(fn(&Lines)),
    /// What the scan says of an answer.
    Scanned(Vec<String>),
}

use Sample::{Edge, Error, Layers, Said, Scanned};

fn web() -> Hardening {
    Hardening::web().public_origin("https://app.example.com")
}

fn csp(change: impl FnOnce(Csp) -> Csp) -> Sample {
    Edge(web().csp(change(Csp::web())))
}

fn cors(cors: Cors) -> Sample {
    Edge(web().cors(cors))
}

fn csrf(csrf: Csrf) -> Sample {
    Edge(web().csrf(csrf))
}

fn whole() -> Config {
    Config::default().public_origin("https://app.example.com").proxies(ProxiesConfig::default().direct())
}

fn layers(change: impl FnOnce(&mut Config)) -> Sample {
    let mut config = whole();
    change(&mut config);
    Layers(config)
}

fn proxies(change: impl FnOnce(&mut ProxiesConfig)) -> Sample {
    let mut config = ProxiesConfig::default();
    change(&mut config);
    Error(TrustedProxies::from_config(&config).unwrap_err())
}

fn changed(mut cors: Cors, change: impl FnOnce(&mut Cors)) -> Cors {
    change(&mut cors);
    cors
}

fn later() -> Mode {
    Mode::Observe { until: Timestamp::from_unix_seconds(4_000_000_000) }
}

fn unexempt() -> Hardening {
    let endpoint = EndpointSpec::new(Method::GET, "/a/{id}", Access::Public("any".into()));
    web().exempt(&[endpoint.exempt(Exempt::probe())])
}

/// Id, sample, and a part of what is said.
fn samples() -> Vec<(&'static str, Sample, &'static str)> {
    let mut all = edge_samples();
    all.extend(policy_samples());
    all.extend(site_samples());
    all.extend(around_samples());
    all.extend(traffic_samples());
    all.extend(crate::scan::samples().into_iter().map(|(id, said, part)| (id, Scanned(said), part)));
    all
}

fn edge_samples() -> Vec<(&'static str, Sample, &'static str)> {
    vec![
        ("HH001", Edge(Hardening::web().public_origin("app.example.com")), "scheme, host"),
        ("HH002", Edge(Hardening::web().public_origin("http://app.example.com")), "write https"),
        ("HH003", Edge(web().hosts(["*.example.com"])), "no wildcard"),
        ("HH004", Edge(Hardening::web()), "every host name is answered"),
        ("HH005", Edge(web().host_mode(later())), "host-mode = observe until 2096"),
        ("HH006", Edge(Hardening::web().redirect_to_canonical()), "public-origin"),
        ("HH007", Edge(unexempt()), "path without parameters"),
        ("HH008", Edge(web().named("a", |set| set).named("a", |set| set)), "name of its own"),
        ("HH009", Edge(web().scrub_5xx(false)), "bodies of 5xx"),
        ("HH010", Edge(web().hsts(Hsts::days(30).dangerously_preload())), "at least a year"),
        ("HH011", Edge(web()), "hsts-days = max-age=86400"),
        ("HH012", Edge(web().hsts(None)), "never promised"),
        ("HH013", Edge(web().hsts(Hsts::days(365))), "subdomains"),
        ("HH014", Edge(web().hsts(Hsts::days(731))), "hsts-days = max-age=63158400"),
        ("HH110", Edge(web().silence("HH999", "because")), "no finding has this id"),
        ("HH111", Edge(web().silence("HH063", "none uses it")), "silence.HH063 = none uses it"),
    ]
}

fn policy_samples() -> Vec<(&'static str, Sample, &'static str)> {
    let scripts = |sources: &[&str]| {
        let sources: Vec<Source> = sources.iter().map(|text| Source::parse(text).unwrap()).collect();
        csp(|csp| csp.script_src(sources))
    };
    let set = |change: fn(gambeson_hardening_headers::HeaderSet) -> gambeson_hardening_headers::HeaderSet| {
        Edge(web().headers(change))
    };
    let frames = Csp::empty().set(Directive::DefaultSrc, []).set(Directive::BaseUri, []);
    vec![
        ("HH020", Layers(whole().csp("script-src self")), "keywords stand in single quotes"),
        ("HH021", scripts(&["'self'", "'unsafe-inline'"]), "csp: script-src = 'unsafe-inline'"),
        ("HH022", scripts(&["'nonce-{nonce}'", "'unsafe-eval'"]), "script-src = 'unsafe-eval'"),
        ("HH023", scripts(&["https:"]), "script-src = https:"),
        ("HH024", Edge(web().csp(Csp::empty().frame_ancestors([]))), "neither script-src nor default-src"),
        ("HH025", csp(|csp| csp.set(Directive::ObjectSrc, [Source::SELF])), "object-src = 'self'"),
        ("HH026", Edge(web().csp(Csp::empty().set(Directive::DefaultSrc, []))), "base-uri 'none'"),
        ("HH027", scripts(&["'strict-dynamic'"]), "no script runs"),
        ("HH028", scripts(&["https://accounts.google.com"]), "script-src = https://accounts.google.com"),
        ("HH029", Edge(web().csp(frames)), "every page may frame"),
        ("HH030", Edge(web()), "reported nowhere"),
        ("HH031", scripts(&["http://cdn.example.com"]), "script-src = http://cdn.example.com"),
        (
            "HH040",
            Edge(web().headers(|set| set.permissions_policy(PermissionsPolicy::empty()))),
            "no powerful feature",
        ),
        ("HH041", set(|set| set.opener_policy(None)), "share their window"),
        ("HH042", set(|set| set.resource_policy(None)), "embedded by every page"),
        ("HH043", set(|set| set.isolated().resource_policy(None)), "embed only what says"),
        ("HH044", Edge(quiet_over_http()), "referrer-policy = http://app.example.com"),
        ("HH045", layers(|told| drop(told.permissions_policy.insert("camrea".into(), vec![]))), "camera"),
    ]
}

fn off_and_told() -> Csrf {
    Csrf::dangerously_off().trust(["https://a.example"]).exempt("POST", "/hook", "signed")
}

fn quiet_over_http() -> Hardening {
    let edge = Hardening::web().run_in(Profile::Development).public_origin("http://app.example.com");
    edge.headers(|set| set.referrer_policy(ReferrerPolicy::NoReferrer))
}

fn site_samples() -> Vec<(&'static str, Sample, &'static str)> {
    let credentials = |origin: &str| Cors::credentials([origin]);
    let good = || credentials("https://a.example");
    vec![
        ("HH050", cors(credentials("null")), "every page can have this origin"),
        ("HH051", cors(changed(Cors::public(), |cors| cors.credentials = true)), "never goes with cookies"),
        ("HH052", cors(credentials("http://a.example")), "write https"),
        ("HH053", cors(credentials("http://a.example").dangerously_http()), "can speak for them"),
        ("HH054", cors(good().dangerously_null()), "takes the origin null"),
        ("HH055", cors(credentials("https://localhost:3000")), "cors.origins = https://localhost:3000"),
        ("HH056", cors(changed(good(), |cors| cors.methods = vec!["*".into()])), "no wildcard"),
        ("HH057", cors(good().max_age(Duration::from_secs(90_000))), "at most a day"),
        ("HH060", csrf(Csrf::new().trust(["null"])), "no patterns"),
        ("HH061", csrf(Csrf::new().trust(["http://a.example"])), "over http anybody"),
        ("HH062", csrf(Csrf::new().trust(["http://a.example"]).dangerously_http()), "trusts http origins"),
        ("HH063", csrf(Csrf::dangerously_off()), "pages of every site"),
        ("HH064", csrf(Csrf::new().mode(later())), "csrf.mode = observe until 2096"),
        ("HH065", csrf(Csrf::new().session_cookies(["a b"])), "name of a cookie"),
        ("HH066", csrf(Csrf::new().exempt("POST", "/hook", " ")), "write the reason"),
        ("HH067", Edge(web().cookies(Cookies::new().readable(["a b"]))), "a cookie's name"),
        ("HH068", Edge(web().cookies(Cookies::dangerously_off())), "as the app writes them"),
        ("HH069", Edge(web().cookies(Cookies::new().without_same_site([""]))), "a cookie's name"),
        ("HH070", csrf(off_and_told()), "dangerously-off = true beside trusted-origins, exempt"),
    ]
}

fn around_samples() -> Vec<(&'static str, Sample, &'static str)> {
    let nothing = Limits::new().body_rate(0);
    vec![
        ("HH080", Layers(Config::default()), "declare the proxies in front"),
        ("HH081", Error(TrustedProxies::ranges(["nginx"]).unwrap_err()), "names are not looked up"),
        ("HH082", Error(TrustedProxies::ranges(["0.0.0.0/0"]).unwrap_err()), "trusts strangers"),
        ("HH083", proxies(|told| (told.direct, told.hops) = (true, Some(1))), "one of direct"),
        ("HH084", proxies(|told| told.hops = Some(200)), "at most 32"),
        ("HH085", proxies(|told| (told.direct, told.client_certificate) = (true, true)), "by ranges"),
        ("HH086", Error(TrustedProxies::fly().forwarded_host().check().unwrap_err()), "passes on"),
        ("HH087", Said(logs::old_networks), "over a year old"),
        ("HH090", Error(LimitsLayer::new(nothing).unwrap_err()), "1 byte a second"),
        ("HH091", layers(|told| told.limits.body = None), "limits.body = off"),
        ("HH092", layers(|told| told.limits.body_deadline = None), "limits.body-deadline = off"),
        ("HH093", layers(|told| told.limits.handler = None), "limits.handler = off"),
        ("HH094", layers(|told| told.limits.mode = later()), "limits.mode = observe until 2096"),
        (
            "HH095",
            layers(|told| told.limits.body_idle = Some(Duration::from_secs(31))),
            "limits.body-idle = 31s, and handler = 30s",
        ),
        ("HH100", Error(EdgeLimitLayer::new(EdgeRate::per_second(0)).unwrap_err()), "100,000 a second"),
        ("HH102", layers(|told| told.rate_off = true), "limiter is off"),
        ("HH103", layers(|told| told.rate.v6_prefix = 65), "v6-prefix = 65]"),
        ("HH104", layers(|told| told.rate.mode = later()), "more than 90 days from now"),
        ("HH105", layers(|told| (told.rate_off, told.rate.count) = (true, 5)), "rate-off = true beside rate"),
    ]
}

fn traffic_samples() -> Vec<(&'static str, Sample, &'static str)> {
    vec![
        ("HH120", Said(logs::two_policies), "only what both allow"),
        ("HH121", Said(logs::open_policy), "does not name the nonce"),
        ("HH122", Said(logs::open_policy), "shared caches"),
        ("HH123", Said(logs::open_policy), "asks for frame ancestors"),
        ("HH124", Said(logs::open_policy), "every page can frame it"),
        ("HH125", Said(logs::unknown_variant), "nobody made"),
        ("HH126", Said(logs::undeclared_proxy), "is not a declared proxy"),
        ("HH127", Said(logs::no_address), "no neighbour address"),
    ]
}

/// What is said about a sample, errors and findings alike, each with its id at the front.
fn said(sample: Sample) -> Vec<String> {
    let error = |error: ConfigError| error.problems().iter().map(|problem| problem.cure.clone()).collect();
    let found = |found: &[Finding]| found.iter().map(ToString::to_string).collect::<Vec<_>>();
    match sample {
        Edge(edge) => edge.build().map_or_else(error, |edge| found(edge.findings())),
        Layers(config) => {
            config.layers(Profile::Production, &[]).map_or_else(error, |layers| found(layers.findings()))
        }
        Error(refused) => error(refused),
        Scanned(said) => said,
        Said(told) => {
            let lines = Lines::default();
            told(&lines);
            lines.with("").into_iter().map(|line| logs::id_first(&line)).collect()
        }
    }
}

#[test]
fn every_id_has_a_sample_and_says_what_is_wrong() {
    let samples = samples();
    let ids: Vec<&str> = samples.iter().map(|(id, _, _)| *id).collect();
    for rule in check::rules() {
        assert!(ids.contains(&rule.id()), "{rule} has no sample: {}", rule.what());
    }
    for (id, sample, part) in samples {
        let rule = check::rule(id).unwrap_or_else(|| panic!("{id} is no rule"));
        let said = said(sample);
        let front = format!("{id} (ASVS {})", rule.asvs());
        let told = said.iter().any(|line| line.starts_with(&front) && line.contains(part));
        assert!(told, "{id} is not said with {part:?}: {said:#?}");
    }
}

#[test]
fn ids_are_unique_and_in_order() {
    let ids: Vec<&str> = check::rules().iter().map(|rule| rule.id()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
}

/// The page of the module is what people read; it may not tell of another table.
#[test]
fn the_page_lists_every_rule() {
    let page = include_str!("../../src/check/mod.rs");
    let rows: Vec<String> = check::rules()
        .iter()
        .map(|rule| {
            let (id, severity, asvs, level) = (rule.id(), rule.severity(), rule.asvs(), rule.level());
            format!("//! | {id} | {severity} | {asvs} {level} | {} | {} |", rule.what(), rule.cure())
        })
        .collect();
    let listed: Vec<&str> = page.lines().filter(|line| line.starts_with("//! | HH")).collect();
    for (number, row) in rows.iter().enumerate() {
        assert_eq!(listed.get(number), Some(&row.as_str()), "write the rows of the page anew");
    }
    assert_eq!(listed.len(), rows.len());
}

/// The levels of the requirements of OWASP ASVS 5.0.0, by section in the order of their numbers; sections that a rule names.
const ASVS: [(&str, &str); 15] = [
    ("2.4", "23"),
    ("3.1", "3"),
    ("3.3", "12223"),
    ("3.4", "11222233"),
    ("3.5", "11122333"),
    ("3.7", "22333"),
    ("4.1", "12233"),
    ("12.1", "12233"),
    ("12.2", "11"),
    ("13.4", "1222233"),
    ("14.2", "12223333"),
    ("15.1", "12233"),
    ("15.2", "12233"),
    ("15.3", "1222222"),
    ("16.5", "2223"),
];

/// Requirements that ask for more from a level on: 3.4.1 from 2 for all subdomains, 3.4.3 from 3 for nonces or hashes.
const MORE_FROM: [(&str, Level); 2] = [("3.4.1", Level::L2), ("3.4.3", Level::L3)];

#[test]
fn the_requirements_that_rules_name_are_there_at_their_level() {
    for rule in check::rules() {
        let (section, number) = rule.asvs().rsplit_once('.').unwrap();
        let levels = ASVS.iter().find_map(|(known, levels)| (*known == section).then_some(*levels));
        let number: usize = number.parse().unwrap();
        let level = levels.and_then(|levels| levels.chars().nth(number - 1)).map(|level| format!("L{level}"));
        let told = rule.level().to_string();
        let more = MORE_FROM.contains(&(rule.asvs(), rule.level()));
        assert!(more || level.as_deref() == Some(&told), "{rule}: {} {told}, there {level:?}", rule.asvs());
    }
}

#[test]
fn a_mode_that_observes_for_long_is_told_so() {
    use std::time::Duration;
    let now = Timestamp::from_unix_seconds(1_700_000_000);
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let said = |until: Timestamp| {
        let clock = std::sync::Arc::new(gambeson_core::ManualClock::at(now));
        let edge = web().host_mode(Mode::Observe { until }).clock(clock).build().unwrap();
        edge.findings().iter().find(|finding| finding.id() == "HH005").map(ToString::to_string)
    };
    assert!(said(now.plus(days(91))).unwrap().contains("more than 90 days from now"));
    assert!(!said(now.plus(days(90))).unwrap().contains("from now"));
    assert_eq!(said(now), None, "it enforces");
}

const PRESETS: [fn() -> Hardening; 5] =
    [Hardening::web, Hardening::strict, Hardening::api, Hardening::isolated, Hardening::downloads];

#[test]
fn a_well_told_edge_has_nothing_but_infos() {
    for preset in PRESETS {
        let edge = preset().public_origin("https://app.example.com").build().unwrap();
        let ids: Vec<&str> = edge.findings().iter().map(Finding::id).collect();
        assert_eq!(ids, ["HH011", "HH013", "HH030"]);
        assert!(edge.findings().iter().all(|finding| finding.severity() == Severity::Info));
        assert!(edge.layer().weaknesses().is_empty());
        assert_eq!(edge.layer().notes().len(), 3);
    }
    let year = web().hsts(Hsts::two_years()).build().unwrap();
    assert_eq!(year.findings().len(), 1, "{:?}", year.findings());
}

/// Two settings that are weak together are nothing to tell of each by itself.
#[test]
fn what_is_weak_only_beside_another_setting_is_not_told_without_it() {
    let told =
        |edge: Hardening, id: &str| edge.build().unwrap().findings().iter().any(|found| found.id() == id);
    assert!(!told(web().cors(Cors::credentials(["https://a.example"])), "HH053"));
    assert!(!told(web().cors(Cors::origins(["http://a.example"]).dangerously_http()), "HH053"));
    assert!(!told(quiet_over_http().csrf(Csrf::dangerously_off()), "HH044"), "nobody looks at the origin");
    let loud = quiet_over_http().headers(|set| set.referrer_policy(ReferrerPolicy::SameOrigin));
    assert!(!told(loud, "HH044"));
}

#[test]
fn errors_come_with_their_ids_all_at_once() {
    let mut config = Config::default()
        .public_origin("http://app.example.com")
        .csp("script-src self")
        .cors(Cors::credentials(["*", "http://a.example"]))
        .csrf(Csrf::new().trust(["null"]))
        .silence("HH052", "an error")
        .silence("HH063", "");
    config.limits.body_rate = 0;
    config.rate.count = 0;
    let error = config.layers(Profile::Production, &[]).unwrap_err();
    let mut ids: Vec<&str> = error.problems().iter().map(|problem| &problem.cure[..5]).collect();
    ids.sort_unstable();
    let all = ["HH002", "HH020", "HH050", "HH052", "HH060", "HH080", "HH090", "HH100", "HH110", "HH110"];
    assert_eq!(ids, all, "{error}");
    let text = error.to_string();
    assert!(text.contains("silence.HH052 = an error: HH110 (ASVS 15.1.5): an error is mended"), "{text}");
    assert!(text.contains("silence.HH063: HH110 (ASVS 15.1.5): write the reason"), "{text}");
}

#[test]
fn what_is_silenced_is_left_and_the_rest_stays() {
    let lines = Lines::default();
    let _guard = lines.record();
    let edge = web().csrf(Csrf::dangerously_off()).scrub_5xx(false).silence("HH063", "a tool only");
    let edge = edge.build().unwrap();
    let ids: Vec<&str> = edge.findings().iter().map(Finding::id).collect();
    assert_eq!(ids, ["HH009", "HH011", "HH013", "HH030"], "the worst first");
    assert_eq!(edge.layer().weaknesses().len(), 1);
    assert!(edge.layer().is_silenced("HH063") && !edge.layer().is_silenced("HH009"));
    assert_eq!((lines.with("HH063").len(), lines.with("WARN").len()), (1, 1), "its silence, quietly");
    assert_eq!(lines.with("bodies of 5xx").len(), 1);
}

#[test]
fn a_silence_counts_for_all_layers_and_is_needless_when_they_are_well() {
    let lines = Lines::default();
    let _guard = lines.record();
    let mut config = whole().silence("HH103", "a test line").silence("HH091", "uploads");
    config.rate.v6_prefix = 128;
    config.limits.body = None;
    let layers = config.layers(Profile::Production, &[]).unwrap();
    assert!(layers.findings().iter().all(|finding| finding.severity() == Severity::Info));
    assert!(lines.with("WARN").is_empty());
    config.limits.body = Some(1);
    let found = config.layers(Profile::Production, &[]).unwrap();
    let found: Vec<String> = found.findings().iter().map(ToString::to_string).collect();
    assert!(
        found[0].starts_with("HH111") && found[0].ends_with("[hardening-headers.silence.HH091 = uploads]")
    );
    // The edge alone does not see limits.
    let alone = Hardening::from_config(&config).build().unwrap();
    assert!(alone.findings().iter().all(|finding| finding.severity() == Severity::Info));
}

#[test]
fn what_is_off_and_was_told_nothing_is_no_more_than_off() {
    let mut config = whole().csrf(Csrf::dangerously_off());
    (config.rate_off, config.hsts_days) = (true, Some(730));
    let found = config.check(Profile::Production).unwrap();
    let ids: Vec<&str> = found.iter().map(Finding::id).collect();
    assert_eq!(ids, ["HH063", "HH102", "HH013", "HH030"]);
}

#[test]
fn looking_alone_logs_nothing_and_finds_the_same() {
    let lines = Lines::default();
    let _guard = lines.record();
    let mut config = whole().csrf(Csrf::dangerously_off());
    config.limits.handler = None;
    let checked = config.check(Profile::Production).unwrap();
    assert!(lines.with("HH").is_empty());
    assert_eq!(checked, config.layers(Profile::Production, &[]).unwrap().findings());
    assert_eq!((lines.with("HH063").len(), lines.with("HH093").len()), (1, 1));
    assert!(Config::default().check(Profile::Production).is_err());
}

#[tokio::test]
async fn a_silenced_oddity_is_not_said() {
    let lines = Lines::default();
    let _guard = lines.record();
    let edge = web().hosts(["localhost"]).silence("HH120", "a proxy merges them").build().unwrap();
    answer(edge.layer(), request(Scheme::Http, "localhost"), async |_| {
        let mut page = page("");
        page.headers_mut().append("content-security-policy", "frame-ancestors 'none'".parse().unwrap());
        page.headers_mut().append("content-security-policy", "img-src *".parse().unwrap());
        page
    })
    .await;
    assert!(lines.with("two content security policies").is_empty());
}

#[test]
fn a_variant_is_told_of_where_it_is_weaker() {
    let weak = |set: gambeson_hardening_headers::HeaderSet| set.opener_policy(None);
    let edge = web().named("embed", weak).named("same", |set| set).build().unwrap();
    let found: Vec<String> = edge.layer().weaknesses();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].ends_with("[named embed: cross-origin-opener-policy]"), "{found:?}");
}

#[cfg(feature = "serde")]
#[test]
fn a_file_silences_with_a_reason() {
    let text = "public-origin = \"https://app.example.com\"\nscrub-5xx = false\nsilence = { HH009 = \"no secrets\" }";
    let config: Config = toml::from_str(text).unwrap();
    let edge = Hardening::from_config(&config).build().unwrap();
    assert!(edge.layer().weaknesses().is_empty());
}

#[tokio::test]
async fn what_the_peer_layer_would_say_is_silenced_too() {
    use tower::{Layer, ServiceExt, service_fn};
    let lines = Lines::default();
    let _guard = lines.record();
    let config = whole().silence("HH127", "behind a test client");
    let peer = config.layers(Profile::Production, &[]).unwrap().peer;
    let app = peer.layer(service_fn(async |_: http::Request<()>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(()))
    }));
    app.oneshot(http::Request::get("/").body(()).unwrap()).await.unwrap();
    assert!(lines.with("no neighbour address").is_empty());
}
