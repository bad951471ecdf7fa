//! The log-in itself, which layers and app share.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{
    Access, AuditSink, Clock, EndpointSpec, Entropy, Exempt, Spawn, Subject, Timer, Timestamp,
};
use http::{HeaderMap, Method, Uri};

use super::backchannel::{BackchannelLogout, LogoutTokens};
use super::builder::LoginBuilder;
use super::cookies::Cookies;
use super::ending::{self, SessionlessTokens};
use super::id_token::Expected;
use super::origin::PublicOrigin;
use super::paths::LoginPaths;
use super::provider::{Endpoints, Provider};
use super::random::Random;
use super::refresh::InFlight;
use super::seal::Sealer;
use super::session::{SessionKey, SessionLifetime};
use super::store::{SessionStore, SessionStoreError, SessionsOf};
use super::telemetry;
use crate::denylist::{Denial, Denylist};
use crate::issuer::Issuer;
use crate::shares::Shares;
use crate::step_up::StepUp;
use crate::token_endpoint::ClientAuth;
use crate::verifier::Verifier;

/// Signs browsers in and out at one provider. A clone is one atomic increment.
#[derive(Clone)]
pub struct Login(Arc<Inner>);

pub(super) struct Inner {
    pub(super) client: ClientAuth,
    pub(super) trusted_audiences: Vec<Box<str>>,
    pub(super) form_action: Vec<String>,
    pub(super) acr_values: Vec<Box<str>>,
    pub(super) cookies: Cookies,
    pub(super) origin: PublicOrigin,
    pub(super) paths: LoginPaths,
    pub(super) scope: String,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) lifetime: SessionLifetime,
    pub(super) sealer: Sealer,
    pub(super) verifier: Verifier,
    pub(super) provider: Provider,
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) spawn: Arc<dyn Spawn>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) audit: Option<Arc<dyn AuditSink>>,
    pub(super) in_flight: InFlight,
    pub(super) timer: Arc<dyn Timer>,
    pub(super) denylist: Option<Denylist>,
    pub(super) sessionless_tokens: SessionlessTokens,
    pub(super) waiting_log_outs: Arc<Shares>,
    pub(super) logout_tokens: LogoutTokens,
    pub(super) userinfo: bool,
}

/// A path that the layer answers by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    Login,
    Callback,
    Logout,
}

impl Login {
    /// Starts to describe a log-in of this app, which the provider knows by `client_id`.
    pub fn builder(issuer: Issuer, client_id: impl Into<Box<str>>) -> LoginBuilder {
        LoginBuilder::new(issuer, client_id.into())
    }

    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// The sessions, to end them.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        Sessions(self.clone())
    }

    /// The paths.
    #[must_use]
    pub fn paths(&self) -> &LoginPaths {
        &self.0.paths
    }

    /// The address to register with the provider as `redirect_uri`.
    #[must_use]
    pub fn redirect_uri(&self) -> String {
        self.0.origin.url(&self.0.paths.callback)
    }

    /// The address to register with the provider as `post_logout_redirect_uri`.
    #[must_use]
    pub fn post_logout_redirect_uri(&self) -> String {
        self.0.origin.url(&self.0.paths.after_logout)
    }

    /// The endpoints that the layer answers by itself, for a router that lists what there is.
    #[must_use]
    pub fn endpoints(&self) -> [EndpointSpec; 3] {
        let paths = &self.0.paths;
        let public = |method, path: &str, why: &'static str| {
            EndpointSpec::new(method, path.to_owned(), Access::Public(Cow::Borrowed(why)))
        };
        [
            public(Method::GET, &paths.login, "who logs in is not known yet"),
            public(Method::GET, &paths.callback, "who comes back from the provider is not known yet"),
            public(Method::POST, &paths.logout, "who is not logged in may log out all the same"),
        ]
    }

    /// What the provider tells of log-outs elsewhere: a service for [`LoginPaths::backchannel_logout`]. See
    /// [`BackchannelLogout`].
    #[must_use]
    pub fn backchannel_logout<B>(&self) -> BackchannelLogout<B> {
        BackchannelLogout::new(self.clone())
    }

    /// The endpoint of [`Login::backchannel_logout`], for a router that lists what there is. No browser calls it, so the cross-site check
    /// has to let it pass.
    #[must_use]
    pub fn backchannel_endpoint(&self) -> EndpointSpec {
        let why = "the identity provider proves itself by the logout token";
        let path = self.0.paths.backchannel_logout.clone();
        let mut exempt = Exempt::default();
        exempt.csrf = true;
        EndpointSpec::new(Method::POST, path, Access::Public(Cow::Borrowed(why))).exempt(exempt)
    }

    /// The address to register with the provider as `backchannel_logout_uri`.
    #[must_use]
    pub fn backchannel_logout_uri(&self) -> String {
        self.0.origin.url(&self.0.paths.backchannel_logout)
    }

    /// The denylist that log-outs feed, if there is one.
    #[must_use]
    pub fn denylist(&self) -> Option<&Denylist> {
        self.0.denylist.as_ref()
    }

    /// What the pages of this app need in their Content-Security-Policy beside `'self'`, so that a log-in and a log-out work.
    #[must_use]
    pub fn csp_sources(&self) -> CspSources {
        let mut form_action = self.form_action_sources();
        form_action.retain(|source| source != "'self'");
        CspSources { form_action }
    }

    /// The sources that a page with a log-out form needs in its policy's `form-action`: this origin, and the origins that
    /// a posted form is redirected to, which browsers check too (CSP Level 3 §6.4.1). Before the first look at the discovery
    /// document ([`Login::ready`]) those are the issuer's own, and those of [`LoginBuilder::form_action`].
    #[must_use]
    pub fn form_action_sources(&self) -> Vec<String> {
        let mut sources = vec!["'self'".to_owned()];
        let known = self.0.provider.known();
        let named = known.iter().flat_map(|known| [Some(&*known.authorize), known.end_session.as_deref()]);
        let found = named.flatten().chain([self.0.provider.issuer()]).filter_map(origin_of);
        for source in found.chain(self.0.form_action.iter().cloned()) {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        sources
    }

    /// The path that the layer answers by itself.
    pub(super) fn own(&self, uri: &Uri) -> Option<Own> {
        let (path, paths) = (uri.path(), &self.0.paths);
        match path {
            path if path == paths.login => Some(Own::Login),
            path if path == paths.callback => Some(Own::Callback),
            path if path == paths.logout => Some(Own::Logout),
            _ => None,
        }
    }

    /// The key of the session that the browser names, if its cookie can be one.
    pub(super) fn session_key(&self, headers: &HeaderMap) -> Option<SessionKey> {
        self.0.cookies.session(headers).and_then(Random::read).map(|id| SessionKey::of(&id))
    }

    pub(super) fn parts(&self) -> &Inner {
        &self.0
    }

    /// What an ID token is held to beside the verifier's policy.
    pub(super) fn expected<'e>(
        &'e self,
        nonce: Option<&'e Random>,
        access_token: &'e str,
        endpoints: &'e Endpoints,
    ) -> Expected<'e> {
        let (client_id, trusted) = (self.0.client.id(), &*self.0.trusted_audiences);
        let algorithms = endpoints.id_token_algorithms.as_deref();
        Expected { nonce, client_id, trusted, access_token, algorithms }
    }

    /// The context that the provider is not to be asked for, if there is one among these.
    pub(super) fn may_ask_for<'s>(&self, step_up: &'s StepUp) -> Result<(), &'s str> {
        let asked = step_up.contexts.as_deref().unwrap_or_default();
        match asked.iter().find(|context| !self.0.acr_values.contains(context)) {
            Some(context) => Err(context),
            None => Ok(()),
        }
    }

    /// How far clocks may differ.
    pub(super) fn leeway(&self) -> Duration {
        self.0.verifier.policy().leeway
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("issuer", &self.0.provider.issuer())
            .field("client_id", &self.0.client.id())
            .field("origin", &self.0.origin.as_str())
            .field("store", &self.0.store)
            .finish_non_exhaustive()
    }
}

/// See [`Login::csp_sources`]. Scripts need nothing: a log-in is a navigation, and the provider is asked by the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CspSources {
    /// For `form-action`: the origins that the log-out's form is redirected to, which browsers check too (CSP Level 3 §6.4.1).
    pub form_action: Vec<String>,
}

/// The sessions of a [`Login`].
#[derive(Debug, Clone)]
pub struct Sessions(Login);

impl Sessions {
    /// Ends all sessions of a subject, on every device: for "log out everywhere", a deleted account, a stolen laptop. Says
    /// how many there were. With a [denylist](LoginBuilder::denylist) all access tokens that the subject was given until now end
    /// too, also when there was no session. Carried through when it is dropped.
    ///
    /// # Errors
    /// The store is in trouble: some may live on. Tokens are denied all the same.
    pub async fn end_all(&self, subject: &Subject) -> Result<u64, SessionStoreError> {
        if let Some(list) = &self.0.0.denylist {
            list.deny(&Denial::subject(&*subject.issuer, subject.name.clone()));
        }
        let ended = ending::end_all(&self.0, SessionsOf::Subject(subject.clone())).await?;
        telemetry::ended_all(&self.0, subject, ended);
        Ok(ended)
    }
}

/// Scheme, host and port of an address.
pub(super) fn origin_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?.as_str().to_ascii_lowercase()))
}
