//! Asking an app as graders would.

use std::fmt::Debug;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use gambeson_core::Scheme;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use tower_service::Service;

use super::answer::Answer;
use super::observatory::{FOREIGN_ORIGIN, Step};
use crate::Connection;

/// As many steps as graders go.
const MOST_STEPS: usize = 10;

/// An app, and the name under which it is asked.
#[derive(Debug)]
pub(super) struct Driver<S> {
    pub(super) app: S,
    pub(super) host: String,
}

impl<S> Driver<S> {
    /// The answer to this request over this scheme, or why there is none.
    pub(super) async fn ask<ResBody>(
        &self,
        scheme: Scheme,
        method: Method,
        path: &str,
        fields: HeaderMap,
    ) -> Result<Answer, String>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<ResBody>> + Clone,
        S::Error: Debug,
        ResBody: http_body::Body,
        ResBody::Error: Debug,
    {
        self.send(scheme, method, path, fields, "").await
    }

    async fn send<ResBody>(
        &self,
        scheme: Scheme,
        method: Method,
        path: &str,
        fields: HeaderMap,
        body: &'static str,
    ) -> Result<Answer, String>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<ResBody>> + Clone,
        S::Error: Debug,
        ResBody: http_body::Body,
        ResBody::Error: Debug,
    {
        let mut app = self.app.clone();
        let mut request = Request::new(Full::new(Bytes::from_static(body.as_bytes())));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|error| format!("{path:?} is no path: {error}"))?;
        *request.headers_mut() = fields;
        let host = self.host.parse().map_err(|error| format!("{:?} is no host: {error}", self.host))?;
        request.headers_mut().insert(header::HOST, host);
        let mut connection = Connection::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000)));
        connection.tls = scheme == Scheme::Https;
        request.extensions_mut().insert(connection);
        std::future::poll_fn(|cx| app.poll_ready(cx)).await.map_err(|error| format!("{error:?}"))?;
        let response = app.call(request).await.map_err(|error| format!("{error:?}"))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| format!("the body of {path} ended: {error:?}"))?;
        Ok(Answer::new(parts.status, parts.headers, body.to_bytes()))
    }

    /// The answer to a preflight of a stranger's page.
    pub(super) async fn preflight<ResBody>(&self, path: &str) -> Result<Answer, String>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<ResBody>> + Clone,
        S::Error: Debug,
        ResBody: http_body::Body,
        ResBody::Error: Debug,
    {
        let mut fields = HeaderMap::new();
        fields.insert(header::ORIGIN, http::HeaderValue::from_static(FOREIGN_ORIGIN));
        fields.insert(header::ACCESS_CONTROL_REQUEST_METHOD, http::HeaderValue::from_static("GET"));
        self.ask(Scheme::Https, Method::OPTIONS, path, fields).await
    }

    /// The answer to a browser's post of no reports at all to this address; `None` for another host's.
    pub(super) async fn report<ResBody>(&self, address: &str) -> Option<Result<Answer, String>>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<ResBody>> + Clone,
        S::Error: Debug,
        ResBody: http_body::Body,
        ResBody::Error: Debug,
    {
        let (_, path) = self.own(address)?;
        let mut fields = HeaderMap::new();
        let kind = http::HeaderValue::from_static("application/reports+json");
        fields.insert(header::CONTENT_TYPE, kind);
        Some(self.send(Scheme::Https, Method::POST, &path, fields, "[]").await)
    }

    /// The way of a request over plain http, as long as it stays with this host, and its first answer.
    pub(super) async fn over_http<ResBody>(&self, path: &str) -> Result<(Answer, Vec<Step>), String>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<ResBody>> + Clone,
        S::Error: Debug,
        ResBody: http_body::Body,
        ResBody::Error: Debug,
    {
        let (mut scheme, mut path) = (Scheme::Http, path.to_owned());
        let (mut steps, mut first) = (Vec::new(), None);
        loop {
            let answer = self.ask(scheme, Method::GET, &path, HeaderMap::new()).await?;
            steps.push(Step::new(format!("{scheme}://{}{path}", self.host), answer.status.as_u16()));
            let to = answer.field("location").filter(|_| answer.status.is_redirection());
            let first = first.get_or_insert(answer).clone();
            let Some(to) = to.filter(|_| steps.len() < MOST_STEPS) else { return Ok((first, steps)) };
            match self.own(&to) {
                Some((next, own)) => (scheme, path) = (next.unwrap_or(scheme), own),
                None => {
                    steps.push(Step::new(to, 200));
                    return Ok((first, steps));
                }
            }
        }
    }

    /// Scheme and path of an address of this host; `None` for another's.
    fn own(&self, address: &str) -> Option<(Option<Scheme>, String)> {
        let (scheme, rest) = match address.split_once("://") {
            None if address.starts_with('/') && !address.starts_with("//") => {
                return Some((None, address.to_owned()));
            }
            None => return None,
            Some(("https", rest)) => (Scheme::Https, rest),
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(_) => return None,
        };
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        (host == self.host).then(|| (Some(scheme), path.to_owned()))
    }
}
