//! Ours: the layer, as an app has it.

use std::convert::Infallible;
use std::net::IpAddr;

use bytes::Bytes;
use gambeson_core::{PeerInfo, Principal, Profile, RequestFacts};
use gambeson_oidc_auth::{AuthLayer, Issuer, Verifier};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};

use crate::drive::NoBody;
use crate::peers::oidc_auth::Guard;
use crate::token;

pub(super) struct Gambeson(AuthLayer);

impl Guard for Gambeson {
    const NAME: &'static str = "gambeson";
    type Asked = (String, IpAddr);
    type Accepted = Principal;

    async fn start(issuer: &str, _: &str) -> Self {
        let verifier = Verifier::builder(Issuer::discover(issuer)).audience(token::AUDIENCE);
        Self(AuthLayer::required(verifier.run_in(Profile::Development).build().expect("valid settings")))
    }

    fn ask(token: &str, client: IpAddr) -> (String, IpAddr) {
        (format!("Bearer {token}"), client)
    }

    async fn decide(&self, (bearer, client): &(String, IpAddr)) -> Result<Principal, StatusCode> {
        let mut peer = PeerInfo::new();
        peer.address = Some(*client);
        let facts = RequestFacts::new();
        facts.set_peer(peer);
        let request = Request::get("/notes").header("authorization", bearer).extension(facts.clone());
        let app = service_fn(async |_: Request<NoBody>| {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        });
        let answer = self.0.layer(app).oneshot(request.body(NoBody::new()).expect("a request")).await;
        match answer.expect("it never fails").status() {
            StatusCode::OK => facts.principal().cloned().ok_or(StatusCode::UNAUTHORIZED),
            refused => Err(refused),
        }
    }

    fn subject(accepted: &Principal) -> &str {
        accepted.subject()
    }
}
