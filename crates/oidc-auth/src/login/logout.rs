//! The end: the session goes, here and at the provider.

use gambeson_core::{RequestFacts, RequestHead};
use http::{HeaderMap, Method, header};

use super::begin::with_query;
use super::handle::Login;
use super::session::{Session, SessionKey};
use super::step::{Outcome, Reply, Step};
use super::{ending, refusal};

/// A longer ID token makes no hint: addresses have an end.
const LONGEST_HINT: usize = 6_144;

/// POST from a page of this origin. GET never logs out: an image of another site could.
pub(super) fn logout(login: &Login, head: &RequestHead<'_>, facts: &RequestFacts) -> Step {
    if *head.method != Method::POST {
        return Step::Done(Err(refusal::method("POST")));
    }
    if !is_own(head.headers, login.parts().origin.as_str()) {
        return Step::Done(Err(refusal::cross_site()));
    }
    let key = login.session_key(head.headers);
    let (login, facts) = (login.clone(), facts.clone());
    Step::Later(Box::pin(async move { finish(&login, key, &facts).await }))
}

/// `Sec-Fetch-Site` where the browser sends it, else `Origin`. A client that sends neither is no browser of today, and the
/// cookie's `SameSite` keeps older ones from other sites.
fn is_own(headers: &HeaderMap, origin: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    headers.get(header::ORIGIN).is_none_or(|value| value.as_bytes() == origin.as_bytes())
}

async fn finish(login: &Login, key: Option<SessionKey>, facts: &RequestFacts) -> Outcome {
    let parts = login.parts();
    let cleared = parts.cookies.clear(&parts.cookies.session);
    let session = match key {
        Some(key) => match ending::log_out(login, key, facts).await {
            Ok(session) => session,
            // The browser forgets the id all the same.
            Err(unfinished) => {
                let rejection = refusal::log_out_unfinished(unfinished);
                return Err(cleared
                    .into_iter()
                    .fold(rejection, |rejection, cookie| rejection.header(header::SET_COOKIE, cookie)));
            }
        },
        None => None,
    };
    let mut location = login.post_logout_redirect_uri();
    if let Some(session) = session {
        location = at_provider(login, &session).unwrap_or(location);
    }
    let reply = Reply::see_other(&location);
    let reply = reply.ok_or_else(|| refusal::unavailable("the way out can't stand in a header"))?;
    Ok(reply.cookie(cleared).forgetting_pages())
}

/// The provider's own log-out (OpenID Connect RP-Initiated Logout 1.0 §2). Nobody waits for it to be found: where it is not known the
/// session ends here only.
fn at_provider(login: &Login, session: &Session) -> Option<String> {
    let parts = login.parts();
    let endpoints = parts.provider.warm().or_else(|| parts.provider.known())?;
    let url = endpoints.end_session.as_deref()?;
    let back = login.post_logout_redirect_uri();
    let mut pairs = vec![("client_id", parts.client.id()), ("post_logout_redirect_uri", &*back)];
    let hint = &*session.grant().id_token;
    if hint.len() <= LONGEST_HINT {
        pairs.push(("id_token_hint", hint));
    }
    Some(with_query(url, &pairs))
}
