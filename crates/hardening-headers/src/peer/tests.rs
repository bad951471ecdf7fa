//! The walk against a naive one that collects and splits everything.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::walk::{MAX_HOPS, Walked, walk};
use super::{TrustedProxies, node};

/// Joins, splits and reverses the whole list.
fn naive(trusted: impl Fn(IpAddr) -> bool, neighbour: IpAddr, lines: &[String]) -> IpAddr {
    if !trusted(neighbour) {
        return neighbour;
    }
    let joined = lines.join(",");
    let mut client = neighbour;
    let members: Vec<&str> = joined.split(',').rev().take(MAX_HOPS).collect();
    for member in members {
        let Some(address) = node::parse(member.as_bytes()) else {
            return client;
        };
        client = address;
        if !trusted(address) {
            return client;
        }
    }
    client
}

fn headers(lines: &[String]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
    }
    headers
}

fn member() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0u8..4).prop_map(|n| format!("10.0.3.{n}")),
        2 => (0u8..4).prop_map(|n| format!(" 198.51.100.{n}:80")),
        1 => Just("[2001:db8::1]:443".to_owned()),
        1 => "[ -+.-~]{0,12}",
    ]
}

proptest! {
    #[test]
    fn walks_as_the_naive_one_does(
        lines in prop::collection::vec(prop::collection::vec(member(), 1..6).prop_map(|m| m.join(",")), 1..12),
        neighbour in prop_oneof![Just("10.0.3.9"), Just("203.0.113.1")],
    ) {
        let proxies = TrustedProxies::ranges(["10.0.3.0/24"]).unwrap();
        let neighbour = neighbour.parse().unwrap();
        let walked = walk(&proxies, neighbour, &headers(&lines));
        prop_assert_eq!(walked.address, naive(|address| proxies.holds(address), neighbour, &lines));
    }

    #[test]
    fn what_stands_left_of_the_trusted_part_changes_nothing(left in "[ -~]{0,200}") {
        let proxies = TrustedProxies::ranges(["10.0.3.0/24"]).unwrap();
        for header in [super::ForwardedHeader::XForwardedFor, super::ForwardedHeader::Forwarded] {
            let proxies = proxies.clone().header(header);
            let (name, appended) = match header {
                super::ForwardedHeader::XForwardedFor => ("x-forwarded-for", "198.51.100.7, 10.0.3.2"),
                super::ForwardedHeader::Forwarded => ("forwarded", r#"for="198.51.100.7:80";proto=https, for=10.0.3.2"#),
            };
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(&format!("{left},{appended}")).unwrap());
            let walked = walk(&proxies, "10.0.3.1".parse().unwrap(), &headers);
            prop_assert_eq!(walked.address, "198.51.100.7".parse::<IpAddr>().unwrap());
        }
    }
}

#[test]
fn a_million_forged_hops_cost_no_more_than_thirty_two() {
    let line = "10.0.3.7,".repeat(1_000_000) + "10.0.3.8";
    let proxies = TrustedProxies::ranges(["10.0.3.0/24"]).unwrap();
    let walked = walk(&proxies, "10.0.3.1".parse().unwrap(), &headers(&[line]));
    let last_looked_at = Walked { address: "10.0.3.7".parse().unwrap(), trusted: true, member: MAX_HOPS - 1 };
    assert_eq!(walked, last_looked_at);
}

#[test]
fn counted_hops_need_as_many_members() {
    let walked = |count, line: &str| {
        walk(&TrustedProxies::hops(count), "10.0.3.1".parse().unwrap(), &headers(&[line.to_owned()]))
    };
    let client: IpAddr = "198.51.100.7".parse().unwrap();
    assert_eq!(walked(1, "6.6.6.6, 198.51.100.7").address, client);
    assert_eq!(walked(2, "6.6.6.6, 198.51.100.7, 192.0.2.5").address, client);
    let short = walked(2, "198.51.100.7");
    assert_eq!((short.address, short.trusted), ("10.0.3.1".parse().unwrap(), false));
    assert!(!walked(0, "198.51.100.7").trusted);
}

/// What a proxy writes for a hop, and the address that it stands for.
type Hop = (String, Option<IpAddr>);

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        2 => (0u8..4).prop_map(|n| IpAddr::from([10, 0, 3, n])),
        2 => (0u8..4).prop_map(|n| IpAddr::from([198, 51, 100, n])),
        1 => (0u16..4).prop_map(|n| IpAddr::from([0x2001, 0xdb8, 1, 0, 0, 0, 0, n])),
        1 => (0u16..4).prop_map(|n| IpAddr::from([0x2001, 0xdb8, 7, 0, 0, 0, 0, n])),
    ]
}

fn port() -> impl Strategy<Value = String> {
    prop_oneof![2 => Just(String::new()), 1 => (0u16..).prop_map(|port| format!(":{port}")), 1 => ":_[a-z._-]{0,6}"]
}

/// Zones as they are (RFC 4007 §11) and as URIs write them (RFC 6874).
fn zone() -> impl Strategy<Value = &'static str> {
    prop_oneof![3 => Just(""), 1 => Just("%eth0"), 1 => Just("%25eth0"), 1 => Just("%1")]
}

fn hop() -> impl Strategy<Value = Hop> {
    let known = (address(), port(), zone(), any::<(bool, bool)>()).prop_map(
        |(address, port, zone, (mapped, bare))| {
            let text = match address {
                IpAddr::V4(v4) if mapped => format!("[::ffff:{v4}]{port}"),
                IpAddr::V4(v4) => format!("{v4}{port}"),
                IpAddr::V6(v6) if bare => format!("{v6}{zone}"),
                IpAddr::V6(v6) => format!("[{v6}{zone}]{port}"),
            };
            (text, Some(address))
        },
    );
    let hidden = prop_oneof![
        Just("unknown".to_owned()),
        "_[a-zA-Z0-9._-]{1,8}",
        Just("10.0.3.1:x".to_owned()),
        Just("[10.0.3.1]".to_owned()),
        Just("10.0.3".to_owned()),
        Just("[2001:db8:1::1".to_owned()),
        Just("2001:db8:1::1%".to_owned()),
    ];
    prop_oneof![6 => known, 1 => hidden.prop_map(|text| (text, None))]
}

/// An element of RFC 7239 with this `for`, in one of the ways to write it.
fn element() -> impl Strategy<Value = Hop> {
    let around = prop_oneof![
        Just(("", "")),
        Just(("proto=https;", "")),
        Just(("", ";by=\"_a,b;for=6.6.6.6\"")),
        Just(("Host=\"a\\\"b\"; ", ";proto=http")),
    ];
    let twice = hop().prop_map(|(text, _)| (format!("for=\"{text}\";For=\"{text}\""), None));
    let none = Just(("by=10.0.3.1;proto=https".to_owned(), None));
    let once = (hop(), around, any::<bool>(), 0usize..3).prop_map(
        |((text, address), (before, after), upper, form)| {
            let name = if upper { "FOR" } else { "for" };
            let value = match form {
                0 => text,
                1 => format!("\"{text}\""),
                _ => format!("\"{}\"", text.chars().flat_map(|c| ['\\', c]).collect::<String>()),
            };
            // Outside of quotes a percent sign is a token too, and so are brackets for those who forget the quotes.
            (format!("{before}{name}={value}{after}"), address)
        },
    );
    prop_oneof![8 => once, 1 => twice, 1 => none]
}

fn lines(hop: impl Strategy<Value = Hop>) -> impl Strategy<Value = Vec<Vec<Hop>>> {
    prop::collection::vec(prop::collection::vec(hop, 1..6), 1..10)
}

/// Where the walk must end, from what the hops stand for.
fn expected(proxies: &TrustedProxies, neighbour: IpAddr, lines: &[Vec<Hop>]) -> (IpAddr, usize) {
    let mut end = (neighbour, 0);
    for (member, (_, hop)) in lines.iter().flatten().rev().take(MAX_HOPS).enumerate() {
        let Some(address) = hop else { return end };
        end = (*address, member);
        if !proxies.holds(*address) {
            return end;
        }
    }
    end
}

fn written(name: &'static str, lines: &[Vec<Hop>], between: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let texts: Vec<&str> = line.iter().map(|(text, _)| text.as_str()).collect();
        headers.append(name, HeaderValue::from_str(&texts.join(between)).unwrap());
    }
    headers
}

proptest! {
    #[test]
    fn every_way_to_write_a_hop_is_read(
        listed in lines(hop()),
        elements in lines(element()),
        between in prop_oneof![Just(","), Just(", "), Just(" ,\t")],
        neighbour in prop_oneof![Just("10.0.3.9"), Just("2001:db8:1::9")],
    ) {
        let neighbour: IpAddr = neighbour.parse().unwrap();
        let ranges = || TrustedProxies::ranges(["10.0.3.0/24", "2001:db8:1::/48"]).unwrap();
        for (proxies, name, lines) in [
            (ranges(), "x-forwarded-for", &listed),
            (ranges().header(super::ForwardedHeader::Forwarded), "forwarded", &elements),
        ] {
            let headers = written(name, lines, between);
            let walked = walk(&proxies, neighbour, &headers);
            let (address, member) = expected(&proxies, neighbour, lines);
            prop_assert_eq!(walked, Walked { address, trusted: true, member }, "{:?}", headers);
            let stranger = "203.0.113.1".parse().unwrap();
            prop_assert_eq!(walk(&proxies, stranger, &headers), Walked { address: stranger, trusted: false, member: 0 });
        }
    }
}

#[test]
fn thousands_of_lines_cost_no_more_than_thirty_two_hops() {
    let line: HeaderValue = HeaderValue::from_static("10.0.3.7");
    let mut headers = HeaderMap::new();
    for _ in 0..20_000 {
        headers.append("x-forwarded-for", line.clone());
    }
    let proxies = TrustedProxies::ranges(["10.0.3.0/24"]).unwrap();
    let walked = walk(&proxies, "10.0.3.1".parse().unwrap(), &headers);
    assert_eq!((walked.member, walked.address), (MAX_HOPS - 1, "10.0.3.7".parse::<IpAddr>().unwrap()));
}

/// A stranger who makes up a client for each request, and one who does so through the proxy: each is one client.
#[test]
fn a_million_made_up_clients_are_one() {
    let proxies = TrustedProxies::ranges(["10.0.3.0/24"]).unwrap();
    let (stranger, proxy): (IpAddr, IpAddr) = ("203.0.113.9".parse().unwrap(), "10.0.3.1".parse().unwrap());
    let client: IpAddr = "198.51.100.7".parse().unwrap();
    let mut headers = HeaderMap::new();
    for number in 0..1_000_000_u32 {
        let forged = std::net::Ipv4Addr::from_bits(number);
        headers.insert("x-forwarded-for", HeaderValue::try_from(format!("{forged}, {client}")).unwrap());
        assert_eq!(walk(&proxies, stranger, &headers).address, stranger);
        assert_eq!(walk(&proxies, proxy, &headers).address, client);
    }
}
