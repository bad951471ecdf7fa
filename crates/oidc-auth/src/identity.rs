//! From checked claims to a principal.

use std::sync::Arc;

use gambeson_core::{Principal, PrincipalBuilder, Timestamp};

use crate::error::{Reason, TokenError};
use crate::jwt::{Claims, Json, Members, texts_of, values_of};
use crate::policy::{Policy, TokenKind};

/// How many actors may stand behind each other (RFC 8693 §4.1): more is no honest delegation.
const MAX_ACTORS: u8 = 4;

/// Describes the caller. Called only after the signature and all checks passed.
///
/// A token whose subject is its own client is a service's (RFC 9068 §5); every other a person's.
pub(crate) fn principal(
    claims: &Claims<'_>,
    payload: &str,
    policy: &Policy,
) -> Result<Principal, TokenError> {
    describe(claims, payload, policy).map(PrincipalBuilder::build)
}

/// Describes the person of a verified ID token, whose session lasts until `ends_at`: the token's own end says nothing of
/// that. `scope` is what the log-in was granted; `before` is who it was before a refresh, whose token may leave out what does not change.
pub(crate) fn person(
    payload: &str,
    policy: &Policy,
    ends_at: Timestamp,
    scope: &str,
    before: Option<&Principal>,
) -> Result<Principal, TokenError> {
    let claims = Claims::read(payload, policy)?;
    let mut builder = describe(&claims, payload, policy)?;
    if let Some(at) = before.and_then(Principal::auth_time).filter(|_| claims.seconds("auth_time").is_none())
    {
        builder = builder.auth_time(at);
    }
    if let (None, Some(sid)) = (claims.text("sid")?, before.and_then(Principal::session_id)) {
        builder = builder.session_id(sid);
    }
    let builder = scope.split_ascii_whitespace().fold(builder, PrincipalBuilder::scope);
    Ok(builder.expires_at(ends_at).build())
}

fn describe(claims: &Claims<'_>, payload: &str, policy: &Policy) -> Result<PrincipalBuilder, TokenError> {
    if policy.kind == TokenKind::Logout {
        // Nobody calls with it, and it may name a log-in only.
        let subject = claims.text("sub")?.unwrap_or_default();
        return Ok(Principal::user(policy.issuer.clone(), subject).claims(payload));
    }
    let client = client(claims, policy)?;
    // Only what an issuer says of an opaque token may lack a subject: a client's own token, then.
    let subject = claims.text("sub")?.filter(|subject| !subject.is_empty()).or(client);
    let subject = subject.ok_or_else(|| TokenError::with(Reason::MissingClaim, "sub is missing"))?;
    let issuer = match policy.tenants {
        None => policy.issuer.clone(),
        // A subject is unique within its tenant's issuer only.
        Some(_) => claims.text("iss")?.unwrap_or_default().into(),
    };
    let actor = actor(claims.members(), &issuer, MAX_ACTORS)?;
    let mut builder = match is_service(claims, policy, client == Some(subject)) {
        true => Principal::service(issuer, subject),
        false => Principal::user(issuer, subject),
    }
    .claims(payload);
    if let Some(client) = client {
        builder = builder.client(client);
    }
    builder = authentication(builder, claims)?;
    builder = authority(builder, claims, policy)?;
    if let Some(actor) = actor {
        builder = builder.actor(actor);
    }
    Ok(builder)
}

fn client<'c>(claims: &'c Claims<'_>, policy: &Policy) -> Result<Option<&'c str>, TokenError> {
    match claims.members().at(&policy.names.client) {
        Some(Json::Text(client)) => Ok(Some(client)),
        None => claims.text("azp"),
        Some(_) => Err(TokenError::with(Reason::Malformed, "the client claim is not a string")),
    }
}

/// A person's log-in is never a service's.
fn is_service(claims: &Claims<'_>, policy: &Policy, own_client: bool) -> bool {
    policy.kind != TokenKind::Id
        && (own_client || policy.service_marks.iter().any(|mark| mark.holds(claims.members())))
}

/// Which credential and which log-in it was.
fn authentication(
    mut builder: PrincipalBuilder,
    claims: &Claims<'_>,
) -> Result<PrincipalBuilder, TokenError> {
    if let Some(exp) = claims.seconds("exp") {
        builder = builder.expires_at(Timestamp::from_unix_seconds(exp));
    }
    if let Some(at) = claims.seconds("auth_time") {
        builder = builder.auth_time(Timestamp::from_unix_seconds(at));
    }
    if let Some(id) = claims.text("jti")? {
        builder = builder.token_id(id);
    }
    if let Some(session) = claims.text("sid")? {
        builder = builder.session_id(session);
    }
    if let Some(acr) = claims.text("acr")? {
        builder = builder.acr(acr);
    }
    Ok(claims.texts("amr")?.fold(builder, PrincipalBuilder::method))
}

/// Scopes, roles, groups and organisation, from where the policy looks for them.
fn authority(
    mut builder: PrincipalBuilder,
    claims: &Claims<'_>,
    policy: &Policy,
) -> Result<PrincipalBuilder, TokenError> {
    let (members, names) = (claims.members(), &policy.names);
    for scopes in texts_of(members.at(&names.scope), "scope")? {
        builder = scopes.split_ascii_whitespace().fold(builder, PrincipalBuilder::scope);
    }
    let roles = values_of(members.at(&names.roles), "the roles claim")?;
    builder = roles.fold(builder, PrincipalBuilder::role);
    let groups = values_of(members.at(&names.groups), "the groups claim")?;
    builder = groups.fold(builder, PrincipalBuilder::group);
    match members.at(&names.tenant) {
        None => Ok(builder),
        Some(Json::Text(tenant)) => Ok(builder.tenant(&**tenant)),
        Some(_) => Err(TokenError::with(Reason::Malformed, "the tenant claim is not a string")),
    }
}

/// Who acts for the subject (RFC 8693 §4.1): known to the token's own issuer, unless `act` names another.
fn actor(members: &Members<'_>, own: &Arc<str>, depth: u8) -> Result<Option<Principal>, TokenError> {
    let wrong = |text| TokenError::with(Reason::Malformed, text);
    let act = match members.get("act") {
        None => return Ok(None),
        Some(Json::Object(act)) => act,
        Some(_) => return Err(wrong("act is not an object")),
    };
    let depth = depth.checked_sub(1).ok_or_else(|| wrong("act is too deep"))?;
    let Some(Json::Text(subject)) = act.get("sub") else {
        return Err(wrong("act has no sub"));
    };
    let issuer = match act.get("iss") {
        None => Arc::clone(own),
        Some(Json::Text(issuer)) => (&**issuer).into(),
        Some(_) => return Err(wrong("iss of act is not a string")),
    };
    let mut builder = Principal::service(issuer, &**subject);
    if let Some(next) = actor(act, own, depth)? {
        builder = builder.actor(next);
    }
    Ok(Some(builder.build()))
}
