//! Floods, counted.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{FixedEntropy, ManualClock, PeerInfo, Timestamp};

use super::limiter::{Limiter, Verdict};
use super::{EdgeLimitLayer, EdgeRate};

fn limiter(clock: &ManualClock) -> Arc<Limiter> {
    let builder = EdgeLimitLayer::builder(EdgeRate::default()).clock(Arc::new(clock.clone()));
    builder.entropy(Arc::new(FixedEntropy::default())).build().unwrap().early().0.unwrap()
}

fn passes(limiter: &Limiter, address: impl Into<IpAddr>) -> bool {
    let mut peer = PeerInfo::new();
    peer.address = Some(address.into());
    matches!(limiter.decide(&peer), Verdict::Pass { .. })
}

/// All at one moment, which is the worst: twenty times as many addresses as there are entries.
#[test]
fn a_million_addresses_take_no_memory_and_nothing_from_who_is_there() {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000));
    let limiter = limiter(&clock);
    let [honest, debtor, newcomer] = [1, 2, 3].map(|last| Ipv4Addr::new(192, 0, 2, last));
    let (bytes, entries) = (limiter.table.bytes(), 65_536);
    assert_eq!((bytes, (0..61).filter(|_| passes(&limiter, debtor)).count()), (512 << 10, 60));
    let (mut served, mut through) = (u32::from(passes(&limiter, honest)), 0);
    for number in 0..1_000_000_u32 {
        through += u32::from(passes(&limiter, Ipv4Addr::from_bits(0x0A00_0000 + number)));
        if number % 25_000 == 0 {
            served += u32::from(passes(&limiter, honest));
        }
    }
    assert_eq!(served, 41, "who has an entry is served as if nobody else were there");
    assert!(!passes(&limiter, debtor), "and who owes can't be forgotten");
    // One in about 16,000 is taken for another of its set, and uses up what that has left.
    let taken_for_others = 1_000_000 / 8_000;
    assert!(
        through <= entries + 60 + taken_for_others,
        "{through}: an entry each, and one burst for all others"
    );
    assert!(limiter.report().overflowed > 900_000);
    assert!(
        !passes(&limiter, newcomer),
        "while the flood lasts, new clients share what the flood has used up"
    );
    clock.advance(Duration::from_millis(51));
    assert!((0..60).all(|_| passes(&limiter, newcomer)), "a debt of one request is over in 50 ms");
    assert_eq!(limiter.table.bytes(), bytes);
}
