//! Where the matched route template comes from.

use gambeson_core::{RequestHead, RouteSource};

/// The template that axum's router matched; use the layer inside the router, through `Router::layer`.
///
/// A service mounted with `nest_service` and a fallback have no template, so nothing is assumed about them.
#[cfg(feature = "axum-router")]
#[derive(Debug, Clone, Copy, Default)]
pub struct AxumRoute;

#[cfg(feature = "axum-router")]
impl RouteSource for AxumRoute {
    fn template<'a>(&self, head: &RequestHead<'a>) -> Option<&'a str> {
        head.extensions.get::<axum::extract::MatchedPath>().map(axum::extract::MatchedPath::as_str)
    }
}

/// Reads a path parameter as the handler will, decoded. Any function of that shape is one.
pub trait ParameterSource: Send + Sync + 'static {
    /// The value of the parameter `name`; `None`: the matched route has none, or it is no text.
    fn parameter(&self, head: &RequestHead<'_>, name: &str) -> Option<String>;
}

impl<F> ParameterSource for F
where
    F: Fn(&RequestHead<'_>, &str) -> Option<String> + Send + Sync + 'static,
{
    fn parameter(&self, head: &RequestHead<'_>, name: &str) -> Option<String> {
        self(head, name)
    }
}

#[cfg(feature = "axum-router")]
impl ParameterSource for AxumRoute {
    fn parameter(&self, head: &RequestHead<'_>, name: &str) -> Option<String> {
        use std::pin::pin;
        use std::task::{Context, Poll, Waker};

        use axum::extract::{FromRequestParts, RawPathParams};

        // Only axum's extractor can read what its router found, and it wants parts.
        let (mut parts, ()) = http::Request::new(()).into_parts();
        parts.extensions = head.extensions.clone();
        let reading = pin!(RawPathParams::from_request_parts(&mut parts, &()));
        match reading.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(parameters)) => {
                parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
            }
            _ => None,
        }
    }
}

/// The gRPC method, `/package.Service/Method`; the policy names it as `"POST /package.Service/Method"`.
///
/// Exactly two segments without a percent sign: what tonic routes by is compared byte for byte, so there is one
/// spelling of each method.
#[derive(Debug, Clone, Copy, Default)]
pub struct GrpcMethod;

impl RouteSource for GrpcMethod {
    fn template<'a>(&self, head: &RequestHead<'a>) -> Option<&'a str> {
        let path = head.uri.path();
        let (service, method) = path.strip_prefix('/')?.split_once('/')?;
        let plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
        };
        (plain(service) && plain(method)).then_some(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grpc_method_has_one_spelling() {
        for (path, expected) in [
            ("/notes.v1.Notes/List", Some("/notes.v1.Notes/List")),
            ("/notes.v1.Notes/List/", None),
            ("//List", None),
            ("/notes.v1.Notes/%4cist", None),
            ("/", None),
        ] {
            let request = http::Request::post(path).body(()).unwrap();
            assert_eq!(GrpcMethod.template(&RequestHead::from(&request)), expected, "{path}");
        }
    }
}
