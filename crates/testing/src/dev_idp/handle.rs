//! The handle of a running provider.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::sign_in;
use super::state::State;
use super::{DevClient, DevIdpBuilder, DevIdpError, DevIdpErrorKind, Fault, Mint};
use crate::dev_server::Running;

/// An OpenID provider in this process, for development and tests. It stops when it is dropped.
///
/// | what | where |
/// |---|---|
/// | metadata (OpenID Connect Discovery, RFC 8414), marked by `"gambeson_dev_idp": true` | `GET /.well-known/openid-configuration`, `GET /.well-known/oauth-authorization-server` |
/// | key set with one RS256 and one ES256 key, random at each start (RFC 7517) | `GET /jwks` |
/// | client credentials (RFC 6749 §4.4) by `client_secret_basic` or `client_secret_post` | `POST /token` |
/// | a token for a demo person: form `user=alice`, and `alg`, `expires_in` (seconds), `audience`, `scope` if wanted; as bare text for `Accept: text/plain` | `POST /dev/token` |
/// | new keys; `keep_old=true` goes on publishing the old ones | `POST /dev/rotate` |
/// | misbehaviour: form `mode=` and a name of [`Fault::from_name`] | `POST /dev/fault` |
/// | time passes for the tokens made from then on: form `advance=` and seconds | `POST /dev/clock` |
///
/// Who is known by default: alice (editor), bob (viewer) and carol (admin) of tenant acme, dave (admin) of tenant globex,
/// and the client `service` with the secret `dev-service-secret`.
///
/// It listens on loopback only, does not start in the production profile, answers only requests whose `Host` is
/// loopback, and under `/dev/*` none that a web page of another origin sends: a page in the developer's browser must
/// not mint tokens. There is no authorization code flow and no log-in page yet.
///
/// It takes `GAMBESON_PROFILE` unset for development. Where the variable says `production`, or where the marks of a hosting
/// platform are in the environment (`KUBERNETES_SERVICE_HOST` of a build pod too), tests that start it fail and say so.
///
/// The program `gambeson-dev-idp` (feature `dev-idp-bin`) is this provider alone:
///
/// ```text
/// $ cargo run -p gambeson-testing --features dev-idp-bin
/// $ curl -s -H 'Accept: text/plain' -d user=alice http://127.0.0.1:3001/dev/token
/// ```
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// use gambeson_testing::DevIdp;
///
/// let idp = DevIdp::builder().bind("127.0.0.1:0").audience("my-app").start().await.unwrap();
/// assert!(idp.issuer().starts_with("http://127.0.0.1:"));
///
/// let good = idp.mint().user("alice").token();
/// let expired = idp.mint().user("alice").expired().token();
/// # assert_ne!(good, expired);
/// # idp.stop().await;
/// # });
/// ```
///
/// # Cancel safety
///
/// Dropping it closes the listener and all connections, at the next moment the runtime runs.
#[must_use = "the provider stops when it is dropped"]
pub struct DevIdp {
    pub(super) state: Arc<State>,
    pub(super) address: SocketAddr,
    pub(super) running: Running,
}

impl DevIdp {
    /// A provider to be.
    pub fn builder() -> DevIdpBuilder {
        DevIdpBuilder::new()
    }

    /// The issuer, for example `http://127.0.0.1:3001`, without a slash at its end.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.state.issuer
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A token to be.
    pub fn mint(&self) -> Mint {
        Mint::new(Arc::clone(&self.state))
    }

    /// The key set as it is published when nothing goes wrong.
    #[must_use]
    pub fn jwks(&self) -> Value {
        self.state.jwks()
    }

    /// Signs with new keys from now on; the old ones stay in the key set if `keep_old`.
    ///
    /// # Errors
    /// The system had no randomness.
    pub fn rotate(&self, keep_old: bool) -> Result<(), DevIdpError> {
        let failed = |_| DevIdpError::new(DevIdpErrorKind::System, "no new keys could be made");
        self.state.rotate(keep_old).map_err(failed)
    }

    /// Knows this client from now on, in place of one with the same id: for apps whose port is known late.
    ///
    /// # Errors
    /// It has no id, or redirects to what is not loopback.
    pub fn register(&self, client: DevClient) -> Result<(), DevIdpError> {
        if let Some(problem) = client.problem() {
            return Err(DevIdpError::new(DevIdpErrorKind::Client, problem));
        }
        self.state.register(client);
        Ok(())
    }

    /// What a browser without cookies does with the address that an app sends it to: opens it and, where the provider asks
    /// who signs in, presses this person's button. Gives the address that the provider redirects to then, with `code`,
    /// `state` and `iss`, or with `error`.
    ///
    /// No socket is involved: faults that concern connections and whole answers don't show here.
    ///
    /// # Errors
    /// The address is not this provider's, or the answer is a page that says what is wrong, as for a redirect URI that
    /// is not the client's.
    pub fn sign_in(&self, authorize_url: &str, person: &str) -> Result<String, DevIdpError> {
        sign_in::sign_in(&self.state, authorize_url, person)
    }

    /// Misbehaves from now on.
    pub fn fault(&self, fault: Fault) {
        self.state.set_fault(fault);
    }

    /// Makes tokens as if this much more time had passed.
    pub fn advance(&self, by: Duration) {
        self.state.advance(by);
    }

    /// How many requests came for this path, for example `/jwks`, faults included.
    #[must_use]
    pub fn requests(&self, path: &str) -> usize {
        self.state.requests(path)
    }

    /// Stops, and waits until the port is free and all connections are closed.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

impl std::fmt::Debug for DevIdp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevIdp").field("issuer", &self.state.issuer).finish_non_exhaustive()
    }
}
