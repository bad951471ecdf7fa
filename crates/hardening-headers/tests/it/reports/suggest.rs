//! What the reports would have a policy say, held against another reader of policies.

use content_security_policy::{
    CheckResult, CspList, Destination, Initiator, Origin, ParserMetadata, PolicyDisposition, PolicySource,
    Request as Load, Url,
};
use gambeson_hardening_headers::reports::Suggestion;
use gambeson_hardening_headers::{Config, Csp, Directive, Hardening, Rollout, Source};
use proptest::prelude::*;

use super::*;

async fn suggested(policy: &Csp, violations: &[(&str, &str)]) -> Suggestion {
    let reports = reports();
    for (directive, blocked) in violations {
        tell(&reports, directive, blocked).await;
    }
    reports.suggest(policy)
}

fn applied(policy: &Csp, suggestion: &Suggestion) -> Csp {
    let additions = suggestion.additions().iter();
    additions
        .fold(policy.clone(), |policy, addition| policy.add(addition.directive, [addition.source.clone()]))
}

#[tokio::test]
async fn whole_origins_are_proposed_and_what_is_allowed_already_is_not() {
    let violations = [
        ("img-src", "https://cdn.example.com/cat.png"),
        ("img-src", "https://cdn.example.com/dog.png"),
        ("connect-src", "wss://live.example.com:8443/socket"),
        ("script-src-elem", "https://cdn.example.com/x.js"),
        ("frame-src", "https://app.example.com/inner"),
        ("media-src", "blob"),
        // Reports from before the policy was mended.
        ("img-src", "data"),
        ("img-src", "https://app.example.com/own.png"),
    ];
    let suggestion = suggested(&Csp::web(), &violations).await;
    assert_eq!(suggestion.for_a_person(), []);
    let all = suggestion.to_string();
    assert!(all.starts_with("add to img-src: https://cdn.example.com (2 reports, last 2026-"), "{all}");
    assert_eq!(all.lines().count(), 5, "{all}");
    let policy = applied(&Csp::web(), &suggestion).to_string();
    for part in [
        "img-src 'self' data: https://cdn.example.com;",
        "connect-src 'self' wss://live.example.com:8443;",
        "script-src-elem 'self' 'nonce-{nonce}' https://cdn.example.com;",
        "frame-src 'self';",
        "media-src 'self' blob:;",
    ] {
        assert!(format!("{policy};").contains(part), "{part} {policy}");
    }
    let toml = suggestion.to_toml();
    assert!(
        toml.starts_with("[hardening-headers.csp-add]\nimg-src = [\"https://cdn.example.com\"]\n"),
        "{toml}"
    );
    assert!(suggested(&Csp::empty(), &violations).await.is_empty(), "what limits nothing blocks nothing");
    assert_eq!(Suggestion::default().to_toml(), "");
}

#[tokio::test]
async fn what_would_let_injected_code_run_needs_a_person() {
    for (directive, blocked) in [
        ("script-src-elem", "inline"),
        ("script-src-attr", "inline"),
        ("style-src-elem", "inline"),
        ("style-src-attr", "inline"),
        ("script-src", "eval"),
        ("script-src", "wasm-eval"),
        ("script-src-elem", "data"),
        ("script-src-elem", "blob"),
        ("worker-src", "blob"),
        ("frame-src", "data"),
        ("style-src-elem", "data"),
        ("font-src", "blob"),
        ("script-src-elem", "http://cdn.example.com/x.js"),
        ("worker-src", "http://cdn.example.com/x.js"),
        ("script-src-attr", "https://cdn.example.com"),
        ("img-src", "https://192.0.2.7/x.png"),
        ("img-src", "https://[2001:db8::1]/x.png"),
        ("img-src", "https://a_b.example/x.png"),
        ("img-src", "filesystem"),
        ("connect-src", "wss"),
        ("object-src", "https://cdn.example.com/x.swf"),
        ("base-uri", "https://evil.example"),
        ("frame-ancestors", "https://evil.example"),
        ("default-src", "https://cdn.example.com/prefetched"),
        ("child-src", "https://cdn.example.com/"),
        ("require-trusted-types-for", "trusted-types-sink"),
    ] {
        let policy = Csp::web().set(Directive::ChildSrc, []);
        let suggestion = suggested(&policy, &[(directive, blocked)]).await;
        assert_eq!(suggestion.additions(), [], "{directive} {blocked}");
        let [advice] = suggestion.for_a_person() else { panic!("{directive} {blocked}: {suggestion}") };
        assert!(
            !advice.why.is_empty() && suggestion.to_string().starts_with("for a person: "),
            "{suggestion}"
        );
        assert_eq!(suggestion.to_toml(), "");
    }
}

/// What several pages report is one line, with all their reports.
#[tokio::test]
async fn what_is_alike_is_proposed_once() {
    let reports = reports();
    for (page, directive, blocked) in [
        ("/a", "img-src", "https://cdn.example.com/1.png"),
        ("/b", "img-src", "https://cdn.example.com/2.png"),
        ("/b", "img-src", "https://other.example/3.png"),
        ("/b", "font-src", "https://cdn.example.com/4.woff2"),
        ("/a", "script-src-elem", "inline"),
        ("/b", "script-src-elem", "inline"),
        ("/b", "script-src-elem", "eval"),
        ("/b", "style-src-elem", "inline"),
    ] {
        let mut report = listed(directive, blocked);
        report["body"]["documentURL"] = format!("https://app.example.com{page}").into();
        post(&reports, LIST, json!([report]).to_string()).await;
    }
    let suggestion = reports.suggest(&Csp::web());
    let added = suggestion.additions().iter().map(|addition| {
        format!("{} {} {}", addition.evidence.reports, addition.directive.as_str(), addition.source)
    });
    assert_eq!(
        added.collect::<Vec<_>>(),
        [
            "2 img-src https://cdn.example.com",
            "1 img-src https://other.example",
            "1 font-src https://cdn.example.com"
        ]
    );
    let person = suggestion.for_a_person().iter();
    let person =
        person.map(|advice| format!("{} {} {}", advice.evidence.reports, advice.directive, advice.blocked));
    assert_eq!(
        person.collect::<Vec<_>>(),
        ["2 script-src-elem inline code", "1 script-src-elem eval", "1 style-src-elem inline code"]
    );
}

#[tokio::test]
async fn a_suggestion_is_empty_when_it_has_neither_sources_nor_advice() {
    let sources = suggested(&Csp::web(), &[("img-src", "https://cdn.example.com/")]).await;
    let advice = suggested(&Csp::web(), &[("script-src-elem", "inline")]).await;
    assert!(!sources.is_empty() && sources.for_a_person().is_empty());
    assert!(!advice.is_empty() && advice.additions().is_empty());
    assert!(suggested(&Csp::web(), &[]).await.is_empty());
}

#[tokio::test]
async fn beside_strict_dynamic_a_host_would_change_nothing() {
    let suggestion = suggested(&Csp::strict(), &[("script-src-elem", "https://cdn.example.com/x.js")]).await;
    assert_eq!(suggestion.additions(), []);
    assert!(suggestion.for_a_person()[0].why.contains("nonce"));
    // Workers go by the same list, and one of their own with this host would wake the others that are in it.
    let script = [Source::STRICT_DYNAMIC, Source::origin("https://other.example").unwrap()];
    let falling_back = Csp::empty().script_src(script);
    let suggestion = suggested(&falling_back, &[("worker-src", "https://cdn.example.com/w.js")]).await;
    assert_eq!(suggestion.additions(), []);
    assert!(suggestion.for_a_person()[0].why.contains("a list of their own"));
}

/// Reports come in at the edge itself, in numbers, and what follows from them is proposed again and again: what it sends stays.
#[cfg(feature = "axum")]
#[tokio::test]
async fn no_report_and_no_suggestion_changes_what_is_sent() {
    use axum::body::Body as AxumBody;

    let (policy, tried) = (Csp::web(), Csp::strict());
    let edge = |policy: &Csp| {
        let edge = Hardening::web().csp(policy.clone()).csp_report_only(tried.clone(), Rollout::all());
        edge.hosts(["app.example.com"]).reports(PATH).build().unwrap()
    };
    let collector = reports();
    let app = |policy: &Csp| {
        let page = axum::routing::get(async || axum::response::Html("a page"));
        let app = axum::Router::new().route("/", page);
        app.route(&collector.endpoint().template, collector.method_router()).layer(edge(policy).layer())
    };
    let sent = async |app: &axum::Router| {
        let get = Request::get("/").header("host", "app.example.com").body(AxumBody::empty()).unwrap();
        app.clone().oneshot(get).await.unwrap().headers().clone()
    };
    let running = app(&policy);
    let before = sent(&running).await;
    for number in 0..200 {
        let load = listed("img-src", &format!("https://cdn{}.example.com/", number % 3));
        let report = request(LIST, json!([load]).to_string()).map(AxumBody::new);
        assert_eq!(running.clone().oneshot(report).await.unwrap().status(), StatusCode::NO_CONTENT);
        let _ = (collector.suggest(&policy), collector.suggest(&tried));
    }
    let suggestion = collector.suggest(&policy);
    assert_eq!(suggestion.additions().len(), 3, "{suggestion}");
    assert_eq!(sent(&running).await, before);
    assert_eq!(policy, Csp::web());
    // The control: a person who applies it and builds anew sends another policy.
    assert_ne!(sent(&app(&applied(&policy, &suggestion))).await, before);
}

/// A person copies the lines, and the next build has them; the running layer never does.
#[tokio::test]
async fn its_lines_are_those_of_the_configuration() {
    let suggestion =
        suggested(&Csp::web(), &[("img-src", "https://cdn.example.com/"), ("font-src", "data")]).await;
    let file: toml::Table = suggestion.to_toml().parse().unwrap();
    let mut config = Config::default();
    for (directive, sources) in file["hardening-headers"]["csp-add"].as_table().unwrap() {
        let sources = sources.as_array().unwrap().iter().map(|source| source.as_str().unwrap().to_owned());
        config.csp_add.insert(directive.clone(), sources.collect());
    }
    Hardening::from_config(&config).build().unwrap();
    assert_eq!(config.csp_add["img-src"], ["https://cdn.example.com"]);
    assert_eq!(config.csp_add["font-src"], ["data:"]);
}

// From here on by another reader: random policies and loads.

const SELF: &str = "https://app.example.com";

fn checked(policy: &Csp, (url, destination): &(String, Destination)) -> (bool, Option<String>) {
    let text = policy.to_string().replace("{nonce}", "MTIzNDU2Nzg5MDEyMzQ1Njc4");
    let list = CspList::parse(&text, PolicySource::Header, PolicyDisposition::Enforce);
    let url = Url::parse(url).unwrap();
    let (result, violations) = list.should_request_be_blocked(&Load {
        current_url: url.clone(),
        url,
        origin: Origin::Tuple(
            "https".into(),
            content_security_policy::url::Host::Domain("app.example.com".into()),
            443,
        ),
        redirect_count: 0,
        destination: *destination,
        initiator: Initiator::None,
        nonce: String::new(),
        integrity_metadata: String::new(),
        parser_metadata: ParserMetadata::ParserInserted,
    });
    (result == CheckResult::Allowed, violations.first().map(|violation| violation.directive.name.clone()))
}

fn host() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "cdn.example.com",
        "a.cdn.example.com",
        "app.example.com",
        "other.test",
        "cdn.example.com:8443",
        "app.example.com:8443",
        "localhost:3000",
    ])
}

fn source() -> impl Strategy<Value = Source> {
    let scheme = prop::sample::select(vec!["https", "http", "wss", "ws"]);
    let fixed = vec![
        Source::SELF,
        Source::STRICT_DYNAMIC,
        Source::DATA,
        Source::BLOB,
        Source::NONCE,
        Source::REPORT_SAMPLE,
        Source::dangerously_any_https(),
        Source::subdomains("example.com").unwrap(),
        Source::subdomains("cdn.example.com:8443").unwrap(),
    ];
    prop_oneof![
        prop::sample::select(fixed),
        (scheme, host()).prop_map(|(scheme, host)| Source::origin(&format!("{scheme}://{host}")).unwrap()),
    ]
}

fn policy() -> impl Strategy<Value = Csp> {
    let directive = prop::sample::select(vec![
        Directive::DefaultSrc,
        Directive::ScriptSrc,
        Directive::ScriptSrcElem,
        Directive::StyleSrc,
        Directive::StyleSrcElem,
        Directive::ImgSrc,
        Directive::FontSrc,
        Directive::ConnectSrc,
        Directive::MediaSrc,
        Directive::FrameSrc,
        Directive::ChildSrc,
        Directive::WorkerSrc,
        Directive::ManifestSrc,
    ]);
    prop::collection::vec((directive, prop::collection::vec(source(), 0..4)), 1..7).prop_map(|lists| {
        lists.into_iter().fold(Csp::empty(), |policy, (directive, list)| policy.set(directive, list))
    })
}

fn load() -> impl Strategy<Value = (String, Destination)> {
    let destination = prop::sample::select(vec![
        Destination::Image,
        Destination::Font,
        Destination::Audio,
        Destination::Script,
        Destination::Style,
        Destination::Worker,
        Destination::Manifest,
        Destination::IFrame,
        Destination::None,
    ]);
    let scheme = prop::sample::select(vec!["https", "https", "http", "wss", "ws"]);
    let data = prop::sample::select(vec!["data:image/png,x", "blob:https://app.example.com/7"]);
    let url = prop_oneof![
        8 => (scheme, host(), "[a-z]{0,3}").prop_map(|(scheme, host, path)| format!("{scheme}://{host}/{path}?q")),
        1 => data.prop_map(str::to_owned),
    ];
    // The other reader takes no WebSocket at the usual port for the page's own (CSP 3 §6.7.2.8 does).
    (url, destination).prop_filter("as read there", |(url, _)| {
        !(url.starts_with("ws") && url.contains("//app.example.com"))
    })
}

/// Scheme, host and port, as far as one source stands for several.
fn place(url: &str) -> (Option<String>, Option<u16>) {
    let url = Url::parse(url).unwrap();
    (url.host_str().map(str::to_owned).or_else(|| Some(url.scheme().to_owned())), url.port())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    /// What was blocked is allowed by what is proposed, and of all other loads only those of the same origin and kind.
    #[test]
    fn what_is_proposed_allows_the_load_and_nothing_beyond(
        policy in policy(),
        blocked in load(),
        others in prop::collection::vec(load(), 20),
    ) {
        let (allowed, directive) = checked(&policy, &blocked);
        prop_assume!(!allowed);
        let directive = directive.unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let suggestion = runtime.block_on(suggested(&policy, &[(&directive, &blocked.0)]));
        let proposed = applied(&policy, &suggestion);
        if suggestion.additions().is_empty() {
            prop_assert_eq!(suggestion.for_a_person().len(), 1, "{} {} {:?}", policy, directive, blocked);
            prop_assert_eq!(&proposed, &policy);
        } else {
            prop_assert!(checked(&proposed, &blocked).0, "{} -> {}: {:?}", policy, proposed, blocked);
            prop_assert_eq!(suggestion.additions().len(), 1);
        }
        for other in &others {
            let (before, would) = checked(&policy, other);
            if checked(&proposed, other).0 && !before {
                prop_assert_eq!(would.as_deref(), Some(&*directive), "{} -> {}: {:?}", policy, proposed, other);
                prop_assert_eq!(place(&other.0), place(&blocked.0), "{} -> {}: {:?}", policy, proposed, other);
            }
            prop_assert!(checked(&proposed, other).0 || !before, "it takes nothing away: {} -> {}: {:?}", policy, proposed, other);
        }
        for addition in suggestion.additions() {
            let source = addition.source.as_str();
            let shown = matches!(addition.directive, Directive::ImgSrc | Directive::FontSrc | Directive::MediaSrc);
            prop_assert!(!source.starts_with("'unsafe") && source != "https:" && !source.contains('*'));
            prop_assert!(shown || !matches!(source, "data:" | "blob:"));
        }
    }

    /// What the policy allows is never proposed, whatever is said to be blocked.
    #[test]
    fn what_is_allowed_is_not_proposed(policy in policy(), load in load()) {
        let none = Csp::empty().set(Directive::DefaultSrc, []);
        let (allowed, _) = checked(&policy, &load);
        prop_assume!(allowed);
        let directive = checked(&none, &load).1.unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let suggestion = runtime.block_on(suggested(&policy, &[(&directive, &load.0)]));
        prop_assert_eq!(suggestion.additions(), &[], "{} {} {:?}", policy, directive, load);
    }
}

/// The controls: a proposal that is too wide, or too narrow, is found.
#[test]
fn the_other_reader_tells_them_apart() {
    let image = ("https://cdn.example.com/x.png".to_owned(), Destination::Image);
    let script = ("https://cdn.example.com/x.js".to_owned(), Destination::Script);
    let policy = Csp::empty().set(Directive::DefaultSrc, [Source::SELF]);
    assert_eq!(checked(&policy, &image), (false, Some("img-src".into())));
    assert!(checked(&policy, &(format!("{SELF}/x.png"), Destination::Image)).0);
    let cdn = Source::origin("https://cdn.example.com").unwrap();
    let narrow = policy.clone().add(Directive::ImgSrc, [cdn.clone()]);
    assert!(checked(&narrow, &image).0 && !checked(&narrow, &script).0);
    let wide = policy.add(Directive::DefaultSrc, [cdn]);
    assert!(checked(&wide, &script).0);
}
