//! A resource of the Model Context Protocol that asks for tokens: `cargo run -p mcp-resource`, then ask as the printed lines say.
//!
//! A client that knows nothing but the address is told whom to ask for a token (RFC 9728), gets one for this resource only, and
//! may call the tools that the token's scopes name. A debug build brings its own identity provider; a release build is told
//! the real one with OIDC_ISSUER, and its own address with PUBLIC_ORIGIN.

use std::{env, error::Error};

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Json};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gambeson::Profile;
use gambeson::core::{ConfigError, ProblemJson, RequestFacts, Respond};
use gambeson::hardening_headers::serve::{Server, serve};
use gambeson::hardening_headers::{Hardening, Limits, LimitsLayer, PeerLayer, TrustedProxies};
use gambeson::oidc_auth::{AuthLayer, Caller, Issuer, ProtectedResource, RequireScopes, Verifier};
use gambeson_testing::DevIdp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[cfg(test)]
mod tests;

const ORIGIN: &str = "http://127.0.0.1:3002";
type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    // Why somebody was refused stands in the log, and nowhere else.
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let origin = env::var("PUBLIC_ORIGIN").unwrap_or_else(|_| ORIGIN.to_owned());
    let (issuer, profile, _dev) = match env::var("OIDC_ISSUER") {
        Ok(issuer) => (issuer, Profile::from_env()?, None),
        Err(_) if cfg!(debug_assertions) => {
            let dev =
                DevIdp::builder().bind("127.0.0.1:3001").audience(format!("{origin}/mcp")).start().await?;
            let form = "-d user=alice -d 'scope=notes:read notes:write' -H 'Accept: text/plain'";
            println!("try: TOKEN=$(curl -s {form} {}/dev/token)", dev.issuer());
            println!(
                "     curl {origin}/mcp -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\"
            );
            println!("       -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}}'");
            (dev.issuer().to_owned(), Profile::development(|name| env::var(name).ok())?, Some(dev))
        }
        Err(_) => return Err("name the identity provider: OIDC_ISSUER=https://id.example.com".into()),
    };
    let app = app(&origin, &issuer, profile)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let told_to_end = async move {
        tokio::select! { _ = tokio::signal::ctrl_c() => {}, _ = terminate.recv() => {} }
    };
    let listener =
        TcpListener::bind(env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3002".to_owned())).await?;
    serve(listener, app, Server::new().shutdown(told_to_end)).await?;
    Ok(())
}

/// From the outside in: who calls from where, the edge, the public document, tokens for this resource, the tools.
fn app(origin: &str, issuer: &str, profile: Profile) -> Result<Router, ConfigError> {
    let resource = ProtectedResource::builder(format!("{origin}/mcp"))
        .issuer(issuer)
        .scopes(["notes:read", "notes:write"])
        .name("Notes")
        .run_in(profile)
        .build()?;
    let verifier =
        Verifier::builder(Issuer::discover(issuer)).audience(resource.id()).run_in(profile).build()?;
    let auth = AuthLayer::required(verifier).resource_metadata(resource.url());
    let hardening = Hardening::api().run_in(profile).public_origin(origin).build()?;
    let path = resource.path().to_owned();
    Ok(Router::new()
        .route("/mcp", post(answer))
        .layer(auth)
        .route(&path, get(async move || resource.answer::<Body>()))
        .layer(LimitsLayer::new(Limits::new().body(64 << 10))?)
        .layer(hardening.layer())
        .layer(PeerLayer::new(TrustedProxies::none())))
}

/// Which scope a tool asks for.
fn scope_of(tool: &str) -> Option<&'static str> {
    match tool {
        "read_notes" => Some("notes:read"),
        "add_note" => Some("notes:write"),
        _ => None,
    }
}

/// A JSON-RPC 2.0 request; without an id it is a notification and gets no result.
#[derive(Deserialize)]
struct Call {
    id: Option<Value>,
    method: String,
    #[serde(default)]
    params: Value,
}

async fn answer(
    Caller(person): Caller,
    Extension(facts): Extension<RequestFacts>,
    Json(call): Json<Call>,
) -> Response {
    let Some(id) = call.id else { return StatusCode::ACCEPTED.into_response() };
    let outcome = match call.method.as_str() {
        "initialize" => Ok(json!({
            "protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "notes", "version": "1"}
        })),
        "tools/list" => {
            Ok(json!({"tools": [tool("read_notes", "Read the notes"), tool("add_note", "Add a note")]}))
        }
        "tools/call" => {
            let name = call.params["name"].as_str().unwrap_or_default();
            let Some(scope) = scope_of(name) else {
                return rpc(id, Err((-32602, "there is no such tool")));
            };
            // The challenge tells the client which scope to ask for (RFC 6750 §3.1).
            if let Err(refused) = RequireScopes::all([scope]).check(&facts) {
                return ProblemJson.respond(&refused, &facts);
            }
            Ok(json!({"content": [{"type": "text", "text": format!("{name} for {}", person.subject())}]}))
        }
        _ => Err((-32601, "there is no such method")),
    };
    rpc(id, outcome)
}

fn tool(name: &str, description: &str) -> Value {
    json!({"name": name, "description": description, "inputSchema": {"type": "object"}})
}

fn rpc(id: Value, outcome: Result<Value, (i32, &str)>) -> Response {
    Json(match outcome {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err((code, message)) => {
            json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
        }
    })
    .into_response()
}
