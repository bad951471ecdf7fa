//! What a protected resource says of itself, so that a client that knows nothing but its address finds out whom to ask for a
//! token (OAuth 2.0 Protected Resource Metadata, RFC 9728). Clients of the Model Context Protocol need it.

mod builder;
mod service;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use gambeson_core::{Access, EndpointSpec};
use http::{HeaderValue, Method, Response, header};

pub use self::builder::ProtectedResourceBuilder;
pub use self::service::MetadataService;

/// The metadata of one protected resource: a document at its well-known place, and its address for challenges. A clone is
/// one atomic increment.
///
/// ```
/// use bytes::Bytes;
/// use gambeson_oidc_auth::{AuthLayer, Issuer, ProtectedResource, Verifier};
///
/// # fn main() -> Result<(), gambeson_core::ConfigError> {
/// let resource = ProtectedResource::builder("https://notes.example.com/mcp")
///     .issuer("https://id.example.com")
///     .scopes(["notes:read"])
///     .name("Notes")
///     .build()?;
/// assert_eq!(resource.path(), "/.well-known/oauth-protected-resource/mcp");
/// assert!(resource.answer::<Bytes>().body().starts_with(b"{\"resource\":\"https://notes.example.com/mcp\""));
///
/// # let issuer = Issuer::static_keys("https://id.example.com", r#"{"keys":[]}"#);
/// // A token for this resource, and challenges that lead a client to the document.
/// let verifier = Verifier::builder(issuer).audience(resource.id()).build()?;
/// let layer = AuthLayer::required(verifier).resource_metadata(resource.url());
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
///
/// The document is public: mount it outside of [`AuthLayer::required`](crate::AuthLayer::required), in axum by
/// `route(resource.path(), get(…))` with [`ProtectedResource::answer`], or with [`ProtectedResource::service`] anywhere. A browser's
/// client of another origin needs CORS, which is the hardening layer's.
#[derive(Clone)]
pub struct ProtectedResource(Arc<Document>);

struct Document {
    id: Box<str>,
    url: Box<str>,
    /// Where the path begins in `url`.
    path: usize,
    body: Bytes,
}

/// An hour: what changes here changes with a release.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=3600");

impl ProtectedResource {
    /// Describes the resource with this identifier: the `https` URL that clients call, with a path where one host has several
    /// (RFC 9728 §1.2). It is what tokens name as their audience (RFC 8707 §2).
    pub fn builder(id: impl Into<Box<str>>) -> ProtectedResourceBuilder {
        ProtectedResourceBuilder::new(id.into())
    }

    /// The identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Where the document is, for [`AuthLayer::resource_metadata`](crate::AuthLayer::resource_metadata) (§5.1).
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The path of the document: `/.well-known/oauth-protected-resource` and the resource's own path (§3.1).
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.url.get(self.0.path..).unwrap_or_default()
    }

    /// The document as JSON (§3.2).
    #[must_use]
    pub fn document(&self) -> &Bytes {
        &self.0.body
    }

    /// The document as an answer with any body that bytes become.
    #[must_use]
    pub fn answer<B: From<Bytes>>(&self) -> Response<B> {
        let mut answer = Response::new(B::from(self.0.body.clone()));
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, CACHE);
        answer
    }

    /// The document as a service, with any body that bytes become.
    #[must_use]
    pub fn service<B>(&self) -> MetadataService<B> {
        MetadataService::new(self.clone())
    }

    /// The endpoint, for a router that lists what is public.
    #[must_use]
    pub fn endpoint(&self) -> EndpointSpec {
        let why = "clients learn from it whom to ask for a token (RFC 9728)";
        EndpointSpec::new(Method::GET, self.path().to_owned(), Access::Public(why.into()))
    }
}

impl fmt::Debug for ProtectedResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtectedResource")
            .field("id", &self.0.id)
            .field("url", &self.0.url)
            .finish_non_exhaustive()
    }
}
