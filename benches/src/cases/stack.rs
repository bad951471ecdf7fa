//! The facade's whole stack in front of the app.

use std::net::SocketAddr;

use gambeson::Stack;
use gambeson_core::{Profile, RequestHead};
use gambeson_hardening_headers::edge_limit::EdgeRate;
use gambeson_hardening_headers::{
    Connection, EdgeLimitLayer, Hardening, Limits, LimitsLayer, PeerLayer, TrustedProxies,
};
use gambeson_oidc_auth::{AuthLayer, CacheConfig};
use gambeson_otel_setup::Sampling;
use gambeson_rbac::{AuthorizeLayer, PolicyHandle};
use http::{Request, StatusCode};
use tower::Layer;

use super::{oidc_auth, otel_setup};
use crate::drive::{App, NoBody, requests};
use crate::token::{self, Token};
use crate::{Case, Kind, Run};

const CRATE: &str = "stack";

const POLICY: &str = r#"
version = 1
[permissions]
"notes:read" = {}
[roles]
editor = { grants = ["notes:read"] }
[routes]
"GET /notes" = { perm = "notes:read" }
"#;

pub(super) fn cases() -> Vec<Case> {
    let case = |name, kind, ours| {
        let bare = || requests(App, asking(&token::ed25519()), StatusCode::OK);
        Case::new(CRATE, name, kind).bare(bare).gambeson(ours)
    };
    vec![
        case("full_cached_all_traces", Kind::Pass, || {
            full(&token::ed25519(), CacheConfig::default(), Sampling::always())
        }),
        case("full_cached_sampled_out", Kind::Pass, || {
            full(&token::ed25519(), CacheConfig::default(), Sampling::never())
        }),
        case("full_uncached_rs256", Kind::Miss, || {
            full(&token::rs256(), CacheConfig::off(), Sampling::never())
        })
        .timed_only(),
    ]
}

/// The same request each time, as a server hands it in, from a thousand clients: one alone would be limited.
fn asking(token: &Token) -> impl FnMut() -> Request<NoBody> + 'static {
    let mut request = oidc_auth::request(token);
    request.headers_mut().insert("host", http::HeaderValue::from_static("app.example.com"));
    let mut client = 0_u16;
    move || {
        client = (client + 1) % 1_000;
        let [high, low] = client.to_be_bytes();
        let mut request = request.clone();
        request.extensions_mut().insert(Connection::new(SocketAddr::from(([198, 51, high, low], 5_000))));
        request
    }
}

fn route<'a>(head: &RequestHead<'a>) -> Option<&'a str> {
    (head.uri.path() == "/notes").then_some("/notes")
}

fn full(token: &Token, cache: CacheConfig, sampling: Sampling) -> Run {
    let verifier = oidc_auth::verifier(token, cache);
    let mut telemetry = otel_setup::Exported::new(Some(sampling));
    let policy: PolicyHandle = POLICY.parse().expect("a policy");
    let edge = Hardening::web().public_origin("https://app.example.com").build().expect("valid settings");
    let rate = EdgeRate::per_second(100_000).burst(1_000_000);
    let stack = Stack::builder(PeerLayer::new(TrustedProxies::none()))
        .telemetry(telemetry.layer())
        .hardening(edge.layer())
        .limits(LimitsLayer::new(Limits::new()).expect("valid settings"))
        .edge_limit(EdgeLimitLayer::new(rate).expect("valid settings"))
        .authentication(AuthLayer::new(verifier))
        .authorization(AuthorizeLayer::new(&policy, route))
        .build(Profile::Production)
        .expect("a whole stack");
    let mut run = requests(stack.layer(App), asking(token), StatusCode::OK);
    Box::new(move || {
        run();
        telemetry.count();
    })
}
