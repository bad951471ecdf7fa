//! What is denied: plain data, so that it can come from a call, a log-out or another instance.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest;
use gambeson_core::Timestamp;

use crate::digest::first;

/// What ends before its time. Made by a constructor that says what is named.
#[derive(Clone, PartialEq, Eq)]
#[must_use = "it ends nothing until a denylist is given it"]
pub struct Denial {
    issuer: Box<str>,
    of: Of,
    issued_until: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq)]
enum Of {
    Token(Box<str>),
    Session { sid: Box<str>, subject: Option<Box<str>>, and_sessionless: bool, so_far: bool },
    Subject(Box<str>),
    Issuer,
}

/// What a name is the name of: the same text as another kind of name is another name.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Kind {
    Token = b't',
    Session = b's',
    Subject = b'u',
    /// A subject, of tokens that name no session.
    Sessionless = b'n',
    Issuer = b'i',
}

impl Denial {
    /// One token, by its `jti` (RFC 7519 §4.1.7).
    pub fn token(issuer: impl Into<Box<str>>, jti: impl Into<Box<str>>) -> Self {
        Self::of(issuer, Of::Token(jti.into()))
    }

    /// All tokens of a session at the provider, by its `sid`. Tokens that name no session are not met: see [`Denial::and_subject`].
    /// Say whose it is with that or with [`Denial::whose`], or one account that logs in and out all day can fill the list.
    pub fn session(issuer: impl Into<Box<str>>, sid: impl Into<Box<str>>) -> Self {
        Self::of(
            issuer,
            Of::Session { sid: sid.into(), subject: None, and_sessionless: false, so_far: false },
        )
    }

    /// All tokens of a session at the provider that were issued until now, as for a subject: for a log-out here, after which the provider may
    /// go on with the same `sid`. The rest is as for [`Denial::session`].
    pub fn session_so_far(issuer: impl Into<Box<str>>, sid: impl Into<Box<str>>) -> Self {
        Self::of(issuer, Of::Session { sid: sid.into(), subject: None, and_sessionless: false, so_far: true })
    }

    /// All tokens of a subject that were issued until now, and those of the list's leeway to come: see [`Denial::issued_until`].
    pub fn subject(issuer: impl Into<Box<str>>, sub: impl Into<Box<str>>) -> Self {
        Self::of(issuer, Of::Subject(sub.into()))
    }

    /// All tokens of an issuer that were issued until now, as for a subject: after a break-in there.
    pub fn issuer(issuer: impl Into<Box<str>>) -> Self {
        Self::of(issuer, Of::Issuer)
    }

    fn of(issuer: impl Into<Box<str>>, of: Of) -> Self {
        Self { issuer: issuer.into(), of, issued_until: None }
    }

    /// Of a denied session: also this subject's tokens that name no session at all, as far as they were issued until now. Many issuers
    /// leave `sid` out of access tokens. Changes nothing of other denials.
    pub fn and_subject(mut self, sub: impl Into<Box<str>>) -> Self {
        if let Of::Session { subject, and_sessionless, .. } = &mut self.of {
            *subject = Some(sub.into());
            *and_sessionless = true;
        }
        self
    }

    /// Of a denied session: whose it is. After 16 sessions of one subject that ended within what the list keeps, all that the subject was
    /// issued so far is denied in place of one session more. Changes nothing of other denials.
    pub fn whose(mut self, sub: impl Into<Box<str>>) -> Self {
        if let Of::Session { subject, .. } = &mut self.of {
            *subject = Some(sub.into());
        }
        self
    }

    /// What was issued until this moment, to the second, in place of now; by the issuer's clock, which is what `iat` has. What
    /// [`Denial::token`] and [`Denial::session`] name is denied whenever it was issued.
    ///
    /// Without it nobody knows what the issuer's clock says: as it may be ahead, what is issued within
    /// [`DenylistBuilder::leeway`](super::DenylistBuilder::leeway) from now is denied too. Who logs in again at once is refused for so long; say
    /// the moment where you know it, as the `iat` of a log-out token.
    pub fn issued_until(self, at: Timestamp) -> Self {
        Self { issued_until: Some(at), ..self }
    }

    /// The names, and up to which `iat` tokens with them are denied.
    pub(super) fn names(&self, now: Timestamp, leeway: Duration) -> impl Iterator<Item = ([u8; 16], i64)> {
        let until = self.issued_until.unwrap_or_else(|| now.plus(leeway)).unix_seconds();
        let name = |kind, value| name(kind, &self.issuer, value);
        let (first, second) = match &self.of {
            Of::Token(jti) => ((name(Kind::Token, jti), i64::MAX), None),
            Of::Session { sid, subject, and_sessionless, so_far } => {
                let subject = subject
                    .as_ref()
                    .filter(|_| *and_sessionless)
                    .map(|sub| (name(Kind::Sessionless, sub), until));
                ((name(Kind::Session, sid), if *so_far { until } else { i64::MAX }), subject)
            }
            Of::Subject(sub) => ((name(Kind::Subject, sub), until), None),
            Of::Issuer => ((name(Kind::Issuer, ""), until), None),
        };
        [Some(first), second].into_iter().flatten()
    }
}

impl Denial {
    /// Of a session: the name of whose it is, and the denial of all that they were issued.
    pub(super) fn whole_subject(&self) -> Option<([u8; 16], Self)> {
        let Of::Session { subject: Some(sub), .. } = &self.of else { return None };
        let (issuer, of) = (self.issuer.clone(), Of::Subject(sub.clone()));
        Some((name(Kind::Subject, &issuer, sub), Self { issuer, of, issued_until: self.issued_until }))
    }
}

/// Says what kind it is; who it is about is not for logs.
impl fmt::Debug for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.of {
            Of::Token(_) => "a token",
            Of::Session { .. } => "a session",
            Of::Subject(_) => "a subject",
            Of::Issuer => "all",
        };
        f.debug_struct("Denial")
            .field("of", &of)
            .field("issuer", &self.issuer)
            .field("issued_until", &self.issued_until)
            .finish()
    }
}

/// Half of a SHA-256: names from strangers collide with nothing, and take the same room however long they are.
pub(super) fn name(kind: Kind, issuer: &str, value: &str) -> [u8; 16] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&[kind as u8]);
    context.update(issuer.as_bytes());
    context.update(&[0]);
    context.update(value.as_bytes());
    first(&context.finish())
}
