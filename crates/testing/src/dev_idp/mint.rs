//! Access tokens, good ones and bad ones.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::keys::{Keys, encode, random_id};
use super::state::State;
use super::{Fault, Person, SigningAlgorithm};

/// How long a token lasts where the builder is not told.
pub(super) const LIFETIME: Duration = Duration::from_secs(300);

/// Makes one access token (RFC 9068); what is not changed is good.
///
/// Header and claims are put together raw, so that it can make what no library would.
#[must_use = "call token() for the token"]
pub struct Mint {
    state: Arc<State>,
    algorithm: SigningAlgorithm,
    seal: Seal,
    lifetime: Duration,
    age: Duration,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    without: Vec<String>,
}

#[derive(Clone, Copy)]
enum Seal {
    Own,
    Foreign,
    Tampered,
    Hmac,
    None,
}

impl Mint {
    pub(super) fn new(state: Arc<State>) -> Self {
        let lifetime = state.token_lifetime;
        Self {
            state,
            algorithm: SigningAlgorithm::Rs256,
            seal: Seal::Own,
            lifetime,
            age: Duration::ZERO,
            header: Map::new(),
            claims: Map::new(),
            without: Vec::new(),
        }
    }

    /// For this person, with tenant and roles; a name that the provider does not know gets neither. The token names no `sid`: a
    /// claim of that name ties it to a log-in.
    pub fn user(self, name: &str) -> Self {
        let person = self.state.person(name).cloned().unwrap_or_else(|| Person::new(name));
        let named = self.claim("sub", person.name).claim("roles", person.roles).claim("client_id", "dev");
        match person.tenant {
            Some(tenant) => named.claim("tenant", tenant),
            None => named,
        }
    }

    /// For a service that speaks for itself: subject and client are the same (RFC 9068 §2.2).
    pub fn service(self, client_id: &str) -> Self {
        self.claim("sub", client_id).claim("client_id", client_id).claim("roles", json!(["service"]))
    }

    /// Signed with this algorithm. Default RS256.
    pub fn algorithm(mut self, algorithm: SigningAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    pub(super) fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// How long it lasts. Default: the provider's [`token_lifetime`](super::DevIdpBuilder::token_lifetime), 300 s.
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Made two days and expired one day ago.
    pub fn expired(mut self) -> Self {
        let day = Duration::from_secs(86_400);
        (self.age, self.lifetime) = (2 * day, day);
        self
    }

    /// For this audience.
    pub fn audience(self, audience: impl Into<Value>) -> Self {
        self.claim("aud", audience)
    }

    /// Of this issuer.
    pub fn issuer(self, issuer: &str) -> Self {
        self.claim("iss", issuer)
    }

    /// With these scopes, separated by spaces.
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// With this claim in place of the usual one; the last word about a claim counts.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.without.retain(|left_out| left_out != name);
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Without this claim or header parameter.
    pub fn without(mut self, name: &str) -> Self {
        self.without.push(name.to_owned());
        self
    }

    /// With this header parameter in place of the usual one.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Names this key.
    pub fn kid(self, kid: &str) -> Self {
        self.header("kid", kid)
    }

    /// Of this type. Default `at+jwt`; an ID token has `JWT`.
    pub fn typ(self, typ: &str) -> Self {
        self.header("typ", typ)
    }

    /// Unsigned, and says so (`alg: none`, RFC 7519 §6).
    pub fn alg_none(mut self) -> Self {
        self.seal = Seal::None;
        self.header("alg", "none")
    }

    /// Signed by HS256 with the public key as the secret (RFC 8725 §2.1).
    pub fn hmac_with_public_key(mut self) -> Self {
        self.seal = Seal::Hmac;
        self.header("alg", "HS256")
    }

    /// Signed with a key that nobody knows, under the name of a known one.
    pub fn foreign_key(mut self) -> Self {
        self.seal = Seal::Foreign;
        self
    }

    /// With one bit of the signature flipped.
    pub fn tampered(mut self) -> Self {
        self.seal = Seal::Tampered;
        self
    }

    /// The token.
    pub fn token(self) -> String {
        let keys = self.state.keys();
        let message = format!("{}.{}", json_part(self.whole_header(&keys)), json_part(self.whole_claims()));
        format!("{message}.{}", encode(&self.signature(&keys, message.as_bytes())))
    }

    fn whole_header(&self, keys: &Keys) -> Map<String, Value> {
        let kid = match self.state.fault() {
            Fault::WrongKid => "no-such-key",
            _ => keys.kid(self.algorithm),
        };
        let usual = json!({ "typ": "at+jwt", "alg": self.algorithm.as_str(), "kid": kid });
        self.changed(usual, &self.header)
    }

    fn whole_claims(&self) -> Map<String, Value> {
        let issued = self.state.now().minus(self.age);
        let usual = json!({
            "iss": self.state.issuer,
            "sub": "nobody",
            "aud": self.state.audience,
            "exp": issued.plus(self.lifetime).unix_seconds(),
            "iat": issued.unix_seconds(),
            "jti": random_id().unwrap_or_default(),
            "client_id": "dev",
            "scope": "openid",
        });
        self.changed(usual, &self.claims)
    }

    fn changed(&self, usual: Value, changes: &Map<String, Value>) -> Map<String, Value> {
        let mut whole = match usual {
            Value::Object(whole) => whole,
            _ => Map::new(),
        };
        whole.extend(changes.clone());
        whole.retain(|name, _| !self.without.contains(name));
        whole
    }

    fn signature(&self, keys: &Keys, message: &[u8]) -> Vec<u8> {
        let own = || keys.sign(self.algorithm, message);
        let made = match self.seal {
            Seal::None => Ok(Vec::new()),
            Seal::Own => own(),
            Seal::Hmac => keys.hmac_with_public_key(message),
            Seal::Foreign => Keys::generate().and_then(|foreign| foreign.sign(self.algorithm, message)),
            Seal::Tampered => own().map(|mut signature| {
                signature.iter_mut().take(1).for_each(|byte| *byte ^= 1);
                signature
            }),
        };
        made.expect("a key that was made here signs; its size and algorithm are fixed")
    }
}

impl std::fmt::Debug for Mint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mint")
            .field("header", &self.header)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

fn json_part(part: Map<String, Value>) -> String {
    encode(Value::Object(part).to_string().as_bytes())
}
