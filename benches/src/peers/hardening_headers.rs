//! tower-http's header layers, and governor's keyed limiter.

use std::hint::black_box;
use std::num::NonZeroU32;

use governor::{Quota, RateLimiter};
use http::{HeaderName, HeaderValue, StatusCode, header};
use tower::Layer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::Case;
use crate::cases::hardening_headers::{addresses, request};
use crate::drive::{App, requests};

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
    match case.name {
        "headers_web_no_nonce" => case.peer("tower-http", || {
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
            requests(app, request, StatusCode::OK)
        }),
        "limiter_1m_keys" => case.peer("governor", || {
            let limiter = RateLimiter::keyed(Quota::per_second(NonZeroU32::new(20).expect("not zero")));
            let mut addresses = addresses();
            Box::new(move || {
                let _ = black_box(limiter.check_key(&addresses()));
            })
        }),
        _ => case,
    }
}
