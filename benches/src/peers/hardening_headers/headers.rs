//! Other layers that put headers onto a page: tower-http with as many as ours has, the two helmets with their defaults.

use axum_helmet::Helmet;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use tower::{Layer as _, Service};
use tower_helmet::HelmetLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::cases::hardening_headers::request;
use crate::drive::{Answer, App, NoBody, now, requests};
use crate::{Case, Run};

/// The headers that ours adds to a page over TLS, each by one layer.
macro_rules! stacked {
    ($app:expr $(, $name:expr => $value:literal)+ $(,)?) => {{
        let app = $app;
        $(
            let name: HeaderName = $name;
            let app = SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static($value)).layer(app);
        )+
        app
    }};
}

pub(super) fn join(case: Case) -> Case {
    case.peer("tower-http", tower_http)
        .peer("tower-helmet", || protecting(HelmetLayer::with_defaults().layer(App)))
        .peer("axum-helmet", || {
            let layer = Helmet::default().into_layer().expect("its own defaults are valid");
            protecting(layer.layer(App))
        })
}

fn tower_http() -> Run {
    let app = stacked!(App,
        header::CONTENT_SECURITY_POLICY => "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'",
        header::STRICT_TRANSPORT_SECURITY => "max-age=86400",
        header::X_CONTENT_TYPE_OPTIONS => "nosniff",
        header::X_FRAME_OPTIONS => "DENY",
        header::REFERRER_POLICY => "strict-origin-when-cross-origin",
        HeaderName::from_static("permissions-policy") => "camera=(), geolocation=(), microphone=()",
        HeaderName::from_static("cross-origin-opener-policy") => "same-origin",
        HeaderName::from_static("cross-origin-resource-policy") => "same-origin",
    );
    protecting(app)
}

/// The case, once the peer was seen to send the headers that all of them send.
fn protecting<S>(mut service: S) -> Run
where
    S: Service<http::Request<NoBody>, Response = Answer> + 'static,
    S::Error: std::fmt::Debug,
{
    let answer: Response<_> = now(service.call(request())).expect("the service answers");
    for name in
        [header::CONTENT_SECURITY_POLICY, header::STRICT_TRANSPORT_SECURITY, header::X_CONTENT_TYPE_OPTIONS]
    {
        assert!(answer.headers().contains_key(&name), "{name} is sent");
    }
    requests(service, request, StatusCode::OK)
}
