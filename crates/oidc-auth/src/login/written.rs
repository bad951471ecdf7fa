//! A session as text, for stores that are elsewhere: format 1.

use std::borrow::Cow;
use std::time::Duration;

use gambeson_core::{Principal, PrincipalKind, SecretBytes, Timestamp};
use serde::{Deserialize, Serialize};

use super::session::{Grant, Inner, Session};

/// Times are in nanoseconds since 1970.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    principal: WrittenPrincipal<'a>,
    created_at: i64,
    ends_at: i64,
    idle_millis: u64,
    id_token: Cow<'a, str>,
    refresh_token: Option<Cow<'a, [u8]>>,
    refresh_at: Option<i64>,
    scope: Cow<'a, str>,
    refreshing_until: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct WrittenPrincipal<'a> {
    issuer: Cow<'a, str>,
    subject: Cow<'a, str>,
    kind: Cow<'a, str>,
    tenant: Option<Cow<'a, str>>,
    client: Option<Cow<'a, str>>,
    scopes: Vec<Cow<'a, str>>,
    roles: Vec<Cow<'a, str>>,
    groups: Vec<Cow<'a, str>>,
    actor: Option<Box<WrittenPrincipal<'a>>>,
    acr: Option<Cow<'a, str>>,
    amr: Vec<Cow<'a, str>>,
    auth_time: Option<i64>,
    expires_at: Option<i64>,
    token_id: Option<Cow<'a, str>>,
    session_id: Option<Cow<'a, str>>,
    claims: Option<Cow<'a, str>>,
}

pub(super) fn write(session: &Session) -> Vec<u8> {
    let Inner { principal, created_at, ends_at, idle, grant, refreshing_until } = session.inner();
    let written = Written {
        principal: principal.into(),
        created_at: created_at.unix_nanos(),
        ends_at: ends_at.unix_nanos(),
        idle_millis: u64::try_from(idle.as_millis()).unwrap_or(u64::MAX),
        id_token: (&*grant.id_token).into(),
        refresh_token: grant.refresh_token.as_ref().map(|token| token.expose().into()),
        refresh_at: grant.refresh_at.map(Timestamp::unix_nanos),
        scope: (&*grant.scope).into(),
        refreshing_until: refreshing_until.map(Timestamp::unix_nanos),
    };
    text(&written)
}

pub(super) fn read(text: &[u8]) -> Option<Session> {
    let written: Written<'_> = serde_json::from_slice(text).ok()?;
    let grant = Grant {
        id_token: written.id_token.into(),
        refresh_token: written.refresh_token.map(|token| SecretBytes::new(token.into_owned())),
        refresh_at: written.refresh_at.map(Timestamp::from_unix_nanos),
        scope: written.scope.into(),
    };
    Some(Session::from_inner(Inner {
        principal: written.principal.read()?,
        created_at: Timestamp::from_unix_nanos(written.created_at),
        ends_at: Timestamp::from_unix_nanos(written.ends_at),
        idle: Duration::from_millis(written.idle_millis),
        grant,
        refreshing_until: written.refreshing_until.map(Timestamp::from_unix_nanos),
    }))
}

/// Everything about a principal; what is the same about two is the same here.
#[cfg(feature = "redis")]
pub(super) fn write_principal(principal: &Principal) -> Vec<u8> {
    text(&WrittenPrincipal::from(principal))
}

fn text(written: &impl Serialize) -> Vec<u8> {
    // Maps of text and numbers: nothing in them can't be written.
    serde_json::to_vec(written).unwrap_or_default()
}

impl<'a> From<&'a Principal> for WrittenPrincipal<'a> {
    fn from(principal: &'a Principal) -> Self {
        let text = |text: Option<&'a str>| text.map(Cow::Borrowed);
        Self {
            issuer: principal.issuer().into(),
            subject: principal.subject().into(),
            kind: principal.kind().as_str().into(),
            tenant: text(principal.tenant()),
            client: text(principal.client()),
            scopes: principal.scopes().map(Cow::Borrowed).collect(),
            roles: principal.roles().map(Cow::Borrowed).collect(),
            groups: principal.groups().map(Cow::Borrowed).collect(),
            actor: principal.actor().map(|actor| Box::new(actor.into())),
            acr: text(principal.acr()),
            amr: principal.amr().map(Cow::Borrowed).collect(),
            auth_time: principal.auth_time().map(Timestamp::unix_nanos),
            expires_at: principal.expires_at().map(Timestamp::unix_nanos),
            token_id: text(principal.token_id()),
            session_id: text(principal.session_id()),
            claims: text(principal.claims()),
        }
    }
}

impl WrittenPrincipal<'_> {
    /// `None` for a kind that is not known here.
    fn read(self) -> Option<Principal> {
        let (issuer, subject) = (self.issuer.into_owned(), self.subject.into_owned());
        let kinds = [PrincipalKind::User, PrincipalKind::Service, PrincipalKind::Device];
        let builder = match kinds.into_iter().find(|kind| kind.as_str() == self.kind)? {
            PrincipalKind::User => Principal::user(issuer, subject),
            PrincipalKind::Service => Principal::service(issuer, subject),
            PrincipalKind::Device => Principal::device(issuer, subject),
            _ => return None,
        };
        let mut builder = builder;
        macro_rules! given {
            ($($field:ident)+) => {
                $(if let Some(value) = self.$field {
                    builder = builder.$field(value);
                })+
            };
        }
        given!(tenant client acr token_id session_id claims);
        builder = self.scopes.into_iter().fold(builder, |builder, scope| builder.scope(scope));
        builder = self.roles.into_iter().fold(builder, |builder, role| builder.role(role));
        builder = self.groups.into_iter().fold(builder, |builder, group| builder.group(group));
        builder = self.amr.into_iter().fold(builder, |builder, method| builder.method(method));
        if let Some(actor) = self.actor {
            builder = builder.actor(actor.read()?);
        }
        if let Some(at) = self.auth_time {
            builder = builder.auth_time(Timestamp::from_unix_nanos(at));
        }
        if let Some(at) = self.expires_at {
            builder = builder.expires_at(Timestamp::from_unix_nanos(at));
        }
        Some(builder.build())
    }
}

#[cfg(test)]
mod tests {
    use super::super::session::SessionLifetime;
    use super::*;

    fn full() -> Session {
        let at = Timestamp::from_unix_nanos(1_795_000_000_123_456_789);
        let actor = Principal::service("https://id.example", "robot").scope("act").build();
        let principal = Principal::user("https://id.example", "älice")
            .tenant("acme")
            .client("notes-web")
            .scope("openid")
            .scope("notes")
            .role("editor")
            .group("staff")
            .actor(actor)
            .acr("high")
            .method("pwd")
            .method("otp")
            .auth_time(at)
            .expires_at(at.plus(Duration::from_secs(60)))
            .token_id("t")
            .session_id("s")
            .claims(r#"{"a":"\u0000"}"#)
            .build();
        let grant = Grant {
            id_token: "e.y.J".into(),
            refresh_token: Some(SecretBytes::new(vec![0, 255, 7])),
            refresh_at: Some(at),
            scope: "openid notes".into(),
        };
        Session::new(principal, at, SessionLifetime::default(), grant).refreshing(at)
    }

    #[test]
    fn nothing_is_lost_on_the_way() {
        let session = full();
        let text = write(&session);
        let back = read(&text).unwrap();
        assert_eq!(write(&back), text);
        let (one, other) = (session.principal(), back.principal());
        assert!(one.same_subject(other) && one.id() != other.id());
        assert_eq!(one.claims(), other.claims());
        assert!(
            one.roles().eq(other.roles()) && one.amr().eq(other.amr()) && one.scopes().eq(other.scopes())
        );
        assert_eq!(other.actor().map(Principal::kind), Some(PrincipalKind::Service));
        let grant = (session.grant(), back.grant());
        let secret = |grant: &Grant| grant.refresh_token.as_ref().map(|token| token.expose().to_vec());
        assert_eq!(secret(grant.0), secret(grant.1));
        assert_eq!((session.ends_at(), session.idle()), (back.ends_at(), back.idle()));
        assert_eq!(session.inner().refreshing_until, back.inner().refreshing_until);
    }

    #[test]
    fn a_session_of_format_1_is_read() {
        let text = include_bytes!("written_format_1.json");
        assert_eq!(write(&read(text).unwrap()), write(&full()));
    }

    #[test]
    fn what_is_no_session_is_nothing() {
        let good = String::from_utf8(write(&full())).unwrap();
        for text in ["", "{}", "null", &good.replace("\"user\"", "\"god\""), &good[1..]] {
            assert!(read(text.as_bytes()).is_none(), "{text}");
        }
    }
}
