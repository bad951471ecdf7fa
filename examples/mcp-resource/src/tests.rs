//! The resource as its clients meet it.

use axum::http::{Request, header};
use gambeson::hardening_headers::Connection;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

struct Scene {
    idp: DevIdp,
    app: Router,
}

impl Scene {
    async fn start() -> Self {
        let idp = DevIdp::builder().audience(format!("{ORIGIN}/mcp")).start().await.unwrap();
        let app = app(ORIGIN, idp.issuer(), Profile::Development).unwrap();
        Self { idp, app }
    }

    fn token(&self, scope: &str) -> Option<String> {
        Some(self.idp.mint().user("alice").scope(scope).token())
    }

    async fn call(&self, token: Option<String>, method: &str, params: Value) -> Response {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let mut request = Request::post("/mcp").header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn send(&self, mut request: Request<Body>) -> Response {
        request.headers_mut().insert(header::HOST, "127.0.0.1:3002".parse().unwrap());
        request.extensions_mut().insert(Connection::new("127.0.0.1:40000".parse().unwrap()));
        self.app.clone().oneshot(request).await.unwrap()
    }
}

async fn read(answer: Response) -> Value {
    serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

fn challenge(answer: &Response) -> String {
    answer.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_that_knows_nothing_finds_its_way() {
    let scene = Scene::start().await;
    let refused = scene.call(None, "tools/list", Value::Null).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let told = challenge(&refused);
    let url = told.split('"').nth(1).unwrap();
    let path = url.strip_prefix(ORIGIN).unwrap();
    let document = read(scene.send(Request::get(path).body(Body::empty()).unwrap()).await).await;
    assert_eq!(document["resource"], format!("{ORIGIN}/mcp"));
    assert_eq!(document["authorization_servers"][0], scene.idp.issuer());
}

#[tokio::test]
async fn tools_are_listed_and_called_by_scope() {
    let scene = Scene::start().await;
    let listed = read(scene.call(scene.token("notes:read"), "tools/list", Value::Null).await).await;
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 2);
    let read_notes = scene.call(scene.token("notes:read"), "tools/call", json!({"name": "read_notes"})).await;
    assert_eq!(read(read_notes).await["result"]["content"][0]["text"], "read_notes for alice");
    let refused = scene.call(scene.token("notes:read"), "tools/call", json!({"name": "add_note"})).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let told = challenge(&refused);
    assert!(told.contains("insufficient_scope") && told.contains("scope=\"notes:write\""), "{told}");
    let added = scene.call(scene.token("notes:write"), "tools/call", json!({"name": "add_note"})).await;
    assert_eq!(added.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_token_for_another_resource_is_no_good() {
    let scene = Scene::start().await;
    for audience in ["http://127.0.0.1:3002", "http://127.0.0.1:3002/mcp/", "other"] {
        let token = scene.idp.mint().user("alice").audience(audience).token();
        let refused = scene.call(Some(token), "tools/list", Value::Null).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{audience}");
        assert!(challenge(&refused).contains("invalid_token"));
    }
}

#[tokio::test]
async fn what_is_not_there_is_an_error_of_the_protocol() {
    let scene = Scene::start().await;
    for (method, params, code) in [
        ("resources/list", Value::Null, -32601),
        ("tools/call", json!({"name": "rm"}), -32602),
        ("tools/call", Value::Null, -32602),
    ] {
        let answer = read(scene.call(scene.token("notes:read"), method, params).await).await;
        assert_eq!(answer["error"]["code"], code, "{method}");
    }
    let notification = Request::post("/mcp")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {}", scene.token("").unwrap()))
        .body(Body::from(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#));
    assert_eq!(scene.send(notification.unwrap()).await.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_page_of_another_site_can_t_call() {
    let scene = Scene::start().await;
    let mut request =
        Request::post("/mcp").header(header::ORIGIN, "https://evil.example").body(Body::empty()).unwrap();
    request.headers_mut().insert(header::COOKIE, "a=b".parse().unwrap());
    assert_eq!(scene.send(request).await.status(), StatusCode::FORBIDDEN);
}
