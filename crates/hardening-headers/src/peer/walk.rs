//! From the neighbour back to the client, hop by hop.

use std::net::IpAddr;

use http::header::{FORWARDED, HeaderMap, HeaderName};

use super::proxies::{Field, ForwardedHeader, TrustedProxies, Who};
use super::{forwarded, node};

pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// So many hops are looked at, whatever a request claims; no real chain of proxies is as long.
pub(super) const MAX_HOPS: usize = 32;

/// Where the walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walked {
    /// The client, as far as it can be told.
    pub(super) address: IpAddr,
    /// Whether the neighbour's forwarding fields count at all.
    pub(super) trusted: bool,
    /// Which member, counted from the right, the client's address came from; 0 is the last.
    pub(super) member: usize,
}

/// Walks from the neighbour to the left until the first hop that is not trusted or can't be read.
pub(super) fn walk(proxies: &TrustedProxies, neighbour: IpAddr, headers: &HeaderMap) -> Walked {
    let direct = Walked { address: neighbour, trusted: false, member: 0 };
    match (&proxies.who, &proxies.field) {
        (Who::Nobody, _) => direct,
        (Who::Ranges(_), _) if !proxies.holds(neighbour) => direct,
        (Who::Ranges(_), Field::List(header)) => by_range(proxies, direct, hops(*header, headers)),
        (Who::Hops(count), Field::List(header)) => by_count(*count, direct, hops(*header, headers)),
        (_, Field::Single(name)) => {
            Walked { address: single(name, headers).unwrap_or(neighbour), trusted: true, member: 0 }
        }
    }
}

/// The address in a field that the proxy writes itself; `None` unless there is exactly one.
fn single(name: &HeaderName, headers: &HeaderMap) -> Option<IpAddr> {
    let mut lines = headers.get_all(name).iter();
    let address = node::parse(lines.next()?.as_bytes())?;
    lines.next().is_none().then_some(address)
}

/// The addresses that the chosen field names, from right to left over all its lines; `None`: unreadable.
fn hops(header: ForwardedHeader, headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> + '_ {
    let name = match header {
        ForwardedHeader::XForwardedFor => X_FORWARDED_FOR,
        ForwardedHeader::Forwarded => FORWARDED,
    };
    let lines = headers.get_all(name).iter().rev().map(http::HeaderValue::as_bytes);
    lines.flat_map(move |line| forwarded::members_from_right(header, line)).take(MAX_HOPS).map(
        move |member| match header {
            ForwardedHeader::XForwardedFor => node::parse(member),
            ForwardedHeader::Forwarded => {
                let mut text = [0; forwarded::LONGEST];
                forwarded::parameter(member, "for", &mut text).and_then(node::parse)
            }
        },
    )
}

fn by_count(count: usize, direct: Walked, mut hops: impl Iterator<Item = Option<IpAddr>>) -> Walked {
    let member = count.saturating_sub(1);
    match hops.nth(member) {
        None => direct,
        Some(address) => Walked {
            // An unreadable member in the counted place leaves the neighbour: an address that is real.
            address: address.unwrap_or(direct.address),
            trusted: true,
            member,
        },
    }
}

fn by_range(proxies: &TrustedProxies, direct: Walked, hops: impl Iterator<Item = Option<IpAddr>>) -> Walked {
    let mut walked = Walked { trusted: true, ..direct };
    for (member, hop) in hops.enumerate() {
        let Some(address) = hop else { break };
        walked = Walked { address, member, ..walked };
        if !proxies.holds(address) {
            break;
        }
    }
    walked
}
