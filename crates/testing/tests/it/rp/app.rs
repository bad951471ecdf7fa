//! A relying party that is honest, or has one flaw.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use gambeson_core::BoxError;
use gambeson_testing::rp::{Given, Running};
use http::{Method, Request, Response};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;
use url::form_urlencoded::{Serializer, parse};

use super::server::{Server, listen, serve};
use crate::loopback_client;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    /// Believes what it is told: metadata, ID tokens, userinfo.
    Trusting,
    /// Lets nobody in.
    Refusing,
    /// Closes the connection where it should refuse.
    Breaking,
    /// Sends the access token in the address.
    TokenInAddress,
    /// Sends the client's secret in the form.
    SecretInForm,
    /// Asks for no claims.
    NoScopes,
    /// Knows the endpoints without asking.
    NoMetadata,
    /// Looks for keys at `/jwks`.
    KeysAtUsualPlace,
    /// Fetches the keys once.
    KeysOnce,
    /// Takes no token without a `kid`.
    NamedKeysOnly,
    /// Signs out here only.
    LocalLogout,
    /// Signs out at the provider only.
    KeepsSession,
    /// Signs out without `id_token_hint`.
    NoHint,
    /// Breaks when the `state` of a log-out does not come back.
    BreaksOnState,
    /// Signs out without `state`, as it may.
    NoLogoutState,
    /// Asks for no userinfo, as it may.
    NoUserinfo,
}

struct Person {
    subject: String,
    email: String,
    id_token: String,
}

pub(super) struct App {
    issuer: String,
    client: (String, String),
    flaw: Flaw,
    origin: String,
    metadata: Value,
    keys: Mutex<Option<JwkSet>>,
    /// Nonces by state; people by session; all of one browser at a time.
    attempts: Mutex<HashMap<String, String>>,
    people: Mutex<HashMap<String, Person>>,
}

pub(super) async fn start(given: Given, flaw: Flaw) -> Result<Running, BoxError> {
    let (listener, address) = listen().await;
    let told = (given.issuer(), given.client_id(), given.client_secret());
    Ok(Running::at(format!("http://{address}")).keep(running(listener, told, flaw).await?))
}

/// Told the issuer, and the client with its secret.
pub(super) async fn running(
    listener: TcpListener,
    (issuer, id, secret): (&str, &str, &str),
    flaw: Flaw,
) -> Result<Server, BoxError> {
    let address = listener.local_addr()?;
    let metadata = match flaw {
        Flaw::NoMetadata => {
            let at = |path: &str| format!("{issuer}{path}");
            json!({ "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"), "jwks_uri": at("/jwks"),
                    "userinfo_endpoint": at("/userinfo"), "end_session_endpoint": at("/logout") })
        }
        _ => get(&format!("{issuer}/.well-known/openid-configuration"), None).await?,
    };
    if !matches!(flaw, Flaw::NoMetadata | Flaw::Trusting) && metadata["issuer"] != issuer {
        return Err("the metadata names another issuer".into());
    }
    let app = Arc::new(App {
        issuer: issuer.to_owned(),
        client: (id.to_owned(), secret.to_owned()),
        flaw,
        origin: format!("http://{address}"),
        metadata,
        keys: Mutex::default(),
        attempts: Mutex::default(),
        people: Mutex::default(),
    });
    Ok(serve(listener, move |request| {
        let app = Arc::clone(&app);
        async move { app.answer(request).await }
    }))
}

/// What the tests know of it.
pub(super) fn described() -> gambeson_testing::rp::RelyingParty {
    gambeson_testing::rp::RelyingParty::new("/me")
        .callback("/callback")
        .after_logout("/bye")
        .back_channel("/told")
}

impl App {
    async fn answer(&self, request: Request<Bytes>) -> Option<Response<String>> {
        let query: HashMap<String, String> =
            parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
        Some(match (request.method(), request.uri().path()) {
            (&Method::GET, "/login") => self.login(),
            (&Method::GET, "/callback") => match self.callback(&query).await {
                Ok(session) => cookie(redirect("/me"), &session),
                Err(_) if self.flaw == Flaw::Breaking => return None,
                Err(why) => text(400, &why.to_string()),
            },
            (&Method::GET, "/me") => match self.people.lock().unwrap().get(&session(&request)) {
                Some(person) => text(200, &format!("You are {} <{}>", person.subject, person.email)),
                None => redirect("/login"),
            },
            (&Method::POST, "/logout") => self.logout(&session(&request)),
            (&Method::POST, "/told") => match self.told(request.body()).await {
                Ok(()) => unstored(text(200, "")),
                Err(why) => unstored(text(400, &why.to_string())),
            },
            (&Method::GET, "/bye") => match self.flaw {
                Flaw::BreaksOnState if query.get("state").is_none_or(|state| state != "bye") => {
                    text(500, "the state is wrong")
                }
                _ => text(200, "bye"),
            },
            _ => text(404, "nothing here"),
        })
    }

    fn login(&self) -> Response<String> {
        let (state, nonce) = (random(), random());
        let scope = if self.flaw == Flaw::NoScopes { "openid" } else { "openid email" };
        let callback = format!("{}/callback", self.origin);
        let url = with_query(
            self.endpoint("authorization_endpoint"),
            &[
                ("response_type", "code"),
                ("client_id", &self.client.0),
                ("redirect_uri", &callback),
                ("scope", scope),
                ("state", &state),
                ("nonce", &nonce),
            ],
        );
        self.attempts.lock().unwrap().insert(state, nonce);
        redirect(&url)
    }

    async fn callback(&self, query: &HashMap<String, String>) -> Result<String, BoxError> {
        let field = |name: &str| query.get(name).ok_or(format!("{name} is missing"));
        let nonce = self.attempts.lock().unwrap().remove(field("state")?).ok_or("another state")?;
        let tokens = self.tokens(field("code")?).await?;
        let word = |value: &Value| value.as_str().map(str::to_owned).ok_or("a word is missing");
        let (id_token, access) = (word(&tokens["id_token"])?, word(&tokens["access_token"])?);
        let claims = match self.flaw {
            Flaw::Refusing => return Err("nobody may come in".into()),
            Flaw::Trusting => claims(&id_token)?,
            _ => self.verified(&id_token, &nonce).await?,
        };
        let about = match self.flaw {
            Flaw::NoUserinfo => claims.clone(),
            _ => self.userinfo(&access).await?,
        };
        if self.flaw != Flaw::Trusting && self.flaw != Flaw::TokenInAddress && about["sub"] != claims["sub"] {
            return Err("userinfo is of somebody else".into());
        }
        let subject = word(&claims["sub"]).or_else(|_| word(&about["sub"]))?;
        let person = Person { subject, email: about["email"].to_string(), id_token };
        let session = random();
        self.people.lock().unwrap().insert(session.clone(), person);
        Ok(session)
    }

    async fn tokens(&self, code: &str) -> Result<Value, BoxError> {
        let (id, secret) = (self.client.0.as_str(), self.client.1.as_str());
        let callback = format!("{}/callback", self.origin);
        let mut form =
            vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", callback.as_str())];
        let mut request = Request::post(self.endpoint("token_endpoint"));
        if self.flaw == Flaw::SecretInForm {
            form.extend([("client_id", id), ("client_secret", secret)]);
        } else {
            let basic = STANDARD.encode(format!("{id}:{secret}"));
            request = request.header("authorization", format!("Basic {basic}"));
        }
        send(request.body(pairs(&form))?).await
    }

    async fn userinfo(&self, access: &str) -> Result<Value, BoxError> {
        let at = self.endpoint("userinfo_endpoint");
        match self.flaw {
            Flaw::TokenInAddress => {
                // Refused; what is known of the person is in the ID token.
                let _ = get(&with_query(at, &[("access_token", access)]), None).await;
                Ok(Value::Null)
            }
            _ => get(at, Some(access)).await,
        }
    }

    /// Somebody signed out elsewhere.
    async fn told(&self, form: &[u8]) -> Result<(), BoxError> {
        let token = parse(form).find(|(name, _)| name == "logout_token").ok_or("no logout token")?.1;
        let claims = match self.flaw {
            Flaw::Trusting => claims(&token)?,
            _ => self.signed(&token).await?,
        };
        let event = &claims["events"]["http://schemas.openid.net/event/backchannel-logout"];
        let good = event.is_object() && claims.get("nonce").is_none();
        if !good && self.flaw != Flaw::Trusting {
            return Err("no logout token".into());
        }
        if self.flaw != Flaw::KeepsSession {
            self.people.lock().unwrap().retain(|_, person| claims["sub"] != person.subject);
        }
        Ok(())
    }

    async fn verified(&self, id_token: &str, nonce: &str) -> Result<Value, BoxError> {
        let claims = self.signed(id_token).await?;
        match claims["nonce"] == nonce && claims["iat"].is_number() {
            true => Ok(claims),
            false => Err("nonce or iat is wrong".into()),
        }
    }

    /// The claims of a token that the provider made for this app.
    async fn signed(&self, id_token: &str) -> Result<Value, BoxError> {
        let header = decode_header(id_token)?;
        if header.kid.is_none() && self.flaw == Flaw::NamedKeysOnly {
            return Err("the token names no key".into());
        }
        let key = self.key(header.kid.as_deref()).await?;
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_audience(&[&self.client.0]);
        rules.set_issuer(&[&self.issuer]);
        rules.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        Ok(decode::<Value>(id_token, &DecodingKey::from_jwk(&key)?, &rules)?.claims)
    }

    /// The key of that name, or the only one; looked for once more where it is not known.
    async fn key(&self, kid: Option<&str>) -> Result<Jwk, BoxError> {
        let known = self.keys.lock().unwrap().clone();
        if let Some(key) = known.as_ref().and_then(|keys| pick(keys, kid)) {
            return Ok(key);
        }
        if known.is_some() && self.flaw == Flaw::KeysOnce {
            return Err("no such key".into());
        }
        let at = match self.flaw {
            Flaw::KeysAtUsualPlace => format!("{}/jwks", self.issuer),
            _ => self.endpoint("jwks_uri").to_owned(),
        };
        let keys: JwkSet = serde_json::from_value(get(&at, None).await?)?;
        let found = pick(&keys, kid).ok_or("no such key, or several");
        *self.keys.lock().unwrap() = Some(keys);
        Ok(found?)
    }

    fn logout(&self, session: &str) -> Response<String> {
        let mut people = self.people.lock().unwrap();
        let Some(person) = people.get(session) else { return redirect("/bye") };
        let back = format!("{}/bye", self.origin);
        let mut pairs = vec![("post_logout_redirect_uri", back.as_str())];
        match self.flaw {
            Flaw::NoHint => pairs.push(("client_id", &self.client.0)),
            _ => pairs.push(("id_token_hint", &person.id_token)),
        }
        if self.flaw != Flaw::NoLogoutState {
            pairs.push(("state", "bye"));
        }
        let url = with_query(self.endpoint("end_session_endpoint"), &pairs);
        match self.flaw {
            Flaw::KeepsSession => {}
            _ => drop(people.remove(session)),
        }
        if self.flaw == Flaw::LocalLogout { redirect("/bye") } else { redirect(&url) }
    }

    fn endpoint(&self, name: &str) -> &str {
        self.metadata[name].as_str().unwrap_or_default()
    }
}

fn pick(keys: &JwkSet, kid: Option<&str>) -> Option<Jwk> {
    match (kid, keys.keys.as_slice()) {
        (Some(kid), _) => keys.find(kid).cloned(),
        (None, [only]) => Some(only.clone()),
        (None, _) => None,
    }
}

fn claims(token: &str) -> Result<Value, BoxError> {
    let payload = token.split('.').nth(1).ok_or("no token")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?)
}

fn random() -> String {
    use std::hash::{BuildHasher, RandomState};
    format!("{:016x}", RandomState::new().hash_one("a test needs names, not secrets"))
}

fn text(status: u16, text: &str) -> Response<String> {
    Response::builder().status(status).body(text.to_owned()).unwrap()
}

fn unstored(mut answer: Response<String>) -> Response<String> {
    answer.headers_mut().insert("cache-control", "no-store".parse().unwrap());
    answer
}

fn redirect(to: &str) -> Response<String> {
    Response::builder().status(303).header("location", to).body(String::new()).unwrap()
}

fn cookie(mut answer: Response<String>, session: &str) -> Response<String> {
    let cookie = format!("sid={session}; Path=/; HttpOnly; SameSite=Lax");
    answer.headers_mut().insert("set-cookie", cookie.parse().unwrap());
    answer
}

fn session(request: &Request<Bytes>) -> String {
    let cookies = request.headers().get("cookie").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let sid = cookies.split("; ").find_map(|pair| pair.strip_prefix("sid="));
    sid.unwrap_or_default().to_owned()
}

fn with_query(url: &str, pairs: &[(&str, &str)]) -> String {
    format!("{url}?{}", self::pairs(pairs))
}

fn pairs(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn get(url: &str, token: Option<&str>) -> Result<Value, BoxError> {
    let mut request = Request::get(url);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    send(request.body(String::new())?).await
}

async fn send(mut request: Request<String>) -> Result<Value, BoxError> {
    let url = Url::parse(&request.uri().to_string())?;
    *request.uri_mut() = url[url::Position::BeforePath..].parse()?;
    let address = url.socket_addrs(|| None)?[0];
    let answer = loopback_client::send(address, request).await.ok_or("no answer")?;
    match answer.status().is_success() {
        true => Ok(serde_json::from_slice(answer.body())?),
        false => Err(format!("the provider answered {}", answer.status()).into()),
    }
}
