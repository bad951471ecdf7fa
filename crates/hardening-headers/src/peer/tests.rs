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
