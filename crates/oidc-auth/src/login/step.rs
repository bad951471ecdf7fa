//! What the log-in answers on its own paths.

use gambeson_core::{BoxFuture, Rejection};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

/// A redirect with its cookies.
#[derive(Debug)]
pub(super) struct Reply {
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// How one of the own paths ends.
pub(super) type Outcome = Result<Reply, Rejection>;

/// What is left to do with a request to one of the own paths.
pub(super) enum Step {
    Done(Outcome),
    Later(BoxFuture<Outcome>),
}

impl Reply {
    /// 303: whatever the method was, the next is GET (RFC 9110 §15.4.4). A form with a secret is never sent on (307, 308).
    pub(super) fn see_other(location: &str) -> Option<Self> {
        let mut location = HeaderValue::from_str(location).ok()?;
        // State and nonce on the way out, an ID token at the log-out: nothing for a log of header fields.
        location.set_sensitive(true);
        Some(Self { headers: vec![(header::LOCATION, location)] })
    }

    pub(super) fn cookie(mut self, cookie: Option<HeaderValue>) -> Self {
        self.headers.extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
        self
    }

    /// Has the browser forget the pages that it keeps of this origin (W3C Clear Site Data §3.1): the way back from memory too, into
    /// which some browsers put pages that say `no-store`.
    pub(super) fn forgetting_pages(mut self) -> Self {
        let name = HeaderName::from_static("clear-site-data");
        self.headers.push((name, HeaderValue::from_static("\"cache\"")));
        self
    }

    pub(super) fn into_response<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::SEE_OTHER;
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

/// What every answer of the own paths carries: nobody keeps it, and the next page does not learn the address with the code.
pub(super) fn mark<B>(response: &mut Response<B>) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}
