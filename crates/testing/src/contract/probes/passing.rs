//! What passes, passes whole.

use gambeson_core::BoxError;
use http::{HeaderMap, HeaderValue, Request, Response};

use super::{Found, ensure};
use crate::contract::cases::MakeRequest;
use crate::contract::drive::{answer, poll_ready, readied, whole};
use crate::contract::inner::{INNER_FIELDS, InnerMark};
use crate::contract::subject::{AnyBody, AnyService, Subject};
use crate::contract::{Cases, Inner, InnerError, Seen, TestBody};

/// Rides in the extensions of the request: what outer layers left must reach the inner service.
#[derive(Clone)]
struct OuterMark;

/// A field of the request that no layer knows, on two lines.
const OUTER_FIELD: &str = "x-outer";
const OUTER_VALUES: [&str; 2] = ["one", "two"];

pub(super) async fn passes(build: &dyn Fn(Inner) -> AnyService, pass: &MakeRequest) -> Found {
    let inner = Inner::new();
    let mut service = build(inner.clone());
    let mut request = pass();
    request.extensions_mut().insert(OuterMark);
    for value in OUTER_VALUES {
        request.headers_mut().append(OUTER_FIELD, HeaderValue::from_static(value));
    }
    let sent = request.clone();
    let response = answer(&mut service, request)
        .await?
        .map_err(|error| format!("a request that must pass failed: {error}"))?;
    called_once(&inner, &response)?;
    if let Some(seen) = inner.seen().first() {
        request_unchanged(&sent, seen).await?;
    }
    answer_unchanged(response).await
}

fn called_once(inner: &Inner, response: &Response<AnyBody>) -> Found {
    let (calls, status) = (inner.calls(), response.status());
    ensure!(
        calls == 1,
        "a request that must pass called the inner service {calls} times, and was answered {status}"
    );
    let unreadied = inner.unreadied_calls();
    ensure!(unreadied == 0, "the inner service was called on an instance that was not polled ready");
    Ok(())
}

async fn request_unchanged(sent: &Request<TestBody>, seen: &Seen) -> Found {
    ensure!(seen.method == sent.method(), "the method became {}", seen.method);
    ensure!(seen.uri == *sent.uri(), "the request target became {}", seen.uri);
    ensure!(seen.version == sent.version(), "the version became {:?}", seen.version);
    let values = seen.headers.get_all(OUTER_FIELD);
    ensure!(
        values.iter().eq(OUTER_VALUES),
        "the request's header field {OUTER_FIELD} does not arrive as it was sent, on two lines"
    );
    ensure!(
        seen.extensions.get::<OuterMark>().is_some(),
        "what an outer layer left in the request's extensions is gone"
    );
    ensure!(!seen.body_failed, "the request's body broke off");
    let body = http_body_util::BodyExt::collect(sent.body().clone()).await;
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    ensure!(seen.body == body, "the request's body was changed");
    Ok(())
}

async fn answer_unchanged(response: Response<AnyBody>) -> Found {
    let (parts, body) = response.into_parts();
    ensure!(parts.status == 200, "the inner service's status 200 became {}", parts.status);
    fields_kept(&parts.headers)?;
    ensure!(
        parts.extensions.get::<InnerMark>().is_some(),
        "what the inner service left in the response's extensions is gone"
    );
    let body = whole(body).await?;
    ensure!(!body.failed, "the response body broke off");
    ensure!(!body.went_on_after_end, "the response body said is_end_stream and went on");
    ensure!(body.data == "inner service", "the response body was changed");
    let length = body.data.len() as u64;
    ensure!(
        body.promised.is_none_or(|promised| promised == length),
        "the response body's size hint promises {:?} bytes where it has {length}",
        body.promised
    );
    let trailers = body.trailers.unwrap_or_default();
    ensure!(trailers.contains_key("x-inner-trailer"), "the response's trailers are gone");
    Ok(())
}

/// Layers may add fields, lines and members; what the inner service said stays.
fn fields_kept(headers: &HeaderMap) -> Found {
    for (name, value) in INNER_FIELDS {
        let kept = headers.get_all(name).iter().any(|line| {
            line.to_str().is_ok_and(|line| line.split([',', ';']).any(|member| member.trim() == value))
        });
        ensure!(kept, "the inner service's header line `{name}: {value}` is gone");
    }
    let lines = headers.get_all("x-inner").iter().count();
    ensure!(lines == 2, "the inner service's two header lines x-inner became {lines}");
    Ok(())
}

pub(super) async fn errors(subject: &Subject, cases: &Cases) -> Found {
    let mut service = (subject.plain)(Inner::new().failing_readiness());
    let (_, waker) = crate::contract::drive::WakeCount::new();
    match poll_ready(&mut service, &waker) {
        std::task::Poll::Ready(Err(error)) => same(&error, InnerError::Readiness)?,
        other => return Err(format!("poll_ready said {other:?} where the inner service's failed")),
    }
    let inner = Inner::new().failing();
    let mut service = (subject.plain)(inner.clone());
    readied(&mut service).await?;
    match answer(&mut service, (cases.pass)()).await? {
        Err(error) => same(&error, InnerError::Call),
        Ok(response) => Err(format!(
            "an error of the inner service was answered with {} ({} calls)",
            response.status(),
            inner.calls()
        )),
    }
}

fn same(error: &BoxError, expected: InnerError) -> Found {
    let found = std::iter::successors(Some(&**error as &(dyn std::error::Error + 'static)), |e| e.source())
        .find_map(|error| error.downcast_ref::<InnerError>());
    ensure!(found == Some(&expected), "the inner service's error {expected:?} became another one: {error}");
    Ok(())
}
