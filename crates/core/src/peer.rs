//! Who is on the other end of the connection.

use std::net::IpAddr;

use crate::word::{named, shown};

named! {
    /// The scheme that the client used, as far as it can be trusted.
    pub enum Scheme {
        /// Plain HTTP.
        Http = "http",
        /// HTTP over TLS.
        Https = "https",
    }
}

impl Scheme {
    /// The port that goes without saying.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Address, scheme and host of the client: computed once, from what a trusted neighbour says, and used by all.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PeerInfo {
    /// The client's address; `None` when the connection did not tell (a finding, never a default).
    pub address: Option<IpAddr>,
    /// The scheme the client used; `None` when unknown.
    pub scheme: Option<Scheme>,
    /// Host and, if given, port as the client named them, lower case. Not checked against an allow list.
    pub host: Option<Box<str>>,
    /// The address at the other end of this connection: the client itself or the nearest proxy.
    pub neighbour: Option<IpAddr>,
    /// Whether that neighbour is a declared proxy, whose forwarding headers count.
    pub neighbour_trusted: bool,
    /// SHA-256 of the client's TLS certificate in DER (`x5t#S256` of RFC 8705 §3.1).
    pub certificate_sha256: Option<[u8; 32]>,
    /// What that certificate says of its owner; `None` when none was shown and verified.
    pub certificate: Option<std::sync::Arc<ClientCertificate>>,
}

/// A client's TLS certificate, verified by whoever ended the connection. Names are its alternative names only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCertificate {
    /// Uniform resource identifiers, a SPIFFE id for example (RFC 5280 §4.2.1.6).
    pub uris: Box<[Box<str>]>,
    /// Names of hosts, lower case, also such as begin with `*.`.
    pub dns_names: Box<[Box<str>]>,
    /// The last second in which it is good; `None` when a proxy did not tell.
    pub not_after: Option<crate::Timestamp>,
}

impl PeerInfo {
    /// A peer of which nothing is known.
    pub fn new() -> Self {
        Self::default()
    }
}

/// An id by which a person can name a request: 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    bytes: [u8; Self::MAX_LENGTH],
    length: u8,
}

impl RequestId {
    /// The longest id that is taken from a neighbour, in bytes.
    pub const MAX_LENGTH: usize = 64;

    /// The id of these 16 random bytes, as 32 hexadecimal digits.
    pub fn from_random(random: [u8; 16]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut bytes = [0; Self::MAX_LENGTH];
        for (pair, byte) in bytes.chunks_exact_mut(2).zip(random) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        Self { bytes, length: 32 }
    }

    /// An id that came from outside; `None` unless it is short and plain.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > Self::MAX_LENGTH || !text.iter().all(plain) {
            return None;
        }
        let mut bytes = [0; Self::MAX_LENGTH];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { bytes, length: u8::try_from(text.len()).ok()? })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

shown!(Display for RequestId, |id| id.as_str());
shown!(Debug for RequestId, |id| format_args!("RequestId({id})"));
