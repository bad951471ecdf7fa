//! Sessions at a real Redis: what the store holds, and what it does not let happen.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gambeson_core::{Clock, SecretBytes, Timestamp};
use gambeson_oidc_auth::login::{SessionStore, SessionsOf};
use gambeson_oidc_auth::redis::RedisStores;
use gambeson_oidc_auth::{denylist, dpop, login};
use gambeson_testing::eventually;

use super::logins::{Instances, principal};
use super::server::Server;
use crate::login::browser::Browser;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs redis: cargo xtask test"]
async fn the_suites_hold_over_two_connections() {
    let server = Server::start().await;
    let (one, other) = (server.instance(), server.instance());
    let sessions = |shared: &RedisStores| Arc::new(shared.sessions().unwrap());
    login::conformance::check(sessions(&one), sessions(&other)).await.unwrap();
    dpop::conformance::check(Arc::new(one.replay()), Arc::new(other.replay())).await.unwrap();
    denylist::conformance::check(Arc::new(one.denials()), Arc::new(other.denials())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs redis: cargo xtask test"]
async fn the_suites_hold_for_a_user_with_no_more_rights_than_the_pages_ask_for() {
    let server = Server::start().await;
    let (one, other) = (server.as_user().await, server.as_user().await);
    let sessions = |shared: &RedisStores| Arc::new(shared.sessions().unwrap());
    login::conformance::check(sessions(&one), sessions(&other)).await.unwrap();
    dpop::conformance::check(Arc::new(one.replay()), Arc::new(other.replay())).await.unwrap();
    denylist::conformance::check(Arc::new(one.denials()), Arc::new(other.denials())).await.unwrap();
}

/// The names of the sessions that the server holds.
async fn sessions(server: &Server) -> Vec<String> {
    server.say(&["KEYS", "{gambeson}:session:*"]).await
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn who_reads_the_server_gets_no_session_and_no_token() {
    let instances = Instances::new().await;
    let (server, mut alice) = (&instances.server, Browser::default());
    instances.sign_in(&mut alice, "alice").await;
    let names: Vec<String> = server.say(&["KEYS", "*"]).await;
    let [session] = &sessions(server).await[..] else { panic!("{names:?}") };
    let id = URL_SAFE_NO_PAD.decode(&alice.cookies["session"]).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert!(!session.contains(&hex(&id)), "the id is not in the name");
    // The name is no cookie.
    let digest: Vec<u8> = session
        .rsplit(':')
        .next()
        .unwrap()
        .as_bytes()
        .chunks(2)
        .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap())
        .collect();
    let mut thief = alice.clone();
    thief.cookies.insert("session".into(), URL_SAFE_NO_PAD.encode(&digest));
    assert_eq!(thief.who(&instances.here).await, "nobody");
    for field in ["d", "u", "p"] {
        let content: Vec<u8> = server.say(&["HGET", session, field]).await;
        for secret in ["alice", "refresh", "ey"] {
            let there = content.windows(secret.len()).any(|part| part == secret.as_bytes());
            // Two letters come by chance in what is sealed.
            assert!(!there || (secret == "ey" && field == "d"), "{field} holds {secret}");
        }
    }
    assert!(names.iter().all(|name| !name.contains("alice")), "{names:?}");
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn what_is_moved_changed_or_foreign_is_nobodys_session() {
    let instances = Instances::new().await;
    let server = &instances.server;
    let (mut alice, mut bob) = (Browser::default(), Browser::default());
    instances.sign_in(&mut alice, "alice").await;
    let [of_alice] = &sessions(server).await[..] else { panic!("one") };
    instances.sign_in(&mut bob, "bob").await;
    let of_bob = sessions(server).await.into_iter().find(|name| name != of_alice).unwrap();
    // Bob's browser, and alice's session under its key. The other instance has seen neither.
    let sealed: Vec<u8> = server.say(&["HGET", of_alice, "d"]).await;
    server.write(&of_bob, "d", &sealed).await;
    assert_eq!(bob.who(&instances.there).await, "nobody");
    for junk in [&b""[..], b"\x01", b"\x02later", b"{\"principal\":{}}"] {
        server.write(of_alice, "d", junk).await;
        assert_eq!(alice.clone().who(&instances.there).await, "nobody", "{junk:?}");
    }
    let other_key = server.builder().seal_key(SecretBytes::new(vec![8; 32])).build().unwrap();
    server.write(of_alice, "d", &sealed).await;
    assert_eq!(alice.clone().who(&instances.app(&other_key)).await, "nobody", "sealed with another key");
    assert_eq!(alice.clone().who(&instances.there).await, "alice");
    let fresh = instances.server.instance();
    for (field, value) in [("v", "x"), ("t", ""), ("v", "-1")] {
        let before: Vec<u8> = server.say(&["HGET", of_alice, field]).await;
        server.write(of_alice, field, value.as_bytes()).await;
        assert_eq!(alice.clone().who(&instances.app(&fresh)).await, "nobody", "{field}");
        server.write(of_alice, field, &before).await;
    }
    let _: i64 = server.say(&["DEL", of_alice]).await;
    let _: String = server.say(&["SET", of_alice, "something else"]).await;
    assert_eq!(alice.clone().who(&instances.app(&fresh)).await, "nobody");
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn sessions_and_what_lists_them_expire_by_themselves() {
    let instances = Instances::new().await;
    let (server, mut alice) = (&instances.server, Browser::default());
    instances.sign_in(&mut alice, "alice").await;
    let [session] = &sessions(server).await[..] else { panic!("one") };
    let left = |key: String| async move { server.say::<i64>(&["PTTL", &key]).await };
    let (half_hour, eight_hours) = (30 * 60 * 1_000, 8 * 3_600 * 1_000);
    let near = |left: i64, whole: i64| left <= whole && left > whole - 60_000;
    assert!(near(left(session.clone()).await, half_hour), "idle");
    for list in server.say::<Vec<String>>(&["KEYS", "{gambeson}:of-*"]).await {
        assert!(near(left(list.clone()).await, eight_hours), "{list}");
    }
    // A visit that is noted lengthens it.
    let _: i64 = server.say(&["PEXPIRE", session, "100000"]).await;
    instances.scene.clock.advance(Duration::from_secs(61));
    assert_eq!(alice.who(&instances.there).await, "alice");
    let longer = || async { near(left(session.clone()).await, half_hour).then_some(()) };
    eventually(Duration::from_secs(10), longer).await.expect("half an hour again");
    // But not beyond its end.
    let end: i64 = server.say(&["HGET", session, "e"]).await;
    server.write(session, "e", (end - eight_hours + 120_000).to_string().as_bytes()).await;
    instances.scene.clock.advance(Duration::from_secs(61));
    assert_eq!(alice.who(&instances.there).await, "alice");
    let shorter = || async { (left(session.clone()).await <= 120_000).then_some(()) };
    eventually(Duration::from_secs(10), shorter).await.expect("what is left to its end");
    let _: i64 = server.say(&["DEL", session]).await;
    assert_eq!(alice.who(&instances.there).await, "nobody");
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn the_oldest_of_a_person_goes_and_nobody_elses() {
    let instances = Instances::with(|builder| builder.per_subject(2)).await;
    let server = &instances.server;
    let mut bob = Browser::default();
    instances.sign_in(&mut bob, "bob").await;
    let mut browsers = vec![Browser::default(); 4];
    for browser in &mut browsers[..3] {
        instances.sign_in(browser, "alice").await;
        instances.scene.clock.advance(Duration::from_secs(1));
    }
    let mut says = Vec::new();
    for browser in &mut browsers[..3] {
        says.push(browser.who(&instances.there).await);
    }
    assert_eq!(says, ["nobody", "alice", "alice"]);
    // One that expired by itself takes nobody's place.
    let before = sessions(server).await;
    let _: i64 = server.say(&["DEL", &before[0]]).await;
    let mut left = 0;
    for browser in &mut browsers[1..3] {
        left += usize::from(browser.clone().who(&instances.here).await == "alice");
    }
    instances.sign_in(&mut browsers[3], "alice").await;
    let of_alice = sessions(server).await.len() - usize::from(bob.who(&instances.here).await == "bob");
    assert_eq!(of_alice, 2.min(left + 1));
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn a_request_costs_one_round_trip() {
    let instances = Instances::with(|builder| builder.poll_every(Duration::from_secs(60))).await;
    let (server, mut alice) = (&instances.server, Browser::default());
    instances.sign_in(&mut alice, "alice").await;
    let commands = || async {
        let stats: String = server.say(&["INFO", "stats"]).await;
        let line = stats.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
        line.unwrap().trim().parse::<usize>().unwrap()
    };
    assert_eq!(alice.who(&instances.there).await, "alice");
    let (before, idle) = (commands().await, commands().await);
    for _ in 0..100 {
        assert_eq!(alice.who(&instances.there).await, "alice");
    }
    // What asking for the count costs by itself is taken off.
    assert_eq!(commands().await - idle - (idle - before), 100);
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn what_ends_until_a_time_leaves_the_rest_listed_and_spares_nothing_without_a_beginning() {
    let instances = Instances::new().await;
    let Instances { server, scene, here, .. } = &instances;
    let mut browsers = vec![Browser::default(); 3];
    for browser in &mut browsers {
        instances.sign_in(browser, "alice").await;
        scene.clock.advance(Duration::from_secs(10));
    }
    // As an older version wrote it: nobody knows when it began.
    let began: Vec<(String, i64)> = {
        let mut began = Vec::new();
        for name in sessions(server).await {
            began.push((name.clone(), server.say::<i64>(&["HGET", &name, "b"]).await));
        }
        began
    };
    let (newest, _) = began.iter().max_by_key(|(_, began)| *began).unwrap();
    let _: i64 = server.say(&["HDEL", newest, "b"]).await;
    let store = server.instance().sessions().unwrap();
    let alice = principal(here, &browsers[1]).await.full_subject().clone();
    let (first, of) = (scene.clock.now().unix_seconds() - 30, SessionsOf::Subject(alice));
    let began = Timestamp::from_unix_seconds(first + 10);
    assert_eq!(
        store.end_all(&of, Some(began)).wait().await.unwrap(),
        2,
        "the first, and the one that does not say"
    );
    assert_eq!(sessions(server).await.len(), 1);
    assert_eq!(browsers[1].who(here).await, "alice");
    let until = Some(began.plus(Duration::from_nanos(1)));
    assert_eq!(store.end_all(&of, until).wait().await.unwrap(), 1, "still listed");
    assert_eq!(browsers[1].who(here).await, "nobody");
}
