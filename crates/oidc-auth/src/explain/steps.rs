//! The checks one by one, on what verification uses itself.

use gambeson_core::{Principal, PrincipalKind, Timestamp};

use super::{Explanation, Verdict};
use crate::algorithm::Algorithm;
use crate::denylist::Marks;
use crate::error::{Reason, TokenError};
use crate::identity;
use crate::jwt::{Claims, Compact, Header};
use crate::keys::{Key, KeySet, MAX_TRIED};
use crate::policy::Policy;
use crate::verifier::Verifier;

const UNPROVED: &str = "can't be checked without its key: nothing below is proved";

/// Takes all steps that can be taken.
pub(super) fn take(verifier: &Verifier, token: &str, told: &mut Explanation) {
    let Some(parts) = form(verifier, token, told) else { return };
    let meant = match verifier.meant(token.as_bytes()) {
        Ok(meant) => meant,
        Err(error) => return told.failed("issuer", &error),
    };
    let policy = meant.policy();
    let header = parts.header().and_then(|text| Header::read(&text, policy.kind));
    let keys = meant.key_set();
    let key = match header {
        Ok(header) => {
            let kid = header.kid.as_deref().unwrap_or("none");
            told.passed("header", format!("{}, kid {kid:?}, type as wanted", header.algorithm.name()));
            let tried = find(meant, &keys, &header, told);
            signature(&parts, &header, &tried, told)
        }
        Err(error) => {
            told.failed("header", &error);
            told.add("signature", Verdict::Open, UNPROVED);
            None
        }
    };
    claims(meant, &parts, key, told);
}

fn form<'t>(verifier: &Verifier, token: &'t str, told: &mut Explanation) -> Option<Compact<'t>> {
    let longest = verifier.each().map(|one| one.policy().max_token).max().unwrap_or_default();
    if token.len() > longest {
        let text = format!("{} bytes, taken are {longest} (max_token_bytes)", token.len());
        told.failed("form", &TokenError::with(Reason::TooLarge, text));
        return None;
    }
    match Compact::split(token) {
        Ok(parts) => {
            told.passed("form", format!("a signed token of {} bytes", token.len()));
            Some(parts)
        }
        Err(_) => {
            let text = match token.matches('.').count() {
                0 => "one part: an opaque token, which only its issuer can read (introspection, RFC 7662)",
                4 => "five parts: an encrypted token, which is for whoever has the key",
                2 => "an empty part: an unsigned token is never accepted",
                _ => "not three parts separated by dots: was it cut when it was copied?",
            };
            told.failed("form", &TokenError::with(Reason::Malformed, text));
            None
        }
    }
}

fn find<'k>(verifier: &Verifier, keys: &'k KeySet, header: &Header, told: &mut Explanation) -> Vec<&'k Key> {
    let published = keys.names().map(|(kid, alg)| format!("{kid} ({alg})")).collect::<Vec<_>>().join(", ");
    let tried: Vec<&Key> = keys.meant(header.kid.as_deref(), header.algorithm).collect();
    match tried.len() {
        1 => told.passed("key", "published by the issuer for this algorithm"),
        2.. => {
            let text =
                format!("none is named: {} of this algorithm are tried, {MAX_TRIED} at most", tried.len());
            told.passed("key", text);
        }
        0 => {
            let cause = match verifier.own_status().last_error {
                Some(error) => format!("; the last fetch failed: {error}"),
                None => String::new(),
            };
            let wanted = Algorithm::name(header.algorithm);
            let text = format!(
                "kid {:?} for {wanted} is not published; known are [{published}]{cause}",
                header.kid.as_deref().unwrap_or("none")
            );
            told.failed("key", &TokenError::with(Reason::UnknownKey, text));
        }
    }
    tried
}

/// The key that signed it.
fn signature<'k>(
    parts: &Compact<'_>,
    header: &Header,
    tried: &[&'k Key],
    told: &mut Explanation,
) -> Option<&'k Key> {
    let signature = match parts.signature(header.algorithm) {
        Ok(signature) => signature,
        Err(error) => {
            told.failed("signature", &error);
            return None;
        }
    };
    let signed_by = tried.iter().find(|key| key.verifies(parts.signed(), &signature));
    let text = match (signed_by, tried) {
        (Some(_), _) => {
            told.passed("signature", "by that key");
            return signed_by.copied();
        }
        (None, []) => {
            told.add("signature", Verdict::Open, UNPROVED);
            return None;
        }
        (None, [_]) => {
            "not by that key: the token was changed or cut, or the issuer has another key under that name"
        }
        (None, _) => "not by one of those keys: the token was changed or cut, or should name its key",
    };
    told.failed("signature", &TokenError::with(Reason::Signature, text));
    None
}

fn claims(verifier: &Verifier, parts: &Compact<'_>, key: Option<&Key>, told: &mut Explanation) {
    let (policy, now) = (verifier.policy(), verifier.now());
    let payload = match parts.payload() {
        Ok(payload) => payload,
        Err(error) => return told.failed("claims", &error),
    };
    let claims = match Claims::read(&payload, policy) {
        Ok(claims) => claims,
        Err(error) => return told.failed("claims", &error),
    };
    told.outcome("issuer", claims.check_issuer(policy), || {
        format!("{:?}", claims.text("iss").ok().flatten().unwrap_or(&policy.issuer))
    });
    told.outcome("audience", claims.check_audience(policy), || format!("one of {:?}", policy.audiences));
    told.outcome("times", claims.check_times(policy, now), || times(&claims, now));
    told.outcome("purpose", claims.check_purpose(policy), || "an access token, not an ID token".to_owned());
    told.outcome("required", claims.check_required(policy), || "all that the profile asks for".to_owned());
    if !policy.rules.is_empty() {
        told.outcome("rules", claims.check_rules(policy), || format!("all {} kept", policy.rules.len()));
    }
    if let Some(key) = key {
        let outcome = crate::verifier::check_key(key, &claims, policy);
        told.outcome("tenant", outcome, || "the key may sign for it".to_owned());
    }
    if let Some(denylist) = verifier.own_denylist() {
        let outcome = Marks::read(denylist, &claims, &policy.issuer).and_then(|marks| marks.check());
        told.outcome("denylist", outcome, || "not on it".to_owned());
    }
    caller(&claims, &payload, policy, told);
}

fn times(claims: &Claims<'_>, now: Timestamp) -> String {
    let now = now.unix_seconds();
    let from = |name| claims.seconds(name).map(|at| now.saturating_sub(at));
    let issued = from("iat").map_or("at an unknown time".to_owned(), |ago| format!("{ago} s ago"));
    let left = from("exp").map_or(0, i64::saturating_neg);
    format!("issued {issued}, ends in {left} s")
}

fn caller(claims: &Claims<'_>, payload: &str, policy: &Policy, told: &mut Explanation) {
    match identity::principal(claims, payload, policy) {
        Ok(principal) => told.passed("caller", described(&principal)),
        Err(error) => told.failed("caller", &error),
    }
}

fn described(caller: &Principal) -> String {
    let kind = if caller.kind() == PrincipalKind::Service { "service" } else { "user" };
    let list = |name: &str, values: Vec<&str>| match values.is_empty() {
        true => format!(", no {name}"),
        false => format!(", {name} {values:?}"),
    };
    let mut text = format!("{kind} {:?}", caller.subject());
    text += &list("scopes", caller.scopes().collect());
    text += &list("roles", caller.roles().collect());
    text += &list("groups", caller.groups().collect());
    text += &caller.tenant().map_or(String::new(), |tenant| format!(", tenant {tenant:?}"));
    let mut actor = caller.actor();
    while let Some(who) = actor {
        text += &format!(", by {:?} of {:?}", who.subject(), who.issuer());
        actor = who.actor();
    }
    text
}
