//! Signing in without a browser.

use http::HeaderMap;
use http::header::LOCATION;
use url::Url;

use super::answer::Answer;
use super::authorization_request::{AuthorizationRequest, Refused};
use super::authorize;
use super::form::Form;
use super::state::State;
use super::{DevIdpError, DevIdpErrorKind};

/// Opens the address and presses the person's button, without any cookie.
pub(super) fn sign_in(state: &State, authorize_url: &str, person: &str) -> Result<String, DevIdpError> {
    let failed = |what: String| DevIdpError::new(DevIdpErrorKind::SignIn, what);
    let endpoint = format!("{}/authorize", state.issuer);
    let url = Url::parse(authorize_url)
        .map_err(|error| failed(format!("{authorize_url:?} is not an address")).because(error))?;
    let query = url.query().unwrap_or_default();
    if authorize_url.split(['?', '#']).next() != Some(endpoint.as_str()) {
        return Err(failed(format!("{authorize_url:?} is not at {endpoint}")));
    }
    let headers = HeaderMap::new();
    let request = Form::parse(query.as_bytes());
    if let Some(location) = location(&authorize::authorize(state, &headers, &request)) {
        return Ok(location);
    }
    let pressed = authorize::sign_in(state, &headers, &Form::pressed(query, person));
    location(&pressed).ok_or_else(|| failed(why(state, &request, person)))
}

/// What the page says in place of a redirect.
fn why(state: &State, request: &Form, person: &str) -> String {
    match AuthorizationRequest::parse(state, request) {
        Err(Refused::Page(why)) => why,
        _ => format!("the provider knows nobody called {person:?}"),
    }
}

fn location(answer: &Answer) -> Option<String> {
    answer.headers().get(LOCATION)?.to_str().ok().map(str::to_owned)
}
