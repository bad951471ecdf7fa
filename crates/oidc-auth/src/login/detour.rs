//! A page that was asked for without a session: its browser is sent to log in, and back.

use form_urlencoded::Serializer;
use gambeson_core::{RequestFacts, Wants};
use http::{Method, Request, Response, StatusCode, header};

use super::handle::Login;
use super::step::{self, Reply};

/// Where a browser is sent if its navigation is answered 401 by a layer further inside.
pub(super) struct Detour {
    to: String,
    facts: RequestFacts,
}

impl Detour {
    /// Only where nobody is known, and a person waits for a page: a script gets its 401, and a form is not sent twice.
    pub(super) fn of<B>(login: &Login, request: &Request<B>, facts: &RequestFacts) -> Option<Box<Self>> {
        let page = facts.wants() == Wants::Page && *request.method() == Method::GET;
        if !page || facts.principal().is_some() || request.headers().contains_key(header::AUTHORIZATION) {
            return None;
        }
        let back = request.uri().path_and_query().map_or("/", |back| back.as_str());
        let query = Serializer::new(String::new()).append_pair("return_to", back).finish();
        Some(Box::new(Self { to: format!("{}?{query}", login.paths().login), facts: facts.clone() }))
    }

    /// A 401 of the app's own, which no layer answered, stays as it is.
    pub(super) fn answer<B: Default>(&self, response: Response<B>) -> Response<B> {
        let refused = self.facts.rejection().map(gambeson_core::Rejection::status);
        if response.status() != StatusCode::UNAUTHORIZED || refused != Some(StatusCode::UNAUTHORIZED) {
            return response;
        }
        let Some(reply) = Reply::see_other(&self.to) else { return response };
        let mut response = reply.into_response();
        step::mark(&mut response);
        response
    }
}
