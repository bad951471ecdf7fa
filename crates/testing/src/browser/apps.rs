//! Apps of this process, that no socket is needed for.

use std::sync::Arc;

use bytes::Bytes;
use gambeson_core::{BoxError, BoxFuture};
use http::{Extensions, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use tower::{Service, ServiceExt};
use url::Url;

use super::network::LONGEST;

type Answers = dyn Fn(Request<Bytes>) -> BoxFuture<Result<Response<Bytes>, String>> + Send + Sync;

/// Apps by their origins.
#[derive(Clone, Default)]
pub(super) struct Apps {
    known: Vec<(Url, Arc<Answers>)>,
    extensions: Extensions,
    /// An origin that is none: told when the browser is used.
    wrong: Option<String>,
}

/// One app, with what its server would say of a connection.
pub(super) struct App<'a> {
    answers: &'a Answers,
    extensions: &'a Extensions,
}

impl Apps {
    pub(super) fn add<S, R>(&mut self, origin: &str, app: S)
    where
        S: Service<Request<Full<Bytes>>, Response = Response<R>, Error: Into<BoxError>, Future: Send>,
        S: Clone + Send + Sync + 'static,
        R: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let answers = move |request: Request<Bytes>| -> BoxFuture<Result<Response<Bytes>, String>> {
            let app = app.clone();
            Box::pin(async move {
                let answer = app.oneshot(request.map(Full::new)).await.map_err(text)?;
                let (parts, body) = answer.into_parts();
                let body = Limited::new(body, LONGEST).collect().await.map_err(text)?;
                Ok(Response::from_parts(parts, body.to_bytes()))
            })
        };
        match Url::parse(origin) {
            Ok(url) if url.has_host() => self.known.push((url, Arc::new(answers))),
            _ => {
                let wrong =
                    format!("{origin:?} is no origin of an app: write one like http://127.0.0.1:3000");
                self.wrong = Some(wrong);
            }
        }
    }

    pub(super) fn extension<T: Clone + Send + Sync + 'static>(&mut self, extension: T) {
        self.extensions.insert(extension);
    }

    /// Where addresses without a host lead.
    pub(super) fn first(&self) -> Result<Option<&Url>, String> {
        match &self.wrong {
            Some(wrong) => Err(wrong.clone()),
            None => Ok(self.known.first().map(|(origin, _)| origin)),
        }
    }

    /// The app that answers at this address.
    pub(super) fn at(&self, url: &Url) -> Option<App<'_>> {
        let (_, answers) = self.known.iter().find(|(known, _)| known.origin() == url.origin())?;
        Some(App { answers: &**answers, extensions: &self.extensions })
    }
}

impl App<'_> {
    pub(super) fn answer(&self, mut request: Request<Bytes>) -> BoxFuture<Result<Response<Bytes>, String>> {
        request.extensions_mut().extend(self.extensions.clone());
        (self.answers)(request)
    }
}

/// The whole chain: the first one alone most often says nothing.
fn text(error: impl Into<BoxError>) -> String {
    let error = error.into();
    let mut out = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        out.push_str(&format!(": {error}"));
        source = error.source();
    }
    out
}
