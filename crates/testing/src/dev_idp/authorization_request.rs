//! What a client asks of the authorization endpoint (OpenID Connect Core §3.1.2.1).

use std::time::Duration;

use gambeson_core::Timestamp;
use url::Url;

use super::form::Form;
use super::own_token;
use super::session::Session;
use super::state::State;
use super::{DevClient, pkce};

/// The longest request that is kept for its answer, in bytes.
const LONGEST: usize = 8 * 1024;

/// One that may be answered.
#[derive(Debug)]
pub(super) struct AuthorizationRequest {
    pub(super) client: DevClient,
    pub(super) redirect_uri: Url,
    /// Byte by byte as the client wrote it; the token request must repeat it.
    pub(super) exact_redirect_uri: String,
    pub(super) state: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) challenge: Option<String>,
    pub(super) scope: String,
    prompt: Prompt,
    max_age: Option<Duration>,
    login_hint: Option<String>,
    /// The subject of `id_token_hint`.
    expected: Option<String>,
}

/// The answer to one that may not.
#[derive(Debug)]
pub(super) enum Refused {
    /// Never sent on: who asks is not known, or the place is not the client's.
    Page(String),
    /// Told to the client.
    Redirect { redirect_uri: Box<Url>, state: Option<String>, error: &'static str, description: &'static str },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prompt {
    IfNeeded,
    Never,
    Always,
}

type Checked<T> = Result<T, (&'static str, &'static str)>;

impl AuthorizationRequest {
    pub(super) fn parse(state: &State, form: &Form) -> Result<Self, Refused> {
        let (client, redirect_uri) = client(state, form).map_err(Refused::Page)?;
        let mut request = Self {
            redirect_uri,
            exact_redirect_uri: form.get("redirect_uri").unwrap_or_default().to_owned(),
            state: form.get("state").map(str::to_owned),
            nonce: form.get("nonce").map(str::to_owned),
            challenge: None,
            scope: form.get("scope").unwrap_or_default().to_owned(),
            prompt: Prompt::IfNeeded,
            max_age: None,
            login_hint: form.get("login_hint").map(str::to_owned),
            expected: None,
            client,
        };
        match request.fill(state, form) {
            Ok(()) => Ok(request),
            Err((error, description)) => Err(request.refused(error, description)),
        }
    }

    fn fill(&mut self, state: &State, form: &Form) -> Checked<()> {
        plain(form)?;
        self.challenge = pkce::challenge(form, self.client.secret.is_none()).map_err(|why| (INVALID, why))?;
        self.prompt = prompt(form.get("prompt"))?;
        let max_age = form.get("max_age").map(str::parse).transpose();
        self.max_age =
            max_age.map_err(|_| (INVALID, "max_age must be a number of seconds"))?.map(Duration::from_secs);
        self.expected = match form.get("id_token_hint") {
            None => None,
            Some(hint) => {
                let claims = own_token::id_token_claims(state, hint);
                let claims = claims.ok_or((INVALID, "id_token_hint is not of this provider"))?;
                claims.get("sub").and_then(|sub| sub.as_str()).map(str::to_owned)
            }
        };
        Ok(())
    }

    pub(super) fn refused(&self, error: &'static str, description: &'static str) -> Refused {
        let redirect_uri = Box::new(self.redirect_uri.clone());
        Refused::Redirect { redirect_uri, state: self.state.clone(), error, description }
    }

    /// Whether it may not show a page.
    pub(super) fn silent(&self) -> bool {
        self.prompt == Prompt::Never
    }

    pub(super) fn hint(&self) -> Option<&str> {
        self.login_hint.as_deref().or(self.expected.as_deref())
    }

    /// Whether nobody needs to be asked: the person is signed in, recently enough, and is who the client expects.
    pub(super) fn is_content_with(&self, session: &Session, now: Timestamp) -> bool {
        let recent = self.max_age.is_none_or(|most| now.since(session.auth_time) <= most);
        let expected = self.expected.as_ref().is_none_or(|person| *person == session.person);
        // `max_age=0` is `prompt=login`.
        let asks = self.prompt == Prompt::Always || self.max_age == Some(Duration::ZERO);
        recent && expected && !asks
    }
}

const INVALID: &str = "invalid_request";

/// Whom to answer, and where: as long as this is not known, there is nobody to redirect to (RFC 6749 §4.1.2.1).
fn client(state: &State, form: &Form) -> Result<(DevClient, Url), String> {
    if form.query().len() > LONGEST {
        return Err(format!("the request is longer than {LONGEST} bytes"));
    }
    let id = form.get("client_id").ok_or("client_id is missing")?;
    let client = state.client(id).ok_or_else(|| format!("there is no client {id:?}"))?;
    let uri = form.get("redirect_uri").ok_or("redirect_uri is missing")?;
    let unknown =
        || format!("{uri:?} is not a redirect uri of the client {id:?}; they are compared byte by byte");
    if !client.redirects_to(uri) {
        return Err(unknown());
    }
    let url = Url::parse(uri).map_err(|_| unknown())?;
    Ok((client, url))
}

fn plain(form: &Form) -> Checked<()> {
    if form.repeats() {
        return Err((INVALID, "a parameter comes more than once"));
    }
    match form.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(("unsupported_response_type", "response_type must be code")),
        None => return Err((INVALID, "response_type is missing")),
    }
    if form.has("request") {
        return Err(("request_not_supported", "request objects are not supported"));
    }
    if form.has("request_uri") {
        return Err(("request_uri_not_supported", "request objects are not supported"));
    }
    if form.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err((INVALID, "response_mode must be query"));
    }
    match form.get("scope").unwrap_or_default().split(' ').any(|scope| scope == "openid") {
        true => Ok(()),
        false => Err(("invalid_scope", "scope must have openid")),
    }
}

fn prompt(text: Option<&str>) -> Checked<Prompt> {
    let words: Vec<&str> = text.unwrap_or_default().split(' ').filter(|word| !word.is_empty()).collect();
    if words.iter().any(|word| !matches!(*word, "none" | "login" | "consent" | "select_account")) {
        return Err((INVALID, "prompt must be none, login, consent or select_account"));
    }
    match words.as_slice() {
        ["none"] => Ok(Prompt::Never),
        words if words.contains(&"none") => Err((INVALID, "prompt has none and something else")),
        words if words.iter().any(|word| matches!(*word, "login" | "select_account")) => Ok(Prompt::Always),
        _ => Ok(Prompt::IfNeeded),
    }
}
