//! Presets for isolated documents, for downloads, and for scripts that become workers.

use bytes::Bytes;
use gambeson_core::Scheme;
use gambeson_hardening_headers::{
    Config, Csp, EmbedderPolicy, Hardening, HardeningLayer, HeaderSet, Override, Preset, ResourcePolicy,
    Source, Variant,
};
use http::{Response, StatusCode};

use crate::answers::{Answer, answer, header, json, page, request};

fn of_kind(kind: &str) -> Answer {
    Response::builder().header("content-type", kind).body(Bytes::from_static(b"x")).unwrap()
}

async fn through(layer: HardeningLayer, app: impl FnOnce() -> Answer) -> Answer {
    answer(layer, request(Scheme::Http, "localhost"), async move |_| app()).await
}

#[tokio::test]
async fn isolated_documents_and_workers() {
    let edge = Hardening::isolated().build().unwrap();
    for answer in
        [through(edge.layer(), || page("")).await, through(edge.layer(), || of_kind("text/javascript")).await]
    {
        assert_eq!(header(&answer, "cross-origin-embedder-policy"), "require-corp");
        assert_eq!(header(&answer, "cross-origin-resource-policy"), "same-origin");
    }
    assert_eq!(
        header(&through(edge.layer(), || page("")).await, "cross-origin-opener-policy"),
        "same-origin"
    );
    let other = Hardening::web().headers(|set| set.embedder_policy(EmbedderPolicy::Credentialless));
    let answer = through(other.build().unwrap().layer(), || page("")).await;
    assert_eq!(header(&answer, "cross-origin-embedder-policy"), "credentialless");
    let web = through(Hardening::web().build().unwrap().layer(), || page("")).await;
    assert!(!web.headers().contains_key("cross-origin-embedder-policy"));
}

async fn disposition(given: &[&str]) -> String {
    let layer = Hardening::downloads().build().unwrap().layer();
    let answer = through(layer, || {
        let mut file = of_kind("text/html; charset=utf-8");
        for value in given {
            file.headers_mut().append("content-disposition", value.parse().unwrap());
        }
        file
    })
    .await;
    assert_eq!(header(&answer, "content-security-policy"), Csp::downloads().to_string());
    assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    assert_eq!(answer.headers().get_all("content-disposition").iter().count(), 1);
    header(&answer, "content-disposition").to_owned()
}

#[tokio::test]
async fn downloads_are_attachments_in_a_sandbox() {
    assert_eq!(disposition(&[]).await, "attachment");
    assert_eq!(disposition(&["attachment; filename=\"a.pdf\""]).await, "attachment; filename=\"a.pdf\"");
    assert_eq!(disposition(&["Attachment ; filename=a"]).await, "Attachment ; filename=a");
    assert_eq!(disposition(&["inline"]).await, "attachment");
    assert_eq!(disposition(&["inline; filename=\"a.svg\""]).await, "attachment; filename=\"a.svg\"");
    assert_eq!(disposition(&["attachments; filename=a"]).await, "attachment; filename=a");
    assert_eq!(disposition(&["attachment; filename=a", "inline"]).await, "attachment");
    assert_eq!(disposition(&[""]).await, "attachment");
}

#[tokio::test]
async fn a_304_takes_no_name_from_the_file_that_a_browser_has() {
    let answer = through(Hardening::downloads().build().unwrap().layer(), || {
        let mut unchanged = Response::new(Bytes::new());
        *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
        unchanged
    })
    .await;
    assert!(!answer.headers().contains_key("content-disposition"));
}

#[tokio::test]
async fn a_configuration_has_them_as_presets_and_as_variants() {
    let config = Config::default().preset(Preset::Downloads);
    let layer = Hardening::from_config(&config).build().unwrap().layer();
    assert_eq!(header(&through(layer, || json("{}")).await, "content-disposition"), "attachment");
    let config = Config::default().preset(Preset::Isolated);
    let layer = Hardening::from_config(&config).build().unwrap().layer();
    assert_eq!(header(&through(layer, || page("")).await, "cross-origin-embedder-policy"), "require-corp");

    let mut config = Config::default();
    config.variants = vec![Variant::Downloads, Variant::Isolated];
    let edge = Hardening::from_config(&config).build().unwrap();
    let chosen = |name: &'static str| {
        move || {
            let mut page = page("");
            page.extensions_mut().insert(Override::named(name));
            page
        }
    };
    let download = through(edge.layer(), chosen("downloads")).await;
    assert_eq!(header(&download, "content-disposition"), "attachment");
    assert_eq!(header(&download, "content-security-policy"), Csp::downloads().to_string());
    let isolated = through(edge.layer(), chosen("isolated")).await;
    assert_eq!(header(&isolated, "cross-origin-embedder-policy"), "require-corp");
    assert!(!through(edge.layer(), || page("")).await.headers().contains_key("content-disposition"));
    config.variants.push(Variant::Downloads);
    assert!(Hardening::from_config(&config).build().is_err(), "a variant that is there twice");
}

#[tokio::test]
async fn scripts_may_do_as_workers_what_documents_may() {
    let edge = Hardening::web().build().unwrap();
    let old = ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"].map(|version| format!("text/javascript{version}"));
    let also = ["jscript", "livescript", "ecmascript", "x-ecmascript", "x-javascript"];
    let also = also.map(|kind| format!("text/{kind}"));
    let applications = ["javascript", "x-javascript", "ecmascript", "x-ecmascript"];
    let applications = applications.map(|kind| format!("application/{kind} ;charset=utf-8"));
    let usual = ["text/javascript", "Text/JavaScript; charset=utf-8"].map(str::to_owned);
    for kind in usual.into_iter().chain(old).chain(also).chain(applications) {
        let kind: &'static str = Box::leak(kind.into_boxed_str());
        let answer = through(edge.layer(), || of_kind(kind)).await;
        let policy = header(&answer, "content-security-policy");
        for part in
            ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]
        {
            assert!(policy.split("; ").any(|directive| directive == part), "{part}: {policy}");
        }
    }
    for kind in ["text/javascript1.6", "text/javascripts", "application/json", "text/x-script"] {
        let answer = through(edge.layer(), || of_kind(kind)).await;
        assert!(!header(&answer, "content-security-policy").contains("connect-src"), "{kind}");
    }
    let api = Hardening::api().build().unwrap();
    let answer = through(api.layer(), || of_kind("text/javascript")).await;
    assert_eq!(header(&answer, "content-security-policy"), Csp::api().to_string());
    let partner = Source::origin("https://partner.example").unwrap();
    let framed = through(edge.layer(), || {
        let mut script = of_kind("text/javascript");
        script.extensions_mut().insert(Override::frame_ancestors([partner]));
        script
    })
    .await;
    let policy = header(&framed, "content-security-policy");
    assert!(
        policy.contains("frame-ancestors https://partner.example") && policy.contains("connect-src 'self'")
    );
}

#[tokio::test]
async fn what_tells_the_parts_of_an_app_is_not_sent() {
    let answer = through(Hardening::web().build().unwrap().layer(), || {
        let mut page = page("");
        for name in [
            "server",
            "x-powered-by",
            "X-Kong-Proxy-Latency",
            "x-envoy-upstream-service-time",
            "x-cms",
            "$wsep",
        ] {
            page.headers_mut().append(http::HeaderName::try_from(name).unwrap(), "a".parse().unwrap());
        }
        for kept in ["x-request-cost", "sourcemap", "x-b3-traceid", "x-cmt", "link", "servar"] {
            page.headers_mut().append(kept, "a".parse().unwrap());
        }
        page
    })
    .await;
    for name in
        ["server", "x-powered-by", "x-kong-proxy-latency", "x-envoy-upstream-service-time", "x-cms", "$wsep"]
    {
        assert!(!answer.headers().contains_key(name), "{name}");
    }
    for kept in ["x-request-cost", "sourcemap", "x-b3-traceid", "x-cmt", "link", "servar"] {
        assert_eq!(header(&answer, kept), "a", "{kept}");
    }
}

/// A misspelt name must not make an uploaded file a page of the app.
/// Answers share the bytes of what was rendered once.
#[tokio::test]
async fn variants_are_made_ready_once() {
    let edge = Hardening::web().named("downloads", HeaderSet::downloads).build().unwrap();
    let variant = async |over: &Option<Override>| {
        through(edge.layer(), || {
            let mut file = of_kind("text/html; charset=utf-8");
            if let Some(over) = over.clone() {
                file.extensions_mut().insert(over);
            }
            file
        })
        .await
    };
    for over in [None, Some(Override::named("downloads"))] {
        let (first, second) = (variant(&over).await, variant(&over).await);
        for name in ["content-security-policy", "permissions-policy"] {
            let bytes = |answer: &Answer| answer.headers()[name].as_bytes().as_ptr();
            assert_eq!(bytes(&first), bytes(&second), "{name}");
        }
    }
}

#[tokio::test]
async fn an_unknown_variant_is_shut_in() {
    let open = |set: HeaderSet| set.resource_policy(ResourcePolicy::CrossOrigin).frame_options(None);
    let edge = Hardening::web().headers(open).named("downloads", HeaderSet::downloads).build().unwrap();
    for kind in ["text/html; charset=utf-8", "image/svg+xml", "text/javascript"] {
        let answer = through(edge.layer(), || {
            let mut file = of_kind(kind);
            file.extensions_mut().insert(Override::named("dwonloads"));
            file
        })
        .await;
        assert_eq!(header(&answer, "content-security-policy"), Csp::downloads().to_string(), "{kind}");
        assert_eq!(header(&answer, "content-disposition"), "attachment", "{kind}");
        assert_eq!(header(&answer, "cross-origin-resource-policy"), "same-origin", "{kind}");
        assert_eq!(header(&answer, "x-frame-options"), "DENY", "{kind}");
        assert_eq!(header(&answer, "cache-control"), "no-store", "{kind}");
    }
}
