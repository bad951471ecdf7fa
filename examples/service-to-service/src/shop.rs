//! The service that calls: with a token of its own, and with one on behalf of who called it. Neither lasts longer than five
//! minutes, neither goes anywhere but to the stock, and the token by which a person came in never leaves for it.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use gambeson_client::{Client, ClientService};
use gambeson_core::{BoxError, ConfigError, Profile, Refused, TransportLimits};
use gambeson_oidc_auth::outgoing::{CallerToken, ClonedBody, TokenLayer, TokenService, TokenSource};
use gambeson_oidc_auth::{AuthLayer, ClientAuth, Issuer, Verifier};
use http_body_util::Full;
use tower::{Layer, ServiceExt};

/// The stock behind tokens of one kind. A request that is answered 401 is sent once more, with a fresh token.
type Stock = TokenService<ClientService, ClonedBody>;

#[derive(Clone)]
struct Shop {
    stock_origin: String,
    by_itself: Stock,
    for_callers: Stock,
}

pub fn app(
    issuer: &Issuer,
    client: ClientAuth,
    stock_origin: &str,
    stock_networks: &[String],
    profile: Profile,
) -> Result<Router, ConfigError> {
    let own = TokenSource::client_credentials(issuer.clone(), client.clone())
        .audience("stock")
        .scope("stock:read")
        .run_in(profile)
        .build()?;
    let exchanged = TokenSource::on_behalf_of(issuer.clone(), client)
        .audience("stock")
        .actor(own.clone())
        .run_in(profile)
        .build()?;
    let http = http(stock_networks, profile)?;
    let to_stock = |source| {
        let layer = TokenLayer::builder(source).origin(stock_origin).run_in(profile).build()?;
        Ok::<_, ConfigError>(layer.repeat_with(ClonedBody).layer(http.clone()))
    };
    let shop = Shop {
        stock_origin: stock_origin.to_owned(),
        by_itself: to_stock(own)?,
        for_callers: to_stock(exchanged)?,
    };
    let people = Verifier::builder(issuer.clone()).audience("shop").run_in(profile).build()?;
    Ok(Router::new()
        .route("/orders", post(order))
        .layer(AuthLayer::required(people))
        .route("/price", get(price))
        .with_state(shop))
}

/// Connects to public addresses and to these networks, whatever a name resolves to; through the proxy that the environment names.
pub fn http(networks: &[String], profile: Profile) -> Result<ClientService, ConfigError> {
    let limits = TransportLimits::default().allow_special_use_addresses(!profile.is_production());
    Ok(Client::builder().proxy_from_env().allow_private(networks).build()?.service(limits))
}

/// Everybody may ask; the shop asks the stock for itself.
async fn price(State(shop): State<Shop>) -> Response {
    let request = shop.to_stock(Method::GET, "/price");
    answer(shop.by_itself.oneshot(request).await)
}

/// A person orders; the stock learns who, and that it was the shop that asked.
async fn order(State(shop): State<Shop>, headers: HeaderMap) -> Response {
    let mut request = shop.to_stock(Method::POST, "/reserve");
    request.extensions_mut().insert(CallerToken::from_headers(&headers));
    answer(shop.for_callers.oneshot(request).await)
}

impl Shop {
    fn to_stock(&self, method: Method, path: &str) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::default());
        *request.method_mut() = method;
        if let Ok(uri) = format!("{}{path}", self.stock_origin).parse() {
            *request.uri_mut() = uri;
        }
        request
    }
}

/// What the stock said, or why it was not asked.
fn answer(answer: Result<Response<Full<Bytes>>, BoxError>) -> Response {
    match answer {
        Ok(answer) => (answer.status(), Body::new(answer.into_body())).into_response(),
        Err(error) => match error.downcast::<Refused>() {
            Ok(refused) => (refused.0.status(), refused.0.public_detail().to_owned()).into_response(),
            Err(_) => (StatusCode::BAD_GATEWAY, "the stock can't be reached").into_response(),
        },
    }
}
