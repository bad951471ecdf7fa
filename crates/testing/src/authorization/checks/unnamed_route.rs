//! A service mounted whole and a fallback have no template that a policy could be bound to.

use axum::Router;
use http::Uri;
use http::uri::PathAndQuery;

use super::{Fault, Found, ensure};
use crate::authorization::application::erase;
use crate::authorization::guard::Plan;
use crate::authorization::site::Site;
use crate::authorization::{App, AxumApp};
use crate::contract::Inner;
use crate::contract::cases::MakeRequest;
use crate::contract::tower_inner::TowerInner;

/// Paths that the router does not name: in the mounted service, and in the fallback.
const UNNAMED: [&str; 2] = ["/mounted-service/deep", "/not-named"];

/// The same requests, elsewhere: who may call the named route may call nothing that has no name.
pub(super) async fn unnamed_route(plan: &Plan) -> Found {
    let Some((template, put)) = &plan.router else {
        return Err(Fault::Untried("say how the layer is put on a router: `.on_router(…)`"));
    };
    let work = Inner::new();
    let app = App::new(TowerInner::new(work.clone()));
    let framed = AxumApp::new(app.clone());
    let router = Router::new()
        .route_service(template, framed.clone())
        .nest_service("/mounted-service", framed.clone())
        .fallback_service(framed);
    let service = erase::<AxumApp, _, _>(put(router));
    let mut site = Site { service, app, work };
    let named = site.passes((plan.allowed)()).await;
    named.map_err(|what| format!("the named route {template}: {what}"))?;
    let mut wrong = Vec::new();
    for path in UNNAMED {
        for (who, make) in who(plan) {
            let mut request = make();
            *request.uri_mut() = Uri::from(PathAndQuery::from_static(path));
            if let Err(what) = site.refuses(request).await {
                wrong.push(format!("{path}, asked for by {who}: {what}"));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}

fn who(plan: &Plan) -> impl Iterator<Item = (&'static str, &MakeRequest)> {
    let known = [("who may call the named route", &plan.allowed), ("who may not", &plan.refused)];
    known.into_iter().chain(plan.nobody.as_ref().map(|nobody| ("nobody", nobody)))
}
