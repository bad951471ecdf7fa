//! Typed policies.

use gambeson_hardening_headers::{Csp, Directive, SandboxAllow, Source, TrustedTypes};
use proptest::prelude::*;

fn directive() -> impl Strategy<Value = Directive> {
    prop::sample::select(vec![
        Directive::DefaultSrc,
        Directive::ScriptSrc,
        Directive::ScriptSrcElem,
        Directive::StyleSrc,
        Directive::ImgSrc,
        Directive::ConnectSrc,
        Directive::FrameAncestors,
        Directive::FormAction,
        Directive::BaseUri,
    ])
}

fn source() -> impl Strategy<Value = Source> {
    let fixed = vec![
        Source::SELF,
        Source::STRICT_DYNAMIC,
        Source::WASM_UNSAFE_EVAL,
        Source::REPORT_SAMPLE,
        Source::DATA,
        Source::BLOB,
        Source::NONCE,
        Source::dangerously_unsafe_inline(),
        Source::dangerously_any_https(),
        Source::hash("sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=").unwrap(),
        Source::sha256_of("go()"),
        Source::sha384_of("go()"),
        Source::sha512_of("go()"),
        Source::subdomains("example.com").unwrap(),
    ];
    let origin = ("(https|http|wss|ws)", "[a-z][a-z0-9-]{0,9}(\\.[a-z0-9]{1,5}){0,2}(:[1-9][0-9]{0,3})?");
    prop_oneof![
        prop::sample::select(fixed),
        origin.prop_map(|(scheme, host)| Source::origin(&format!("{scheme}://{host}")).unwrap()),
    ]
}

fn trusted_types() -> impl Strategy<Value = TrustedTypes> {
    let names = prop::collection::vec("[a-zA-Z0-9#=_/@.%-]{1,8}", 0..3);
    (names, any::<bool>(), any::<bool>()).prop_map(|(names, any, duplicates)| {
        let policies = match any {
            true => TrustedTypes::dangerously_any(),
            false => TrustedTypes::policies(names).unwrap(),
        };
        if duplicates { policies.allow_duplicates() } else { policies }
    })
}

/// Where `report-uri` may lead.
fn target() -> impl Strategy<Value = String> {
    let end = "[a-zA-Z0-9._~:/?@!$&()*+=%-]{0,20}";
    prop_oneof![
        ("[a-z.]{1,10}", end).prop_map(|(first, rest)| format!("/{first}{rest}")),
        ("https?://[a-z0-9]{1,9}", end).prop_map(|(origin, rest)| format!("{origin}{rest}")),
    ]
}

fn policy() -> impl Strategy<Value = Csp> {
    let lists = prop::collection::vec((directive(), prop::collection::vec(source(), 0..5)), 0..8);
    let allowed = prop::option::of(prop::sample::subsequence(
        vec![SandboxAllow::Scripts, SandboxAllow::Forms, SandboxAllow::TopNavigationByUserActivation],
        0..3,
    ));
    let policies = prop::option::of(trusted_types());
    let targets = (prop::option::of(target()), prop::option::of("[a-z][a-z0-9_.-]{0,20}"));
    (lists, any::<bool>(), any::<bool>(), allowed, policies, targets).prop_map(
        |(lists, required, upgrade, allowed, policies, (uri, endpoint))| {
            let mut policy = Csp::empty();
            for (directive, sources) in lists {
                policy = policy.set(directive, sources);
            }
            if required {
                policy = policy.require_trusted_types();
            }
            if let Some(policies) = policies {
                policy = policy.trusted_types(policies);
            }
            if let Some(allowed) = allowed {
                policy = policy.sandbox(allowed);
            }
            if upgrade {
                policy = policy.upgrade_insecure_requests();
            }
            if let Some(uri) = uri {
                policy = policy.report_uri(&uri).unwrap();
            }
            if let Some(endpoint) = endpoint {
                policy = policy.report_to(&endpoint).unwrap();
            }
            policy
        },
    )
}

proptest! {
    #[test]
    fn what_is_rendered_reads_back_the_same(policy in policy()) {
        prop_assert_eq!(Csp::parse(&policy.to_string()).unwrap(), policy);
    }

    #[test]
    fn whatever_is_taken_as_a_source_can_end_no_directive(text in "[ -~\\n\\r]{0,40}") {
        for source in [Source::origin(&text), Source::parse(&text), Source::hash(&text), Source::subdomains(&text)].into_iter().flatten() {
            let harmless = |c: char| c.is_ascii_graphic() && !matches!(c, ';' | ',');
            prop_assert!(source.as_str().chars().all(harmless), "{source}");
        }
    }

    #[test]
    fn whatever_is_taken_as_a_report_target_can_end_no_directive(text in "[ -~\\n\\r]{0,20}", at in prop::sample::select(vec!["", "/", "https://a"])) {
        let text = format!("{at}{text}");
        let targets = [Csp::empty().report_to(&text), Csp::empty().report_uri(&text)];
        for policy in targets.into_iter().flatten() {
            let rendered = policy.to_string();
            prop_assert_eq!(rendered.split_ascii_whitespace().count(), 2, "{}", rendered);
            prop_assert!(!rendered.contains([';', ',', '"', '\'', '\r', '\n']), "{}", rendered);
        }
    }

    #[test]
    fn reading_never_panics(text in "\\PC{0,200}") {
        let _ = Csp::parse(&text);
    }
}

#[test]
fn injections_are_refused_not_mended() {
    for text in [
        "https://a.example; script-src *",
        "https://a.example\r\nset-cookie: x",
        "https://a.example,https://b.example",
        "https://a.example 'unsafe-inline'",
        "https://user@a.example",
        "https://a.example/path",
        "https://*",
        "*",
        "javascript:",
        "self",
        "none",
        "'nonce-abc'",
        "'sha256-x'",
        "'self",
        "",
    ] {
        assert!(Source::origin(text).is_err(), "{text:?}");
        assert!(Source::parse(text).is_err(), "{text:?}");
    }
    assert!(Source::hash("sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' *").is_err());
    assert!(Source::subdomains("com").is_err());
}

#[test]
fn policies_that_browsers_would_read_otherwise_are_refused() {
    for text in [
        "script-src 'self'; script-src *",
        "script-src 'none' 'self'",
        "script-src",
        "no-such-directive 'self'",
        "sandbox allow-everything",
        "sandbox; sandbox allow-scripts",
        "trusted-types a;trusted-types b",
        "trusted-types 'allow-everything'",
        "upgrade-insecure-requests now",
        "require-trusted-types-for 'style'",
    ] {
        let error = Csp::parse(text).unwrap_err();
        assert!(error.to_string().starts_with("directive "), "{error}");
    }
}

#[test]
fn all_that_is_wrong_with_a_policy_is_told_at_once() {
    let text = "img-src 'self'; no-such-src x; script-src self https://a.example 'nonce-abc'; img-src *; sandbox allow-everything";
    let error = Csp::parse(text).unwrap_err();
    let told = error.to_string();
    let told: Vec<&str> = told.split("; directive ").collect();
    let expected = [
        "directive no-such-src is unknown",
        "script-src has a source that is none: ",
        "script-src has a source that is none: ",
        "img-src is there twice",
        "sandbox allows what no browser knows",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}: {expected}");
    }
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(told[1].ends_with(&source) && !told[2].ends_with(&source), "the first one: {source}");
    let alone = Csp::parse("sandbox allow-everything").unwrap_err();
    assert!(std::error::Error::source(&alone).is_none());
}

#[test]
fn presets_say_what_they_promise() {
    let strict = Csp::strict().to_string();
    for part in [
        "default-src 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "'strict-dynamic'",
    ] {
        assert!(strict.contains(part), "{part} in {strict}");
    }
    assert!(Csp::strict().has_nonce() && Csp::web().has_nonce() && !Csp::api().has_nonce());
    assert!(!strict.contains("unsafe"));
    assert_eq!(
        Csp::api().to_string(),
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
    );
}

/// The vectors of CSP 3 §8.3 and of the empty text.
#[test]
fn hashes_of_scripts_are_those_that_browsers_compute() {
    for (source, hash) in [
        (Source::sha256_of(""), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"),
        (
            Source::sha256_of("alert('Hello, world.');"),
            "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='",
        ),
        (
            Source::sha384_of("alert('Hello, world.');"),
            "'sha384-H8BRh8j48O9oYatfu5AZzq6A9RINhZO5H16dQZngK7T62em8MUt1FLm52t+eX6xO'",
        ),
        (
            Source::sha512_of("alert('Hello, world.');"),
            "'sha512-Q2bFTOhEALkN8hOms2FKTDLy7eugP2zFZ1T8LCvX42Fp3WoNr3bjZSAHeOsHrbV1Fu9/A0EzCinRE7Af1ofPrw=='",
        ),
    ] {
        assert_eq!(source.as_str(), hash);
        assert_eq!(Source::parse(hash).unwrap(), source);
        assert!(source.is_hash() && !source.is_nonce());
    }
}

#[test]
fn presets_for_frameworks_evaluate_no_text() {
    assert!(Csp::leptos().to_string().contains("script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval';"));
    for policy in [Csp::htmx(), Csp::leptos()] {
        let scripts = policy.effective(Directive::ScriptSrcElem).unwrap();
        assert!(policy.has_nonce() && !scripts.iter().any(Source::is_dangerous), "{policy}");
    }
    assert_eq!(Csp::downloads().sandboxed(), Some(&[][..]));
    assert!(Csp::downloads().to_string().ends_with("form-action 'none'; sandbox"));
}

#[test]
fn trusted_types_policies_are_named_or_none() {
    let of = |policies: TrustedTypes| Csp::empty().trusted_types(policies).to_string();
    assert_eq!(of(TrustedTypes::none()), "trusted-types 'none'");
    assert_eq!(of(TrustedTypes::policies(["a", "b#1", "a"]).unwrap()), "trusted-types a b#1");
    assert_eq!(of(TrustedTypes::dangerously_any().allow_duplicates()), "trusted-types * 'allow-duplicates'");
    for wrong in ["", "a b", "a;b", "'none'", "ü", "*"] {
        assert!(TrustedTypes::policies([wrong]).is_err(), "{wrong:?}");
    }
}

#[test]
fn sources_are_added_to_what_is_allowed_already() {
    let cdn = || Source::origin("https://cdn.example.com").unwrap();
    let policy = Csp::strict().add(Directive::ImgSrc, [cdn(), Source::SELF]).to_string();
    assert!(policy.contains("img-src 'self' https://cdn.example.com;"), "{policy}");
    let from_default =
        Csp::empty().set(Directive::DefaultSrc, [Source::SELF]).add(Directive::ImgSrc, [cdn()]);
    assert_eq!(from_default.to_string(), "default-src 'self'; img-src 'self' https://cdn.example.com");
    let no_fetch =
        Csp::empty().set(Directive::DefaultSrc, [Source::SELF]).add(Directive::FormAction, [cdn()]);
    assert_eq!(no_fetch.to_string(), "default-src 'self'; form-action https://cdn.example.com");
}

/// CSP 3 §6.8.3: what stands for a directive that is not there is not always `default-src`.
#[test]
fn sources_are_added_to_what_stands_for_a_directive() {
    let cdn = || Source::origin("https://a.example").unwrap();
    let locked = Csp::parse("default-src 'self' https://cdn.example; script-src 'none'").unwrap();
    let policy = locked.add(Directive::ScriptSrcElem, [cdn()]).to_string();
    assert!(policy.ends_with("; script-src-elem https://a.example"), "{policy}");
    let web = Csp::web().add(Directive::ScriptSrcElem, [cdn()]).to_string();
    assert!(web.contains("script-src-elem 'self' 'nonce-{nonce}' https://a.example"), "{web}");
    let web = Csp::web().add(Directive::StyleSrcElem, [cdn()]).to_string();
    assert!(web.contains("style-src-elem 'self' 'nonce-{nonce}' https://a.example"), "{web}");
    let frames = Csp::parse("default-src 'none'; child-src 'self'; script-src data:").unwrap();
    let added = |directive| frames.clone().add(directive, [cdn()]).to_string();
    assert!(added(Directive::FrameSrc).ends_with("frame-src 'self' https://a.example"));
    assert!(added(Directive::WorkerSrc).ends_with("worker-src 'self' https://a.example"));
    let workers =
        Csp::parse("default-src 'none'; script-src 'self'").unwrap().add(Directive::ChildSrc, [cdn()]);
    assert_eq!(
        workers.to_string(),
        "default-src 'none'; script-src 'self'; worker-src 'self' https://a.example; child-src https://a.example"
    );
}

/// The directives that stand for one, itself first, as the standard's text lists them.
fn standing_for(directive: Directive) -> &'static [Directive] {
    match directive {
        Directive::ScriptSrcElem => &[Directive::ScriptSrcElem, Directive::ScriptSrc, Directive::DefaultSrc],
        Directive::StyleSrcAttr => &[Directive::StyleSrcAttr, Directive::StyleSrc, Directive::DefaultSrc],
        Directive::WorkerSrc => {
            &[Directive::WorkerSrc, Directive::ChildSrc, Directive::ScriptSrc, Directive::DefaultSrc]
        }
        Directive::FrameSrc => &[Directive::FrameSrc, Directive::ChildSrc, Directive::DefaultSrc],
        Directive::ImgSrc => &[Directive::ImgSrc, Directive::DefaultSrc],
        _ => &[],
    }
}

proptest! {
    /// Whatever is added to: no kind of load loses a source, and none gets one that was not added.
    #[test]
    fn adding_takes_nothing_away_and_lets_in_no_more(
        lists in prop::collection::vec((family(), prop::collection::vec(source(), 0..3)), 0..6),
        default in prop::collection::vec(source(), 0..3),
        to in family(),
        added in source(),
    ) {
        let before = lists.into_iter().fold(
            Csp::empty().set(Directive::DefaultSrc, default),
            |policy, (directive, sources)| policy.set(directive, sources),
        );
        let after = before.clone().add(to, [added.clone()]);
        for load in [
            Directive::ScriptSrcElem, Directive::StyleSrcAttr, Directive::WorkerSrc, Directive::FrameSrc, Directive::ImgSrc,
        ] {
            let of = |policy: &Csp| {
                let mut lists = standing_for(load).iter().filter_map(|directive| policy.sources(*directive));
                lists.next().unwrap().to_vec()
            };
            let (had, has) = (of(&before), of(&after));
            prop_assert!(had.iter().all(|source| has.contains(source)), "{load:?}: {before} / {after}");
            prop_assert!(has.iter().all(|source| had.contains(source) || *source == added), "{load:?}: {before} / {after}");
            prop_assert!(load != to || has.contains(&added));
        }
    }
}

/// Directives of which some stand for others.
fn family() -> impl Strategy<Value = Directive> {
    prop::sample::select(vec![
        Directive::ScriptSrc,
        Directive::ScriptSrcElem,
        Directive::StyleSrc,
        Directive::StyleSrcAttr,
        Directive::ImgSrc,
        Directive::FrameSrc,
        Directive::ChildSrc,
        Directive::WorkerSrc,
    ])
}
