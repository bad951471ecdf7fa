//! State that several instances of an app share, in Redis (or Valkey).
//!
//! One instance keeps everything in its memory and needs none of this. Several behind one address have to agree: whose session a
//! cookie is, which proofs were used, who logged out. [`RedisStores`] is the one connection from which the stores for that are made.
//!
//! | what | made by | without it |
//! |---|---|---|
//! | sessions of browsers | [`RedisStores::sessions`], for [`LoginBuilder::store`](crate::login::LoginBuilder::store) | who logged in at one instance is nobody at the others |
//! | proofs that were used | [`RedisStores::replay`], for [`DpopBuilder::replay`](crate::dpop::DpopBuilder::replay) | a proof works once at each instance |
//! | what was denied | [`RedisStores::denials`], for [`DenylistBuilder::shared`](crate::denylist::DenylistBuilder::shared) | a token that was ended at one instance goes on at the others |
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//!
//! use gambeson_core::SecretBytes;
//! use gambeson_oidc_auth::{Denylist, Dpop, Issuer, Login};
//! use gambeson_oidc_auth::redis::RedisStores;
//!
//! # fn main() -> Result<(), gambeson_core::ConfigError> {
//! let url = SecretBytes::new(&b"rediss://notes:password@redis.example.com:6379"[..]);
//! # let secret = || SecretBytes::new(vec![7; 32]);
//! let shared = RedisStores::builder(url).prefix("notes").seal_key(secret()).build()?;
//! let dpop = Dpop::at("https://api.example.com").replay(Arc::new(shared.replay())).build()?;
//! let denylist = Denylist::builder().shared(Arc::new(shared.denials())).build()?;
//! let login = Login::builder(Issuer::discover("https://id.example.com"), "notes-web")
//!     .public_origin("https://notes.example.com")
//!     .cookie_key(secret())
//!     .store(Arc::new(shared.sessions()?))
//!     .build()?;
//! # let _ = (dpop, denylist, login);
//! # Ok(())
//! # }
//! ```
//!
//! In a configuration file it is the table `[oidc-auth.redis]`, [`RedisConfig`]; what of log-in, `dpop` and `denylist` is described beside it is
//! shared then.
//!
//! # When the server is away
//!
//! Nobody is let in on a guess: what has to be asked and can't be is answered 503, within [`RedisStoresBuilder::deadline`]. A lost
//! connection is made anew by the next request; after a failed attempt nobody tries for 200 ms. A request that is given up
//! half-way leaves nothing behind but what Redis forgets by itself.
//!
//! # What the server has to be
//!
//! Redis 6.2 or newer, or Valkey; one primary. A replica that was promoted, or a server that comes back after a crash, may lack the
//! last moments. The instances notice: they write denials that they know into it again, and all long answers end. A session
//! that was ended in those moments may be back.
//!
//! The user needs the keys `{prefix}:*`, with braces, and these commands: `PING`, `TIME`, `EVAL`, `SET`, `EXISTS`, `DEL`, `PTTL`, `PEXPIRE`, `HSET`,
//! `HMGET`, `HINCRBY`, `ZADD`, `ZREM`, `ZCARD`, `ZRANGE`, `ZREVRANGE`, `ZRANGEBYSCORE`; also `SELECT` where the URL names a database. For the
//! prefix `notes`:
//!
//! ```text
//! ACL SETUSER notes on >password resetkeys ~{notes}:* -@all +ping +time +eval +set +exists +del +pttl +pexpire +hset +hmget +hincrby +zadd +zrem +zcard +zrange +zrevrange +zrangebyscore
//! ```
//!
//! Redis must not throw keys away when memory is short: `maxmemory-policy
//! noeviction`. Without persistence a restart of the server signs everybody out. The way there is TLS
//! (`rediss://`), by rustls; plain text is refused off loopback in production.
//!
//! # What can be read there
//!
//! Names of keys are digests, and sessions are sealed: who reads them gets no session and no token, and nobody can make or change one
//! there. Who can *write* there can end sessions, make proofs good again, delete denials and deny what they like, put back a session that was
//! ended or an older state of one (with the roles of then, until its absolute end, which is sealed) and keep one from being idle: give the server a password
//! and a network of its own.

mod address;
mod builder;
mod config;
mod connect;
mod denials;
mod link;
mod log;
mod names;
mod replay;
mod sessions;
mod telemetry;

use std::fmt;
use std::sync::Arc;

use ::redis::cmd;
use gambeson_core::{Answer, ConfigError, Health, HealthCheck, SecretBytes, SecretRef, SecretResolver};

use self::address::Kept;
pub use self::builder::RedisStoresBuilder;
use self::builder::Settings;
pub use self::config::RedisConfig;
pub use self::denials::RedisDenials;
use self::link::{Ask, Link, LinkError};
use self::log::Log;
use self::names::Names;
pub use self::replay::RedisReplay;
pub use self::sessions::RedisSessions;

/// The stores that instances share. See the [module](self) for the whole page. A clone is the same connection.
#[derive(Clone)]
pub struct RedisStores {
    link: Link,
    names: Names,
    settings: Settings,
}

impl RedisStores {
    /// Describes them: the server at this URL, `rediss://[user[:password]@]host[:port][/database]`.
    pub fn builder(url: SecretBytes) -> RedisStoresBuilder {
        RedisStoresBuilder::new(Kept::Bytes(url))
    }

    /// The same; the URL is asked for at each connection, so that a rotated password is taken up.
    pub fn builder_from(reference: SecretRef, resolver: Arc<dyn SecretResolver>) -> RedisStoresBuilder {
        RedisStoresBuilder::new(Kept::From(reference, resolver))
    }

    /// Sessions that every instance knows.
    ///
    /// # Errors
    /// No key was given to seal them with.
    pub fn sessions(&self) -> Result<RedisSessions, ConfigError> {
        let cure = "name the secret, at least 32 random bytes, that sessions are sealed with";
        let key = self.settings.seal_key.clone();
        let key = key.ok_or_else(|| ConfigError::one("redis.seal-key", "", cure))?;
        Ok(RedisSessions::new(self.link.clone(), self.names.clone(), self.settings.clone(), key))
    }

    /// Proofs that were used at any instance.
    #[must_use]
    pub fn replay(&self) -> RedisReplay {
        RedisReplay::new(self.link.clone(), self.names.clone())
    }

    /// What any instance has denied.
    #[must_use]
    pub fn denials(&self) -> RedisDenials {
        RedisDenials::new(Log::new(self.link.clone(), self.names.denials(), self.settings.log_ids.clone()))
    }

    /// Whether the server answers, for a start that should wait for it.
    ///
    /// # Errors
    /// It does not, or does not know this app.
    pub async fn ready(&self) -> Result<(), RedisUnavailable> {
        let ping = || Ask::One(cmd("PING"));
        self.link.ask_again(ping).await.map(drop).map_err(RedisUnavailable)
    }
}

/// As the last request found the server: unhealthy when it refused what it was asked, did not answer, or can't be reached. It is not
/// asked for this, see [`RedisStores::ready`].
impl HealthCheck for RedisStores {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn check(&self) -> Answer<Health> {
        Answer::Ready(match self.link.state() {
            Some(Ok(())) => Health::Healthy,
            Some(Err(error)) => Health::Unhealthy(error.to_string()),
            None => Health::Degraded("redis: there is no connection; the next request makes one".into()),
        })
    }
}

impl fmt::Debug for RedisStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStores")
            .field("link", &self.link)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// The server can't be asked. Holds no secret.
#[derive(Debug)]
pub struct RedisUnavailable(LinkError);

impl fmt::Display for RedisUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for RedisUnavailable {}
