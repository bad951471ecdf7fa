//! Keys that rotate, go missing, and come from an issuer in trouble.

use std::net::IpAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use gambeson_core::{Answer, Health, HealthCheck, Profile};
use gambeson_oidc_auth::{Issuer, KeyPolicy, Reason, TokenErrorKind, Verifier};
use serde_json::json;

use crate::fake_issuer::{House, ISSUER, Mood, START, claims, claims_with, poll_once, settle};
use crate::signer::Signer;

pub(crate) fn address(n: u32) -> Option<IpAddr> {
    Some(IpAddr::V4((0x0a00_0000 + n).into()))
}

#[tokio::test]
async fn a_token_by_a_new_key_waits_and_is_never_refused() {
    let (old, new) = (Signer::es256("old"), Signer::es256("new"));
    let house = House::with(&[&old]);
    let verifier = house.verifier().await;
    verifier.verify(&old.token(&claims())).unwrap();
    house.issuer.publish(&[&new]);
    let alice = verifier.verify_or_wait(&new.token(&claims()), None).await.unwrap();
    assert_eq!(alice.subject(), "alice");
    assert_eq!(house.issuer.fetches(), 2, "the start-up fetch did not spend the cooldown");
    let error = verifier.verify(&old.token(&claims())).unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::UnknownKey, "a withdrawn key stops working, cached tokens too");
}

#[tokio::test]
async fn a_second_rotation_waits_for_the_cooldown_only() {
    let signers: Vec<Signer> = (0..3).map(|n| Signer::es256(&n.to_string())).collect();
    let house = House::with(&[&signers[0]]);
    let verifier = house.verifier().await;
    house.issuer.publish(&[&signers[1]]);
    verifier.verify_or_wait(&signers[1].token(&claims()), None).await.unwrap();
    house.issuer.publish(&[&signers[2]]);
    let token = signers[2].token(&claims());
    let mut waiting = pin!(verifier.verify_or_wait(&token, None));
    assert!(poll_once(waiting.as_mut()).is_pending());
    house.pass(Duration::from_millis(1_900)).await;
    assert!(poll_once(waiting.as_mut()).is_pending());
    house.pass(Duration::from_millis(100)).await;
    assert!(matches!(poll_once(waiting.as_mut()), Poll::Ready(Ok(_))));
}

#[tokio::test]
async fn junk_key_names_cost_one_fetch_in_two_seconds_and_no_honest_user() {
    let (old, new, junk) = (Signer::es256("old"), Signer::es256("new"), Signer::es256("junk"));
    let house = House::with(&[&old]);
    let verifier = house.verifier().await;
    let before = house.issuer.fetches();
    let mut kid = 0;
    for _ in 0..100 {
        for n in 0..50 {
            kid += 1;
            let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": format!("junk{kid}")}).to_string();
            let token = junk.token_of(&header, &claims().to_string());
            let mut waiting = pin!(verifier.verify_or_wait(&token, address(n)));
            assert!(!matches!(poll_once(waiting.as_mut()), Poll::Ready(Ok(_))));
        }
        verifier.verify(&old.token(&claims())).unwrap();
        house.pass(Duration::from_millis(100)).await;
    }
    let fetches = house.issuer.fetches() - before;
    assert!((4..=6).contains(&fetches), "{fetches} fetches in 10 s");
    house.issuer.publish(&[&new]);
    let token = new.token(&claims());
    let mut honest = pin!(verifier.verify_or_wait(&token, address(99_999)));
    assert!(poll_once(honest.as_mut()).is_pending());
    house.pass_seconds(2).await;
    assert!(matches!(poll_once(honest.as_mut()), Poll::Ready(Ok(_))));
}

#[tokio::test]
async fn a_published_set_without_the_key_means_401_and_the_next_one_waits_not() {
    let (known, stranger) = (Signer::es256("known"), Signer::es256("stranger"));
    let house = House::with(&[&known]);
    let verifier = house.verifier().await;
    let token = stranger.token(&claims());
    let error = verifier.verify_or_wait(&token, address(1)).await.unwrap_err();
    assert_eq!((error.reason(), error.kind()), (Reason::UnknownKey, TokenErrorKind::UnknownKey));
    let mut again = pin!(verifier.verify_or_wait(&token, address(1)));
    assert!(matches!(poll_once(again.as_mut()), Poll::Ready(Err(_))), "known to be absent");
    let mut other = pin!(verifier.verify_or_wait(&token, address(2)));
    assert!(poll_once(other.as_mut()).is_pending(), "no stranger spoils a name for others");
    let next = Signer::es256("next").token(&claims());
    let mut another = pin!(verifier.verify_or_wait(&next, address(1)));
    assert!(poll_once(another.as_mut()).is_pending(), "one name says nothing of the next");
}

#[tokio::test]
async fn the_room_is_shared_out_and_places_are_given_back() {
    let house = House::with(&[]);
    let verifier = house.builder().keys(KeyPolicy::default().max_waiting(5, 2)).build().unwrap();
    house.issuer.mood(Mood::Hangs);
    let token = Signer::es256("k").token(&claims());
    let wait = |from| Box::pin(verifier.verify_or_wait(&token, from));
    let mut mine: Vec<_> = (0..4).map(|_| wait(address(1))).collect();
    for one in &mut mine[..3] {
        assert!(poll_once(one.as_mut()).is_pending(), "a share counts only when the room is half full");
    }
    let Poll::Ready(Err(error)) = poll_once(mine[3].as_mut()) else { panic!("a fourth place") };
    assert_eq!((error.reason(), error.kind()), (Reason::WaitingRoomFull, TokenErrorKind::KeysUnavailable));
    let mut others: Vec<_> = (2..4).map(|n| wait(address(n))).collect();
    assert!(others.iter_mut().all(|other| poll_once(other.as_mut()).is_pending()));
    let mut newcomer: Vec<_> = (8..10).map(|n| wait(address(n))).collect();
    for (newcomer, gives_way) in newcomer.iter_mut().zip([2, 1]) {
        assert!(poll_once(newcomer.as_mut()).is_pending(), "who has more places gives one up");
        let Poll::Ready(Err(error)) = poll_once(mine[gives_way].as_mut()) else {
            panic!("still has its place")
        };
        assert_eq!(error.reason(), Reason::WaitingRoomFull);
    }
    assert!(poll_once(mine[0].as_mut()).is_pending());
    assert!(matches!(poll_once(wait(address(10)).as_mut()), Poll::Ready(Err(_))), "one place each is full");
    assert_eq!(verifier.status().waiting, 5);
    drop((mine, others, newcomer));
    assert_eq!(verifier.status().waiting, 0);
}

#[tokio::test]
async fn another_key_under_a_known_name_is_fetched_after_its_first_401() {
    let (first, second) = (Signer::es256("k"), Signer::es256("k"));
    let house = House::with(&[&first]);
    let verifier = house.verifier().await;
    house.issuer.publish(&[&second]);
    let token = second.token(&claims());
    for hopeless in [claims_with("aud", json!("other")), claims_with("exp", json!(START - 60))] {
        assert!(verifier.verify(&second.token(&hopeless)).is_err());
    }
    settle().await;
    assert_eq!(house.issuer.fetches(), 1, "what is no good anyway asks for nothing");
    let mut waiting = pin!(verifier.verify_or_wait(&token, None));
    let Poll::Ready(Err(error)) = poll_once(waiting.as_mut()) else { panic!("it waits, or is accepted") };
    assert_eq!(error.reason(), Reason::Signature);
    settle().await;
    verifier.verify(&token).unwrap();
}

#[tokio::test]
async fn what_can_be_no_signature_asks_for_no_keys_and_waits_for_none() {
    let (known, unknown) = (Signer::es256("k"), Signer::es256("new"));
    let house = House::with(&[&known]);
    let verifier = house.verifier().await;
    for signer in [&known, &unknown] {
        let token = signer.token(&claims());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        for bad in [format!("{signature}="), format!("{signature}AAAA"), "AAAA".to_owned(), "*".to_owned()] {
            let bad = format!("{signed}.{bad}");
            let mut waiting = pin!(verifier.verify_or_wait(&bad, None));
            let Poll::Ready(Err(error)) = poll_once(waiting.as_mut()) else { panic!("it waits for {bad}") };
            assert_eq!(error.reason(), Reason::Malformed);
        }
    }
    house.pass_seconds(2).await;
    assert_eq!(house.issuer.fetches(), 1);
}

#[tokio::test]
async fn forged_signatures_ask_for_keys_ever_more_seldom_and_a_rotation_is_noticed_all_the_same() {
    let (first, second, forger) = (Signer::es256("k"), Signer::es256("k"), Signer::es256("k"));
    let house = House::with(&[&first]);
    let verifier = house.verifier().await;
    let lasting = claims_with("exp", json!(START + 3_000));
    let forge = async |seconds: u64| {
        let before = house.issuer.fetches();
        for _ in 0..seconds {
            assert!(verifier.verify(&forger.token(&lasting)).is_err());
            house.pass_seconds(1).await;
        }
        house.issuer.fetches() - before
    };
    // At 0, 4, 12, 28, 60 and 120 seconds.
    let fetches = forge(121).await;
    assert!((5..=6).contains(&fetches), "{fetches} fetches in 2 min");
    let fetches = forge(180).await;
    assert!((2..=4).contains(&fetches), "{fetches} fetches in 3 min");
    house.issuer.publish(&[&second]);
    let new = second.token(&lasting);
    let mut waited = 0;
    while verifier.verify(&new).is_err() {
        forge(1).await;
        waited += 1;
    }
    assert!(waited <= 60, "noticed after {waited} s");
    let fetches = forge(3).await;
    assert_eq!(fetches, 1, "other keys came: the next doubt is looked into at once");
}

#[tokio::test]
async fn a_set_without_any_key_is_an_outage() {
    let known = Signer::es256("known");
    let house = House::with(&[&known]);
    house.issuer.edit(|state| state.cache_control = Some("no-cache".into()));
    let verifier = house.verifier().await;
    house.issuer.publish(&[]);
    house.pass_seconds(60).await;
    let token = known.token(&claims());
    assert!(verifier.verify(&token).is_err(), "its key is withdrawn");
    let mut waiting = pin!(verifier.verify_or_wait(&token, None));
    assert!(poll_once(waiting.as_mut()).is_pending());
    house.pass_seconds(2).await;
    let Poll::Ready(Err(error)) = poll_once(waiting.as_mut()) else { panic!("waits, or is accepted") };
    assert_eq!(error.kind(), TokenErrorKind::KeysUnavailable);
    house.issuer.publish(&[&known]);
    let mut waiting = pin!(verifier.verify_or_wait(&token, None));
    assert!(poll_once(waiting.as_mut()).is_pending());
    house.pass_seconds(2).await;
    assert!(matches!(poll_once(waiting.as_mut()), Poll::Ready(Ok(_))));
}

#[tokio::test]
async fn a_validator_is_not_shown_to_another_place() {
    let (old, new) = (Signer::es256("old"), Signer::es256("new"));
    let house = House::with(&[&old]);
    house.issuer.edit(|state| state.etag = Some("\"1\"".into()));
    let verifier = house.verifier().await;
    house.issuer.publish(&[&new]);
    house.issuer.edit(|state| state.metadata["jwks_uri"] = json!("https://keys.example/jwks"));
    house.pass_seconds(7_200).await;
    house.pass_seconds(600).await;
    let (url, conditional, _) = house.issuer.edit(|state| state.seen.last().cloned().unwrap());
    assert_eq!(url, "https://keys.example/jwks");
    assert_eq!(verifier.status().generation, 2, "conditional: {conditional}");
}

#[tokio::test]
async fn known_keys_go_on_working_while_the_issuer_is_down() {
    let (known, new) = (Signer::es256("known"), Signer::es256("new"));
    for mood in [Mood::Down, Mood::Error, Mood::Garbage, Mood::Hangs] {
        let house = House::with(&[&known]);
        let verifier = house.builder().cache(gambeson_oidc_auth::CacheConfig::off()).build().unwrap();
        settle().await;
        house.issuer.mood(mood);
        house.pass_seconds(3_600).await;
        let mut later = claims_with("iat", json!(START + 3_600));
        later["exp"] = json!(START + 3_900);
        verifier.verify(&known.token(&later)).unwrap();
        let token = new.token(&later);
        let mut waiting = pin!(verifier.verify_or_wait(&token, None));
        let mut outcome = poll_once(waiting.as_mut());
        for _ in 0..6 {
            house.pass_seconds(1).await;
            if outcome.is_pending() {
                outcome = poll_once(waiting.as_mut());
            }
        }
        let Poll::Ready(Err(error)) = outcome else { panic!("{mood:?}: still waiting or accepted") };
        assert_eq!(error.kind(), TokenErrorKind::KeysUnavailable, "{mood:?}");
        verifier.verify(&known.token(&later)).unwrap();
    }
}

#[tokio::test]
async fn trust_in_old_keys_ends() {
    let known = Signer::es256("known");
    let house = House::with(&[&known]);
    let verifier =
        house.builder().keys(KeyPolicy::default().max_stale(Duration::from_secs(120))).build().unwrap();
    settle().await;
    house.issuer.mood(Mood::Down);
    let token = known.token(&claims());
    house.pass_seconds(119).await;
    verifier.verify(&token).unwrap();
    house.pass_seconds(1).await;
    assert_eq!(verifier.verify(&token).unwrap_err().kind(), TokenErrorKind::UnknownKey, "nor from the cache");
    house.issuer.mood(Mood::Up);
    house.pass_seconds(60).await;
    verifier.verify(&token).unwrap();
}

/// The wall clock was two days ahead when the keys came, and was set right.
#[tokio::test]
async fn a_clock_that_was_ahead_makes_no_keys_trusted_for_longer() {
    let known = Signer::es256("known");
    let house = House::with(&[&known]);
    house.clock.set(gambeson_core::Timestamp::from_unix_seconds(START + 172_800));
    let policy = KeyPolicy::default().max_stale(Duration::from_secs(120));
    let verifier = house.builder().keys(policy).build().unwrap();
    settle().await;
    house.clock.set(gambeson_core::Timestamp::from_unix_seconds(START));
    house.issuer.mood(Mood::Down);
    verifier.verify(&known.token(&claims())).unwrap();
    for _ in 0..20 {
        house.pass_seconds(10).await;
    }
    let error = verifier.verify(&known.token(&claims())).unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::UnknownKey, "{error}");
    assert_eq!(verifier.status().keys, 0);
}

/// A cache between here and the issuer may hold a set of before the rotation.
#[tokio::test]
async fn a_set_from_a_cache_proves_nothing_of_newer_tokens() {
    let (known, new) = (Signer::es256("known"), Signer::es256("new"));
    let house = House::with(&[&known]);
    house.issuer.edit(|state| state.age = Some("300"));
    let verifier = house.verifier().await;
    let ask = async |iat: i64| {
        let token = new.token(&claims_with("iat", json!(START + iat)));
        let asked = verifier.verify_or_wait(&token, address(1));
        let (answer, ()) = tokio::join!(asked, house.pass_seconds(2));
        answer.unwrap_err().kind()
    };
    assert_eq!(ask(0).await, TokenErrorKind::KeysUnavailable, "it may be newer than the set");
    assert!(house.issuer.edit(|state| state.past_caches.last().copied().unwrap()), "nor was a cache wanted");
    assert_eq!(ask(-400).await, TokenErrorKind::UnknownKey, "its key would be in the set");
    house.issuer.edit(|state| state.age = None);
    assert_eq!(ask(0).await, TokenErrorKind::UnknownKey);
}

/// All whose address is unknown are one network: what one of them asked for in vain must not be every other's answer.
#[tokio::test]
async fn without_addresses_no_absent_name_is_remembered() {
    let house = House::with(&[&Signer::es256("known")]);
    let verifier = house.verifier().await;
    let token = Signer::es256("next").token(&claims());
    let (answer, ()) = tokio::join!(verifier.verify_or_wait(&token, None), house.pass_seconds(2));
    assert_eq!(answer.unwrap_err().kind(), TokenErrorKind::UnknownKey);
    let mut again = pin!(verifier.verify_or_wait(&token, None));
    assert!(poll_once(again.as_mut()).is_pending());
}

/// A function that was frozen has no timers that went off: the wall clock tells, and its first request asks.
#[tokio::test]
async fn a_thawed_process_asks_for_keys_and_trusts_no_old_ones() {
    let known = Signer::es256("known");
    let house = House::with(&[&known]);
    let verifier = house.verifier().await;
    let at = |seconds: i64| {
        house.clock.set(gambeson_core::Timestamp::from_unix_seconds(START + seconds));
        let mut later = claims_with("iat", json!(START + seconds));
        later["exp"] = json!(START + seconds + 300);
        known.token(&later)
    };
    let token = at(3_600);
    settle().await;
    assert_eq!(house.issuer.fetches(), 1, "no timer went off");
    verifier.verify(&token).unwrap();
    settle().await;
    assert_eq!(house.issuer.fetches(), 2, "the request asked behind it");
    house.issuer.mood(Mood::Down);
    let token = at(3_600 + 86_400);
    assert_eq!(verifier.verify(&token).unwrap_err().kind(), TokenErrorKind::UnknownKey, "a day is too old");
}

#[tokio::test]
async fn the_app_starts_without_the_issuer() {
    let known = Signer::es256("known");
    let house = House::with(&[&known]);
    house.issuer.mood(Mood::Down);
    let verifier = house.verifier().await;
    let token = known.token(&claims());
    let Answer::Ready(Health::Degraded(why)) = verifier.check() else { panic!("not degraded") };
    assert!(why.contains("no connection"), "{why}");
    let mut waiting = pin!(verifier.verify_or_wait(&token, None));
    assert!(poll_once(waiting.as_mut()).is_pending());
    house.issuer.mood(Mood::Up);
    house.pass_seconds(2).await;
    assert!(matches!(poll_once(waiting.as_mut()), Poll::Ready(Ok(_))));
    assert!(matches!(verifier.check(), Answer::Ready(Health::Healthy)));
}

#[tokio::test]
async fn who_wants_to_may_wait_for_the_issuer_at_start_up() {
    let signer = Signer::es256("k");
    let house = House::with(&[&signer]);
    let verifier = house.builder().build().unwrap();
    verifier.ready().await.unwrap();
    assert_eq!((verifier.status().keys, house.issuer.fetches()), (1, 1), "the fetch at the start is enough");
    house.issuer.mood(Mood::Down);
    verifier.ready().await.unwrap();
    let error = house.builder().build().unwrap().ready().await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::KeysUnavailable);
    assert!(error.to_string().contains("no connection"), "{error}");
    house.issuer.mood(Mood::Up);
    house.issuer.publish(&[]);
    let empty = house.builder().build().unwrap();
    assert!(empty.ready().await.unwrap_err().to_string().contains("no key that can be used"));
    let both = Verifier::any_of([verifier, crate::fake_issuer::static_verifier(&[&signer]).build().unwrap()]);
    assert!(both.is_err(), "one issuer twice");
}

#[tokio::test]
async fn keys_are_refreshed_in_the_background_as_the_issuer_says() {
    let (old, new) = (Signer::es256("old"), Signer::es256("new"));
    let house = House::with(&[&old]);
    house.issuer.edit(|state| {
        state.cache_control = Some("max-age=120".into());
        state.etag = Some("\"1\"".into());
    });
    let verifier = house.verifier().await;
    house.pass_seconds(100).await;
    assert_eq!(house.issuer.fetches(), 1);
    house.pass_seconds(20).await;
    assert_eq!(house.issuer.fetches(), 2);
    assert!(house.issuer.edit(|state| state.seen.last().unwrap().1), "asked for a change only");
    assert_eq!(verifier.status().generation, 1);
    assert_eq!(verifier.status().age, Some(Duration::ZERO), "confirmed");
    verifier.verify(&old.token(&claims())).unwrap();
    house.issuer.publish(&[&new]);
    house.issuer.edit(|state| state.etag = Some("\"2\"".into()));
    house.pass_seconds(120).await;
    assert_eq!(verifier.status().generation, 2);
    verifier.verify(&new.token(&claims())).unwrap();
}

#[tokio::test]
async fn hopeless_tokens_neither_wait_nor_fetch() {
    let stranger = Signer::es256("stranger");
    let house = House::with(&[]);
    let verifier = house.verifier().await;
    let before = house.issuer.fetches();
    for (claim, value) in
        [("exp", json!(START - 60)), ("aud", json!("other")), ("iss", json!("x")), ("sub", json!(1))]
    {
        let token = stranger.token(&claims_with(claim, value));
        let mut waiting = pin!(verifier.verify_or_wait(&token, None));
        assert!(matches!(poll_once(waiting.as_mut()), Poll::Ready(Err(_))), "{claim}");
    }
    house.pass_seconds(10).await;
    assert_eq!(house.issuer.fetches(), before);
}

#[tokio::test]
async fn the_issuers_echo_and_its_keys_address_are_checked() {
    let signer = Signer::es256("k");
    for (metadata, words) in [
        (json!({"issuer": "https://id.example/", "jwks_uri": "https://id.example/jwks"}), "trailing slash"),
        (json!({"issuer": "https://evil.example", "jwks_uri": "https://id.example/jwks"}), "metadata_url"),
        (json!({"issuer": ISSUER, "jwks_uri": "http://id.example/jwks"}), "https"),
        (json!({"issuer": "x".repeat(100_000), "jwks_uri": "\n"}), "the document names"),
        (json!({"issuer": ISSUER, "jwks_uri": "https://127.0.0.1/jwks"}), "loopback"),
        (
            json!({"issuer": ISSUER, "jwks_uri": "https://id.example/jwks", "gambeson_dev_idp": true}),
            "development",
        ),
        (json!({"issuer": ISSUER}), "jwks_uri"),
    ] {
        let house = House::with(&[&signer]);
        house.issuer.edit(|state| state.metadata = metadata);
        let status = house.verifier().await.status();
        let error = status.last_error.unwrap_or_default();
        assert!(error.contains(words) && error.len() < 3_000, "{error}");
        assert_eq!(status.keys, 0);
    }
}

#[tokio::test]
async fn metadata_is_found_at_its_other_places() {
    let signer = Signer::es256("k");
    let house = House::with(&[&signer]);
    house.issuer.edit(|state| {
        state.metadata_path = "/.well-known/oauth-authorization-server/realms/a".into();
        state.metadata =
            json!({"issuer": "https://id.example/realms/a", "jwks_uri": "https://id.example/jwks"});
    });
    let issuer = Issuer::discover("https://id.example/realms/a");
    let verifier = house.builder_of(Verifier::builder(issuer)).build().unwrap();
    settle().await;
    assert_eq!(verifier.status().keys, 1);

    house.issuer.edit(|state| state.metadata_path = "/inside".into());
    let issuer = Issuer::discover("https://id.example/realms/a").metadata_url("https://10.0.0.7/inside");
    let verifier = house.builder_of(Verifier::builder(issuer)).build().unwrap();
    settle().await;
    assert_eq!(verifier.status().keys, 1);
    let seen = house.issuer.edit(|state| std::mem::take(&mut state.seen));
    let inside: Vec<_> =
        seen.iter().rev().take(2).map(|seen| (&*seen.0, seen.2.special_use_addresses)).collect();
    let wanted = [("https://id.example/jwks", false), ("https://10.0.0.7/inside", true)];
    assert_eq!(inside, wanted, "a person configured the private address, and no other");
}

#[tokio::test]
async fn addresses_of_special_use_are_not_allowed_for_public_issuers() {
    let house = House::with(&[]);
    let _verifier = house.verifier().await;
    assert!(house.issuer.edit(|state| state.seen.iter().all(|(.., limits)| !limits.special_use_addresses)));
    let bounded = |limits: &gambeson_core::TransportLimits| {
        (limits.max_body, limits.deadline) == (256 << 10, Duration::from_secs(3))
    };
    assert!(house.issuer.edit(|state| state.seen.iter().all(|(.., limits)| bounded(limits))));
    let issuer = Issuer::discover("http://127.0.0.1:3001");
    let _dev = house.builder_of(Verifier::builder(issuer)).run_in(Profile::Development).build().unwrap();
    settle().await;
    assert!(house.issuer.edit(|state| state.seen.last().unwrap().2.special_use_addresses));
}

#[tokio::test]
async fn keys_of_an_https_issuer_never_come_over_http() {
    let house = House::with(&[]);
    house.issuer.edit(|state| state.metadata["jwks_uri"] = json!("http://127.0.0.1:9/jwks"));
    let verifier = house.builder().run_in(Profile::Development).build().unwrap();
    settle().await;
    assert!(verifier.status().last_error.unwrap().contains("over https"));
    assert_eq!(house.issuer.fetches(), 0);
}

#[tokio::test]
async fn the_keeper_ends_with_its_verifier() {
    let house = House::with(&[]);
    let verifier = house.verifier().await;
    assert_eq!(house.clock.sleepers(), 1);
    drop(verifier);
    house.pass_seconds(7_200).await;
    let fetches = house.issuer.fetches();
    house.pass_seconds(7_200).await;
    assert_eq!(house.issuer.fetches(), fetches);
    assert_eq!(house.clock.sleepers(), 0);
}

#[test]
fn outside_a_runtime_the_first_request_starts_the_fetching() {
    let signer = Signer::es256("k");
    let house = House::with(&[&signer]);
    let verifier = house.builder().build().unwrap();
    let token = signer.token(&claims());
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(verifier.verify_or_wait(&token, None)).unwrap();
        house.issuer.publish(&[]);
        runtime.block_on(house.pass_seconds(3_600));
        assert_eq!(verifier.status().keys, 0);
        drop(runtime);
        house.clock.advance(Duration::from_secs(5));
        house.clock.set(gambeson_core::Timestamp::from_unix_seconds(START));
        house.issuer.publish(&[&signer]);
    }
}

#[tokio::test]
async fn what_one_issuer_signs_is_verified_with_one_set_of_keys() {
    let (old, new) = (Signer::es256("old"), Signer::es256("new"));
    let house = House::with(&[&old]);
    let first = house.verifier().await;
    let other = house.builder().audience("other").keys_of(&first).build().unwrap();
    let both = house.builder().keys_of(&Verifier::any_of([first.clone()]).unwrap()).build().unwrap();
    for verifier in [&first, &other, &both] {
        verifier.verify(&old.token(&claims())).unwrap();
    }
    house.issuer.publish(&[&new]);
    other.verify_or_wait(&new.token(&claims()), None).await.unwrap();
    first.verify(&new.token(&claims())).unwrap();
    assert_eq!(house.issuer.fetches(), 2, "start-up and rotation, once for all");
    drop(first);
    house.pass_seconds(700).await;
    assert_eq!(house.issuer.fetches(), 3, "the keys live as long as who needs them");

    let stranger =
        Verifier::builder(Issuer::discover("https://other.example")).audience("api").keys_of(&other);
    let error = stranger.build().unwrap_err().to_string();
    assert!(error.contains("keys_of") && error.contains("https://other.example"), "{error}");
}

/// An app with a log-in and an API of one issuer asks it for its keys once.
#[cfg(feature = "serde")]
#[tokio::test]
async fn a_log_in_and_an_api_of_one_issuer_share_its_keys() {
    let signer = Signer::es256("k");
    let house = House::with(&[&signer]);
    let config: gambeson_oidc_auth::Config = toml::from_str(&format!(
        "issuer = '{ISSUER}'\naudience = 'api'\n\
         [login]\nclient-id = 'web'\npublic-origin = 'https://notes.example.com'"
    ))
    .unwrap();
    let transport = std::sync::Arc::new(house.issuer.clone());
    let built = config.build(
        |verifier| verifier.transport(transport.clone()),
        |login| login.transport(transport.clone()),
        None,
    );
    let built = built.unwrap();
    settle().await;
    assert!(built.login.is_some() && built.verifier.unwrap().status().keys == 1);
    assert_eq!(house.issuer.fetches(), 1);
}
