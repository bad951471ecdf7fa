//! The handle of a running provider.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

#[cfg(feature = "rp")]
use super::exchange::Exchange;
#[cfg(feature = "rp")]
use super::own_token;
use super::state::State;
use super::{
    DevClient, DevIdpBuilder, DevIdpError, DevIdpErrorKind, Fault, LogoutFault, Mint, backchannel, sign_in,
};
use crate::dev_server::Running;

/// An OpenID provider in this process, for development and tests. It stops when it is dropped.
///
/// | what | where |
/// |---|---|
/// | metadata (OpenID Connect Discovery, RFC 8414), marked by `"gambeson_dev_idp": true` | `GET /.well-known/openid-configuration`, `GET /.well-known/oauth-authorization-server` |
/// | key set with one RS256 and one ES256 key, random at each start (RFC 7517) | `GET /jwks` |
/// | authorization code flow (OpenID Connect Core §3.1): a page with a button for each person, or at once for who is signed in | `GET`, `POST /authorize` |
/// | what the button on that page sends: form `request=` (the query of `/authorize`) and `user=alice`, with `Origin` the page's own; answered by the way back | `POST /sign-in` |
/// | tokens for a code, a refresh token, client credentials (RFC 6749 §4.1.3, §6, §4.4) or another token (RFC 8693), by `client_secret_basic`, `client_secret_post` or, for public clients, none | `POST /token` |
/// | who an access token is about (§5.3) | `GET`, `POST /userinfo` |
/// | signing out (RP-Initiated Logout 1.0): with `id_token_hint` nobody is asked | `GET`, `POST /logout` |
/// | ending tokens (RFC 7009) | `POST /revoke` |
/// | a token for a demo person: form `user=alice`, and `alg`, `expires_in` (seconds), `audience`, `scope` if wanted, without `sid`; as bare text for `Accept: text/plain` | `POST /dev/token` |
/// | new keys; `keep_old=true` goes on publishing the old ones | `POST /dev/rotate` |
/// | misbehaviour: form `mode=` and a name of [`Fault::from_name`] | `POST /dev/fault` |
/// | a person signs out elsewhere: form `user=`, and `fault=` and a name of [`LogoutFault::from_name`] if wanted | `POST /dev/sign-out` |
/// | time passes for the tokens made from then on: form `advance=` and seconds | `POST /dev/clock` |
/// | how many requests came for each path so far, as JSON | `GET /dev/requests` |
///
/// Who is known by default: alice (editor), bob (viewer) and carol (admin) of tenant acme, dave (admin) of tenant globex,
/// and the client `service` with the secret `dev-service-secret`. An app that signs people in is a [`DevClient`].
///
/// It listens on loopback only, does not start in the production profile, answers only requests whose `Host` is
/// loopback, and under `/dev/*` none that a web page of another origin sends: a page in the developer's browser must
/// not mint tokens. The page for signing in has no script, and only itself can press its buttons.
///
/// # Signing in
///
/// A [`Browser`](crate::Browser) goes all the way from the app and back. Where a test does that itself, [`sign_in`](DevIdp::sign_in) opens the
/// address that the app redirects to and presses a button.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// use gambeson_testing::{DevClient, DevIdp};
///
/// let web = DevClient::confidential("notes", "dev-notes-secret").redirect_uri("http://127.0.0.1:3000/callback");
/// let idp = DevIdp::builder().client(web).start().await.unwrap();
/// // The app would redirect the browser here …
/// let asked = format!(
///     "{}/authorize?response_type=code&client_id=notes&scope=openid&state=xyz\
///      &redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fcallback",
///     idp.issuer()
/// );
/// // … and the browser comes back to the app there.
/// let back = idp.sign_in(&asked, "alice").unwrap();
/// assert!(back.starts_with("http://127.0.0.1:3000/callback?code="));
/// // Anybody else's address is not redirected to.
/// assert!(idp.sign_in(&asked.replace("127.0.0.1%3A3000", "evil.example"), "alice").is_err());
/// # idp.stop().await;
/// # });
/// ```
///
/// # What signing in promises
///
/// | what | how much |
/// |---|---|
/// | PKCE (RFC 7636) | S256 only; required of public clients, held to wherever a challenge was sent |
/// | answer to the client | 303 with `code`, `state` and `iss` (RFC 9207) |
/// | a code | one use, 60 s by the provider's clock, bound to client, redirect URI and verifier; a second use revokes what the first gave |
/// | ID and access tokens | 300 s unless [`DevIdpBuilder::token_lifetime`] says otherwise; RS256 |
/// | a refresh token | one use, then the next; a used one ends its family; 12 h from the code, at the latest |
/// | the provider's own session | 12 h, an `HttpOnly`, `SameSite=Lax` cookie; `prompt=none`, `login`, `select_account` and `max_age` are obeyed |
/// | signing out | ends the session and its refresh tokens, but not those with `offline_access`; tells clients with a back-channel logout URI |
/// | memory | 1,024 codes, sessions and grants each, the oldest goes first |
///
/// Not there: consent, dynamic registration, request objects, other response types and an introspection endpoint. Access
/// tokens are not revoked where nobody asks the userinfo endpoint.
///
/// # Profiles
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

    /// Signs this person out as if on another device: ends all their sessions, and tells the clients that they signed in to
    /// ([`DevClient::backchannel_logout`]). Gives each client's id, and the status it answered with, if it did.
    pub async fn sign_out(&self, person: &str) -> Vec<(String, Option<StatusCode>)> {
        self.sign_out_with(person, LogoutFault::None).await
    }

    /// The same, by logout tokens with this fault.
    pub async fn sign_out_with(&self, person: &str, fault: LogoutFault) -> Vec<(String, Option<StatusCode>)> {
        backchannel::tell(&self.state, &self.state.end_sessions_of(person), fault).await
    }

    /// A logout token to be (OpenID Connect Back-Channel Logout 1.0 §2.4) for this client. It is good with `sub`, `sid` or both as
    /// further [claims](Mint::claim); nobody is told.
    pub fn mint_logout(&self, client: &str) -> Mint {
        backchannel::logout_token(&self.state, client).without("sub")
    }

    /// Misbehaves from now on.
    pub fn fault(&self, fault: Fault) {
        self.state.set_fault(fault);
    }

    /// Makes tokens as if this much more time had passed. It is this provider's clock alone: further ahead than the app's leeway (30 s),
    /// its tokens are not valid yet there. For time to pass on both sides, give one `ManualClock` to
    /// [`DevIdpBuilder::clock`](super::DevIdpBuilder::clock) and to the app's verifier, log-in and denylist.
    pub fn advance(&self, by: Duration) {
        self.state.advance(by);
    }

    /// How many requests came for this path, for example `/jwks`, faults included.
    #[must_use]
    pub fn requests(&self, path: &str) -> usize {
        self.state.requests(path)
    }

    /// What was asked since this was called last, in order.
    #[cfg(feature = "rp")]
    pub(crate) fn take_exchanges(&self) -> Vec<Exchange> {
        self.state.take_exchanges()
    }

    /// The path of the key set while it is [moved](Fault::MovedJwks).
    #[cfg(feature = "rp")]
    pub(crate) fn moved_jwks(&self) -> &str {
        &self.state.moved_jwks
    }

    /// Whether this is an ID token of this provider, expired or not, and for this client.
    #[cfg(feature = "rp")]
    pub(crate) fn knows_id_token(&self, token: &str, client_id: &str) -> bool {
        let claims = own_token::id_token_claims(&self.state, token);
        claims.is_some_and(|claims| claims.get("aud").is_some_and(|audience| audience == client_id))
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
