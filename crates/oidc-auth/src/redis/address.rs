//! Where the server is, and whether the way there may be plain.

use std::net::IpAddr;
use std::sync::Arc;

use ::redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};
use gambeson_core::{SecretBytes, SecretRef, SecretResolver};

/// A secret of the store, or where it is.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    Bytes(SecretBytes),
    /// Asked for when it is needed, so that a rotated one is taken up.
    From(SecretRef, Arc<dyn SecretResolver>),
}

impl Kept {
    pub(super) async fn read(&self) -> Result<SecretBytes, String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::From(reference, resolver) => {
                let secret = resolver.resolve(reference).await;
                secret.map_err(|error| format!("the secret {reference}: {error}"))
            }
        }
    }

    /// The bytes, when they are at hand.
    pub(super) fn at_hand(&self) -> Option<&SecretBytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::From(..) => None,
        }
    }
}

/// Which ways to a server may be plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlainText {
    pub(super) anywhere: bool,
}

/// A server, as its URL says.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_tls: bool,
    pub(super) login: RedisConnectionInfo,
}

impl Address {
    /// Reads `redis://` or `rediss://[user[:password]@]host[:port][/database]`. What is wrong is said without the URL, which may
    /// hold a password.
    pub(super) fn parse(url: &[u8], plain: PlainText) -> Result<Self, &'static str> {
        let url = std::str::from_utf8(url).map_err(|_| "it is not text")?.trim();
        let (scheme, rest) = url.split_once("://").ok_or("it is no URL")?;
        let is_tls = match scheme {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err("its scheme is none of redis, rediss, valkey, valkeys"),
        };
        if rest.contains('#') {
            return Err("it has a fragment");
        }
        let read = format!("redis://{rest}").into_connection_info().map_err(|_| "it can't be read")?;
        let ConnectionAddr::Tcp(host, port) = read.addr() else { return Err("it names no host") };
        let host = host.trim_matches(['[', ']']).to_owned();
        if !is_tls && !plain.anywhere && !is_loopback(&host) {
            return Err("the way there is not encrypted: use rediss://, or dangerously_allow_plain_text");
        }
        Ok(Self { host, port: *port, is_tls, login: read.redis_settings().clone() })
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: PlainText = PlainText { anywhere: false };

    fn read(url: &str) -> Result<(String, u16, bool), &'static str> {
        Address::parse(url.as_bytes(), HERE).map(|address| (address.host, address.port, address.is_tls))
    }

    #[test]
    fn plain_text_stays_on_this_machine() {
        assert_eq!(read("redis://127.0.0.1"), Ok(("127.0.0.1".into(), 6379, false)));
        assert_eq!(read("redis://[::1]:7000/2"), Ok(("::1".into(), 7000, false)));
        assert_eq!(read("rediss://:pass@redis.example:7001\n"), Ok(("redis.example".into(), 7001, true)));
        for host in ["10.0.0.1", "redis", "localhost.example", "127.0.0.1.example"] {
            assert!(read(&format!("redis://{host}")).unwrap_err().contains("not encrypted"), "{host}");
            let anywhere = PlainText { anywhere: true };
            assert!(Address::parse(format!("redis://{host}").as_bytes(), anywhere).is_ok());
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for url in [
            "",
            "redis",
            "http://:hunter2@a",
            "rediss://:hunter2@a#insecure",
            "redis://:hunter2@",
            "redis://a/x",
        ] {
            assert!(!read(url).unwrap_err().contains("hunter2"), "{url}");
        }
    }
}
