//! What people have allowed clients to do: codes, and the grants that they are exchanged for.

use std::collections::VecDeque;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use gambeson_core::Timestamp;

use super::capped::Capped;
use super::keys::random_id;
use super::pkce;

/// How long a code can be exchanged (RFC 6749 §4.1.2 allows ten minutes).
const CODE_LIFETIME: Duration = Duration::from_secs(60);

/// How long refresh tokens can be exchanged, counted from the code's exchange.
const GRANT_LIFETIME: Duration = Duration::from_secs(12 * 3_600);

/// Access tokens that a grant remembers, and revoked ones that all of them remember together.
const MOST_TOKENS: usize = 16;
const MOST_REVOKED: usize = 4_096;

/// Who signed in where, and what for.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) client: String,
    pub(super) person: String,
    pub(super) scope: String,
    pub(super) nonce: Option<String>,
    pub(super) auth_time: Timestamp,
    pub(super) sid: String,
}

impl Grant {
    fn ends_with(&self, sid: &str) -> bool {
        self.sid == sid && !self.allows("offline_access")
    }

    fn allows(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|granted| granted == scope)
    }
}

/// What a code is bound to beside the client.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    pub(super) redirect_uri: String,
    pub(super) challenge: Option<String>,
}

/// A code as a client presents it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Redemption<'a> {
    pub(super) code: &'a str,
    pub(super) client: &'a str,
    pub(super) redirect_uri: Option<&'a str>,
    pub(super) verifier: Option<&'a str>,
}

/// Why nothing is granted: `invalid_grant` with these words, more scope than there was, or no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ungranted {
    Invalid(&'static str),
    Scope,
    NoRandomness,
}

impl From<Unspecified> for Ungranted {
    fn from(_: Unspecified) -> Self {
        Self::NoRandomness
    }
}

struct Code {
    grant: Grant,
    binding: Binding,
    expires: Timestamp,
    used: bool,
    /// The family that came of it.
    family: Option<String>,
}

/// A grant with its one good refresh token, which is `<family>.<secret>`.
struct Family {
    grant: Grant,
    secret: String,
    expires: Timestamp,
    tokens: VecDeque<String>,
}

/// Codes and families of refresh tokens.
pub(super) struct Grants {
    codes: Capped<Code>,
    families: Capped<Family>,
    revoked: Capped<()>,
    participants: Capped<Participant>,
}

/// A client that somebody signed in to.
#[derive(Debug, Clone)]
pub(super) struct Participant {
    pub(super) client: String,
    pub(super) person: String,
    pub(super) sid: String,
}

impl Grants {
    pub(super) const fn new() -> Self {
        Self {
            codes: Capped::new(1_024),
            families: Capped::new(1_024),
            revoked: Capped::new(MOST_REVOKED),
            participants: Capped::new(1_024),
        }
    }

    pub(super) fn code(
        &mut self,
        grant: Grant,
        binding: Binding,
        now: Timestamp,
    ) -> Result<String, Unspecified> {
        let code = random_id()?;
        let expires = now.plus(CODE_LIFETIME);
        self.codes.insert(code.clone(), Code { grant, binding, expires, used: false, family: None });
        Ok(code)
    }

    /// Exchanges a code for a grant and a refresh token, once (RFC 6749 §4.1.2): whoever comes second takes away what the
    /// first one got. A try of the right client uses it up, also with a wrong verifier.
    pub(super) fn redeem(
        &mut self,
        with: Redemption<'_>,
        now: Timestamp,
    ) -> Result<(Grant, String), Ungranted> {
        let unknown = Ungranted::Invalid("the code is unknown");
        let code = self.codes.get_mut(with.code).ok_or(unknown)?;
        if code.used {
            let family = code.family.take();
            family.into_iter().for_each(|family| self.revoke(&family));
            return Err(Ungranted::Invalid("the code was used before; what it gave is revoked"));
        }
        if code.grant.client != with.client {
            return Err(Ungranted::Invalid("the code is another client's"));
        }
        code.used = true;
        if now >= code.expires {
            return Err(Ungranted::Invalid("the code has expired"));
        }
        if with.redirect_uri != Some(code.binding.redirect_uri.as_str()) {
            return Err(Ungranted::Invalid("the redirect_uri is not that of the authorization request"));
        }
        pkce::check(code.binding.challenge.as_deref(), with.verifier).map_err(Ungranted::Invalid)?;
        let (family, secret) = (random_id()?, random_id()?);
        let grant = code.grant.clone();
        code.family = Some(family.clone());
        let refresh = format!("{family}.{secret}");
        let expires = now.plus(GRANT_LIFETIME);
        let entry = Family { grant: grant.clone(), secret, expires, tokens: VecDeque::new() };
        self.families.insert(family, entry);
        let Grant { client, person, sid, .. } = grant.clone();
        self.participants.insert(format!("{sid} {client}"), Participant { client, person, sid });
        Ok((grant, refresh))
    }

    /// Exchanges a refresh token for the grant and the next refresh token; one that was used before ends its whole
    /// family (RFC 9700 §4.14.2).
    pub(super) fn refresh(
        &mut self,
        token: &str,
        client: &str,
        scope: Option<&str>,
        now: Timestamp,
    ) -> Result<(Grant, String), Ungranted> {
        let unknown = Ungranted::Invalid("the refresh token is unknown or revoked");
        let (name, secret) = token.split_once('.').ok_or(unknown)?;
        let family = self.families.get_mut(name).ok_or(unknown)?;
        if family.grant.client != client {
            return Err(Ungranted::Invalid("the refresh token is another client's"));
        }
        if now >= family.expires {
            return Err(Ungranted::Invalid("the refresh token has expired"));
        }
        if verify_slices_are_equal(family.secret.as_bytes(), secret.as_bytes()).is_err() {
            self.revoke(name);
            return Err(Ungranted::Invalid("the refresh token was used before; its whole family is revoked"));
        }
        if !scope.is_none_or(|scope| scope.split(' ').all(|word| family.grant.allows(word))) {
            return Err(Ungranted::Scope);
        }
        family.secret = random_id()?;
        Ok((family.grant.clone(), format!("{name}.{}", family.secret)))
    }

    /// Remembers an access token of the family that this refresh token belongs to.
    pub(super) fn note(&mut self, refresh: &str, token_id: &str) {
        let name = refresh.split_once('.').map_or(refresh, |(name, _)| name);
        if let Some(family) = self.families.get_mut(name) {
            family.tokens.push_front(token_id.to_owned());
            family.tokens.truncate(MOST_TOKENS);
        }
    }

    /// The sessions in which this person signed in to some client.
    pub(super) fn sessions_of(&mut self, person: &str) -> Vec<String> {
        let mut sids: Vec<String> = Vec::new();
        for participant in self.participants.values_mut().filter(|participant| participant.person == person) {
            if !sids.contains(&participant.sid) {
                sids.push(participant.sid.clone());
            }
        }
        sids
    }

    /// Ends a client's own refresh token, and all that came of the same code (RFC 7009 §2.1).
    pub(super) fn revoke_refresh_token(&mut self, token: &str, client: &str) {
        let Some((name, secret)) = token.split_once('.') else { return };
        let own = self.families.get_mut(name).is_some_and(|family| {
            family.grant.client == client
                && verify_slices_are_equal(family.secret.as_bytes(), secret.as_bytes()).is_ok()
        });
        if own {
            self.revoke(name);
        }
    }

    pub(super) fn revoke_token(&mut self, token_id: String) {
        self.revoked.insert(token_id, ());
    }

    /// Revokes what was granted in a session that has ended; `offline_access` outlives it. Gives who took part.
    pub(super) fn end(&mut self, sid: &str) -> Vec<Participant> {
        let mut tokens: Vec<String> = Vec::new();
        for family in self.families.values_mut().filter(|family| family.grant.ends_with(sid)) {
            tokens.extend(family.tokens.drain(..));
        }
        tokens.into_iter().for_each(|token| self.revoked.insert(token, ()));
        self.families.retain(|family| !family.grant.ends_with(sid));
        self.codes.retain(|code| code.used || code.grant.sid != sid);
        let took_part = self.participants.values_mut().filter(|participant| participant.sid == sid);
        let took_part = took_part.map(|participant| participant.clone()).collect();
        self.participants.retain(|participant| participant.sid != sid);
        took_part
    }

    pub(super) fn is_revoked(&self, token_id: &str) -> bool {
        self.revoked.get(token_id).is_some()
    }

    fn revoke(&mut self, family: &str) {
        let tokens = self.families.remove(family).map(|family| family.tokens).unwrap_or_default();
        tokens.into_iter().for_each(|token| self.revoked.insert(token, ()));
    }
}
