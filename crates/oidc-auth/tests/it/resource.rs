//! The metadata of a protected resource (RFC 9728).

use bytes::Bytes;
use gambeson_core::{Access, Profile};
use gambeson_oidc_auth::ProtectedResource;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

fn built(id: &str) -> ProtectedResource {
    ProtectedResource::builder(id).issuer("https://id.example.com").build().unwrap()
}

#[test]
fn the_document_stands_between_host_and_path() {
    const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
    for (id, path) in [
        ("https://api.example.com", ""),
        ("https://api.example.com/", ""),
        ("https://api.example.com/mcp", "/mcp"),
        ("https://api.example.com:8443/a/b/", "/a/b/"),
    ] {
        let resource = built(id);
        let origin = id.split('/').take(3).collect::<Vec<_>>().join("/");
        assert_eq!(resource.path(), format!("{WELL_KNOWN}{path}"), "{id}");
        assert_eq!(resource.url(), format!("{origin}{WELL_KNOWN}{path}"), "{id}");
        assert_eq!(resource.endpoint().template, resource.path());
        assert!(matches!(resource.endpoint().access, Access::Public(_)));
    }
}

#[test]
fn it_says_what_clients_need_and_nothing_empty() {
    let read =
        |resource: &ProtectedResource| -> Value { serde_json::from_slice(resource.document()).unwrap() };
    assert_eq!(
        read(&built("https://api.example.com")),
        json!({
            "resource": "https://api.example.com", "authorization_servers": ["https://id.example.com"],
            "bearer_methods_supported": ["header"],
        })
    );
    let whole = ProtectedResource::builder("https://api.example.com/mcp")
        .issuer("https://id.example.com")
        .issuer("https://other.example.com/")
        .scopes(["notes:read", "notes:write"])
        .name("Notes")
        .documentation("https://docs.example.com")
        .policy("https://docs.example.com/policy")
        .terms("https://docs.example.com/terms")
        .dpop_required()
        .certificate_bound()
        .build()
        .unwrap();
    assert_eq!(
        read(&whole),
        json!({
            "resource": "https://api.example.com/mcp",
            "authorization_servers": ["https://id.example.com", "https://other.example.com/"],
            "scopes_supported": ["notes:read", "notes:write"], "bearer_methods_supported": ["header"],
            "resource_name": "Notes", "resource_documentation": "https://docs.example.com",
            "resource_policy_uri": "https://docs.example.com/policy", "resource_tos_uri": "https://docs.example.com/terms",
            "tls_client_certificate_bound_access_tokens": true, "dpop_bound_access_tokens_required": true,
        })
    );
}

#[tokio::test]
async fn the_service_answers_get_and_head_only() {
    let service = built("https://api.example.com").service::<Bytes>();
    for (method, status, full) in [("GET", 200, true), ("HEAD", 200, false), ("POST", 405, false)] {
        let request = Request::builder().method(method).uri("/anything").body(()).unwrap();
        let answer = service.clone().oneshot(request).await.unwrap();
        assert_eq!((answer.status().as_u16(), !answer.body().is_empty()), (status, full), "{method}");
        match answer.status() {
            StatusCode::OK => assert_eq!(answer.headers()["content-type"], "application/json"),
            _ => assert_eq!(answer.headers()["allow"], "GET, HEAD"),
        }
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let error = ProtectedResource::builder("http://api.example.com/?q")
        .scopes(["two words", "\"", ""])
        .documentation("docs")
        .build()
        .unwrap_err();
    let told = error.to_string();
    for part in ["use https", "leave out the query", "name the issuer", "two words", "resource.page"] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let local = || ProtectedResource::builder("http://127.0.0.1:3000").issuer("http://127.0.0.1:3001");
    assert!(local().build().is_err());
    assert_eq!(local().run_in(Profile::Development).build().unwrap().id(), "http://127.0.0.1:3000");
    for id in ["", "api", "https://", "https://a@b.example", "https://b.example/#f"] {
        assert!(ProtectedResource::builder(id).issuer("https://id.example.com").build().is_err(), "{id}");
    }
}
