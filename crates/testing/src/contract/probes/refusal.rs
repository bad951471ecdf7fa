//! What is refused never reaches the inner service.

use gambeson_core::{Refused, RequestFacts};
use http::Response;

use super::{Found, ensure};
use crate::contract::Inner;
use crate::contract::cases::MakeRequest;
use crate::contract::drive::{answer, whole};
use crate::contract::subject::{AnyBody, AnyService};

/// Sends the request that must be refused.
pub(crate) async fn refuses(build: &dyn Fn(Inner) -> AnyService, refuse: &MakeRequest) -> Found {
    let inner = Inner::new().permits(1);
    let mut service = build(inner.clone());
    let mut request = refuse();
    let facts = RequestFacts::ensure(&mut request);
    let outcome = answer(&mut service, request).await?;
    let calls = inner.calls();
    ensure!(
        calls == 0,
        "a request that must be refused called the inner service {calls} times; \
         what starts work in call has done it by then"
    );
    match outcome {
        Ok(response) => refused_answer(response).await?,
        Err(error) => ensure!(
            error.is::<Refused>(),
            "a request that must be refused failed with an error other than Refused: {error}"
        ),
    }
    ensure!(
        facts.rejection().is_some(),
        "the refusal is not in RequestFacts, where outer layers look for it"
    );
    drop(service);
    let free = inner.free_permits();
    ensure!(free == 1, "the refusal kept the inner service's permit ({free} of 1 free)");
    Ok(())
}

async fn refused_answer(response: Response<AnyBody>) -> Found {
    let (parts, body) = response.into_parts();
    let grpc = parts.headers.get("grpc-status").is_some_and(|status| status != "0");
    ensure!(
        grpc || !parts.status.is_success(),
        "a request that must be refused was answered with {}",
        parts.status
    );
    let body = whole(body).await?;
    ensure!(!body.failed, "the body of the refusal broke off");
    Ok(())
}
