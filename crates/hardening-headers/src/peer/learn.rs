//! What a request's connection and fields say about its client.

use std::net::IpAddr;
use std::sync::Arc;

use gambeson_core::{PeerInfo, RequestHead, RequestId, Scheme};
use http::header::{FORWARDED, HeaderMap, HeaderName};

use super::client_cert;
use super::forwarded::{self, LONGEST};
use super::proxies::{ForwardedHeader, TrustedProxies};
use super::walk::{self, MAX_HOPS, Walked};
use crate::Connection;
use crate::hosts::{HostName, host_of};

pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Everything about the client, from the connection and from what trusted proxies wrote.
pub(super) fn peer(proxies: &TrustedProxies, direct: Option<Scheme>, head: &RequestHead<'_>) -> PeerInfo {
    let connection = head.extensions.get::<Connection>();
    let neighbour = neighbour(connection, head).map(|address| address.to_canonical());
    let walked = neighbour.map(|neighbour| walk::walk(proxies, neighbour, head.headers));
    let trusted = walked.filter(|walked| walked.trusted);
    let claimed = trusted.map(|walked| claims(proxies, walked, head.headers));
    let (scheme, host) = claimed.unwrap_or_default();
    let tls = connection.map(|connection| match connection.tls {
        true => Scheme::Https,
        false => Scheme::Http,
    });
    let mut peer = PeerInfo::new();
    peer.address = walked.map(|walked| walked.address);
    peer.scheme = scheme.or(tls).or(direct);
    peer.host = host.or_else(|| host_of(head)).map(HostName::into_text);
    peer.neighbour = neighbour;
    peer.neighbour_trusted = trusted.is_some();
    // Behind a proxy the connection's certificate is the proxy's, not the client's.
    match trusted {
        None => {
            peer.certificate_sha256 = connection.and_then(|connection| connection.certificate_sha256);
            peer.certificate = connection.and_then(|connection| connection.certificate.clone());
        }
        Some(_) if proxies.tell_certificates() => {
            let (certificate, digest) = client_cert::read(head.headers, proxies.names).unzip();
            peer.certificate_sha256 = digest.flatten();
            peer.certificate = certificate.map(Arc::new);
        }
        Some(_) => {}
    }
    peer
}

fn neighbour(connection: Option<&Connection>, head: &RequestHead<'_>) -> Option<IpAddr> {
    if let Some(connection) = connection {
        return Some(connection.remote.ip());
    }
    #[cfg(feature = "axum")]
    {
        type Info = axum::extract::ConnectInfo<std::net::SocketAddr>;
        head.extensions.get::<Info>().map(|info| info.0.ip())
    }
    #[cfg(not(feature = "axum"))]
    {
        let _ = head;
        None
    }
}

/// Scheme and host, as the proxy that spoke with the client saw them.
fn claims(
    proxies: &TrustedProxies,
    walked: Walked,
    headers: &HeaderMap,
) -> (Option<Scheme>, Option<HostName>) {
    let header = proxies.field.beside();
    let mut buffer = [0; LONGEST];
    let (proto, host) = match header {
        ForwardedHeader::XForwardedFor => (
            member(header, &X_FORWARDED_PROTO, walked, headers),
            member(header, &X_FORWARDED_HOST, walked, headers),
        ),
        ForwardedHeader::Forwarded => {
            let element = member(header, &FORWARDED, walked, headers);
            (element, element)
        }
    };
    let scheme = value(header, proto, "proto", &mut buffer).and_then(scheme);
    let host = match proxies.tell_hosts() {
        true => value(header, host, "host", &mut buffer).and_then(HostName::parse),
        false => None,
    };
    (scheme, host)
}

/// A list's member itself, or the named parameter of an element of `Forwarded`.
fn value<'v>(
    header: ForwardedHeader,
    member: Option<&'v [u8]>,
    name: &str,
    buffer: &'v mut [u8; LONGEST],
) -> Option<&'v [u8]> {
    match header {
        ForwardedHeader::XForwardedFor => member.map(<[u8]>::trim_ascii),
        ForwardedHeader::Forwarded => forwarded::parameter(member?, name, buffer),
    }
}

/// The member that stands where the client's address stood; of a shorter list the left-most one.
fn member<'h>(
    header: ForwardedHeader,
    name: &HeaderName,
    walked: Walked,
    headers: &'h HeaderMap,
) -> Option<&'h [u8]> {
    let lines = headers.get_all(name).iter().rev();
    lines
        .flat_map(|line| forwarded::members_from_right(header, line.as_bytes()))
        .take(walked.member.min(MAX_HOPS) + 1)
        .last()
}

/// Some proxies write of a WebSocket handshake what it is going to be.
fn scheme(text: &[u8]) -> Option<Scheme> {
    let is_one_of = |names: [&str; 2]| names.iter().any(|name| text.eq_ignore_ascii_case(name.as_bytes()));
    match text {
        _ if is_one_of(["https", "wss"]) => Some(Scheme::Https),
        _ if is_one_of(["http", "ws"]) => Some(Scheme::Http),
        _ => None,
    }
}

/// The id that a trusted neighbour gave this request; `None` unless there is exactly one and it is plain.
pub(super) fn request_id(headers: &HeaderMap) -> Option<RequestId> {
    let mut values = headers.get_all(X_REQUEST_ID).iter();
    let id = RequestId::parse(values.next()?.as_bytes());
    if values.next().is_some() {
        return None;
    }
    id
}

/// Whether the request carries a field by which proxies pass on addresses.
pub(super) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(walk::X_FORWARDED_FOR) || headers.contains_key(FORWARDED)
}
