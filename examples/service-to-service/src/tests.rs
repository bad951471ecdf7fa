//! Both services as people meet them, over loopback.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use gambeson_core::{Spawn, TokioSpawn};
use gambeson_testing::Fault;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

struct Scene {
    idp: DevIdp,
    shop: Router,
}

impl Scene {
    async fn start() -> Self {
        let idp = provider("127.0.0.1:0").await.unwrap();
        let issuer = Issuer::discover(idp.issuer());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let shop = shop::app(&issuer, shop_client(), &origin, &[], Profile::Development).unwrap();
        let stock = stock::app(issuer, Profile::Development).unwrap();
        TokioSpawn::new().spawn(Box::pin(async move { drop(axum::serve(listener, stock).await) }));
        Self { idp, shop }
    }

    fn token(&self, person: &str, scope: &str) -> String {
        self.idp.mint().user(person).scope(scope).token()
    }

    async fn ask(&self, method: Method, path: &str, token: Option<String>) -> (StatusCode, String) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let answer = self.shop.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

#[tokio::test]
async fn the_shop_asks_for_itself_with_one_token_for_all() {
    let scene = Scene::start().await;
    for _ in 0..5 {
        let told = scene.ask(Method::GET, "/price", None).await;
        assert_eq!(told, (StatusCode::OK, "3 EUR for shop\n".to_owned()));
    }
    assert_eq!(scene.idp.requests("/token"), 1);
}

#[tokio::test]
async fn the_stock_learns_for_whom_the_shop_asks() {
    let scene = Scene::start().await;
    for person in ["alice", "bob"] {
        let token = scene.token(person, "stock:write");
        let told = scene.ask(Method::POST, "/orders", Some(token)).await;
        assert_eq!(told, (StatusCode::OK, format!("reserved for {person}, asked by shop\n")));
    }
}

#[tokio::test]
async fn who_may_not_order_does_not_get_it_through_the_shop() {
    let scene = Scene::start().await;
    assert_eq!(scene.ask(Method::POST, "/orders", None).await.0, StatusCode::UNAUTHORIZED);
    let reader = scene.token("bob", "stock:read");
    assert_eq!(scene.ask(Method::POST, "/orders", Some(reader)).await.0, StatusCode::FORBIDDEN);
    let for_another = scene.idp.mint().user("alice").audience("stock").scope("stock:write").token();
    assert_eq!(scene.ask(Method::POST, "/orders", Some(for_another)).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_provider_that_is_down_costs_nothing_while_the_token_is_good() {
    let scene = Scene::start().await;
    assert_eq!(scene.ask(Method::GET, "/price", None).await.0, StatusCode::OK);
    scene.idp.fault(Fault::Down);
    assert_eq!(scene.ask(Method::GET, "/price", None).await.0, StatusCode::OK);
    let cold = Scene::start().await;
    cold.idp.fault(Fault::Down);
    assert_eq!(cold.ask(Method::GET, "/price", None).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn in_production_the_shop_reaches_the_networks_that_it_is_told_of_and_no_others_inside() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let stock = Router::new().route("/", axum::routing::get(async || "here"));
    TokioSpawn::new().spawn(Box::pin(async move { drop(axum::serve(listener, stock).await) }));
    let ask = async |networks: &[String]| {
        let request = Request::get(&uri).body(http_body_util::Full::<bytes::Bytes>::default()).unwrap();
        shop::http(networks, Profile::Production)
            .unwrap()
            .oneshot(request)
            .await
            .map(|answer| answer.status())
    };
    assert!(ask(&[]).await.is_err());
    assert!(ask(&["10.20.0.0/16".to_owned()]).await.is_err());
    assert_eq!(ask(&["127.0.0.1".to_owned()]).await.unwrap(), StatusCode::OK);
}

#[test]
fn production_wants_https() {
    let issuer = Issuer::discover("https://id.example.com");
    let error =
        shop::app(&issuer, shop_client(), "http://stock.example.com", &[], Profile::Production).unwrap_err();
    assert!(error.to_string().contains("write https"), "{error}");
    let loopback = Issuer::discover("http://127.0.0.1:3001");
    assert!(stock::app(loopback, Profile::Production).is_err());
}
