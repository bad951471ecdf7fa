//! What one instance denies, the others refuse.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Clock, ManualClock, SystemClock};
use gambeson_oidc_auth::denylist::{DenialLog, LoggedDenial, WhenStale};
use gambeson_oidc_auth::redis::RedisStores;
use gambeson_oidc_auth::{Denial, Denylist, Issuer, TokenProfile, Verifier};
use gambeson_testing::eventually;
use serde_json::{Value, json};

use super::server::Server;
use crate::fake_issuer::{ISSUER, claims};
use crate::signer::Signer;

/// An app at one instance.
struct Instance {
    list: Denylist,
    verifier: Verifier,
}

impl Instance {
    fn new(signer: &Signer, shared: &RedisStores) -> Self {
        Self::with(signer, shared, WhenStale::Refuse)
    }

    fn with(signer: &Signer, shared: &RedisStores, when_stale: WhenStale) -> Self {
        let list = Denylist::builder()
            .shared(Arc::new(shared.denials()))
            .poll_every(Duration::from_millis(100))
            .max_staleness(Duration::from_secs(5))
            .when_stale(when_stale)
            .build()
            .unwrap();
        let keys = json!({"keys": [signer.jwk()]}).to_string();
        let verifier = Verifier::builder(Issuer::static_keys(ISSUER, keys))
            .audience("api")
            .profile(TokenProfile::JwtLenient)
            .denylist(list.clone())
            .build()
            .unwrap();
        Self { list, verifier }
    }

    /// `ok`, or why not.
    fn says(&self, token: &str) -> &'static str {
        self.verifier.verify(token).map_or_else(|error| error.reason().as_str(), |_| "ok")
    }

    async fn comes_to_say(&self, token: &str, what: &str) {
        let said = || async { (self.says(token) == what).then_some(()) };
        let came = eventually(Duration::from_secs(15), said).await;
        assert!(came.is_some(), "{} in place of {what}: {:?}", self.says(token), self.list.status());
    }
}

/// A token of now.
fn token(signer: &Signer, changes: &Value) -> String {
    let now = SystemClock::new().now().unix_seconds();
    let mut claims = claims();
    (claims["iat"], claims["exp"]) = (json!(now - 10), json!(now + 600));
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    signer.token(&claims)
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn a_denial_reaches_all_instances_and_those_that_start_later() {
    let (server, signer) = (Server::start().await, Signer::es256("k"));
    let here = Instance::new(&signer, &server.instance());
    let there = Instance::new(&signer, &server.instance());
    let (one, other) = (token(&signer, &json!({"jti": "1"})), token(&signer, &json!({"jti": "2"})));
    assert_eq!(here.says(&one), "denials-unknown", "nothing is let in on a guess");
    here.list.ready().await.unwrap();
    there.list.ready().await.unwrap();
    assert_eq!((here.says(&one), there.says(&one)), ("ok", "ok"));
    here.list.deny(&Denial::token(ISSUER, "1"));
    assert_eq!(here.says(&one), "revoked", "at once");
    there.comes_to_say(&one, "revoked").await;
    there.list.deny_shared(&Denial::token(ISSUER, "2")).await.unwrap();
    let late = Instance::new(&signer, &server.instance());
    late.list.ready().await.unwrap();
    assert_eq!((late.says(&one), late.says(&other)), ("revoked", "revoked"));
    let status = late.list.status();
    assert_eq!(
        (status.denials, status.shared.map(|shared| (shared.is_stale, shared.unsent))),
        (2, Some((false, 0)))
    );
    // Nobody who reads the server learns who or what was denied.
    let members: Vec<String> = server.say(&["ZRANGE", "{gambeson}:denials", "0", "-1"]).await;
    assert_eq!(members.len(), 3);
    assert!(members.iter().all(|member| !member.contains("id.example")), "{members:?}");
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn a_denial_while_the_server_is_away_counts_here_and_is_told_later() {
    let (mut server, signer) = (Server::start().await, Signer::es256("k"));
    let here = Instance::new(&signer, &server.instance());
    let there = Instance::new(&signer, &server.instance());
    here.list.ready().await.unwrap();
    there.list.ready().await.unwrap();
    let before = token(&signer, &json!({"jti": "0"}));
    let [one, two] = ["1", "2"].map(|jti| token(&signer, &json!({"jti": jti})));
    here.list.deny_shared(&Denial::token(ISSUER, "0")).await.unwrap();
    there.comes_to_say(&before, "revoked").await;
    server.kill();
    assert!(here.list.deny_shared(&Denial::token(ISSUER, "1")).await.is_err(), "who asks is told");
    here.list.deny(&Denial::token(ISSUER, "2"));
    assert_eq!((here.says(&one), here.says(&two)), ("revoked", "revoked"));
    assert_eq!(here.list.status().shared.unwrap().unsent, 2);
    server.start_again().await;
    there.comes_to_say(&one, "revoked").await;
    there.comes_to_say(&two, "revoked").await;
    // The server came back empty: what was known before is in it again.
    let late = Instance::new(&signer, &server.instance());
    late.list.ready().await.unwrap();
    late.comes_to_say(&before, "revoked").await;
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn a_log_that_was_lost_is_noticed_also_by_who_began_both() {
    let (server, signer) = (Server::start().await, Signer::es256("k"));
    let here = Instance::new(&signer, &server.instance());
    here.list.ready().await.unwrap();
    for round in 0..5 {
        here.list.deny_shared(&Denial::token(ISSUER, round.to_string())).await.unwrap();
        here.list.ready().await.unwrap();
        let _: i64 = server.say(&["DEL", "{gambeson}:denials"]).await;
    }
    here.list.deny_shared(&Denial::token(ISSUER, "5")).await.unwrap();
    here.list.ready().await.unwrap();
    let late = Instance::new(&signer, &server.instance());
    late.list.ready().await.unwrap();
    assert_eq!(late.list.len(), 6);
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn an_instance_that_is_out_of_step_for_too_long_lets_nobody_in() {
    let (mut server, signer) = (Server::start().await, Signer::es256("k"));
    let strict = Instance::new(&signer, &server.instance());
    let lenient = Instance::with(&signer, &server.instance(), WhenStale::Warn);
    strict.list.ready().await.unwrap();
    lenient.list.ready().await.unwrap();
    let good = token(&signer, &json!({"jti": "1"}));
    assert_eq!((strict.says(&good), lenient.says(&good)), ("ok", "ok"));
    server.kill();
    strict.comes_to_say(&good, "denials-unknown").await;
    assert!(strict.list.status().shared.unwrap().is_stale);
    assert_eq!(lenient.says(&good), "ok");
    server.start_again().await;
    strict.comes_to_say(&good, "ok").await;
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn thousands_of_denials_are_read_in_pages_and_what_is_over_goes() {
    let (server, signer) = (Server::start().await, Signer::es256("k"));
    let here = Instance::new(&signer, &server.instance());
    here.list.ready().await.unwrap();
    for jti in 0..2_500 {
        here.list.deny(&Denial::token(ISSUER, jti.to_string()));
    }
    here.list.ready().await.unwrap();
    let there = Instance::new(&signer, &server.instance());
    there.list.ready().await.unwrap();
    assert_eq!(there.list.len(), 2_500);
    // Denials of a minute, added when a clock that others don't follow is far ahead: the server's own says when they are over.
    let short = Denylist::builder()
        .shared(Arc::new(server.builder().prefix("short").build().unwrap().denials()))
        .keep(Duration::from_secs(1))
        .clock(Arc::new(ManualClock::at(SystemClock::new().now().plus(Duration::from_secs(1_000_000)))))
        .build()
        .unwrap();
    short.deny_shared(&Denial::token(ISSUER, "1")).await.unwrap();
    short.deny_shared(&Denial::token(ISSUER, "2")).await.unwrap();
    let over = || async {
        short.deny_shared(&Denial::token(ISSUER, "3")).await.unwrap();
        let kept: Vec<String> = server.say(&["ZRANGE", "{short}:denials", "0", "-1"]).await;
        let first = kept[1].split_once(':').unwrap().0.parse::<i64>().unwrap();
        (first > SystemClock::new().now().unix_nanos() / 1_000_000).then_some(())
    };
    eventually(Duration::from_secs(10), over).await.expect("what is over goes");
}

/// The server comes back in the state that it had when this entry was the last.
async fn go_back(server: &Server, to: u32) {
    let _: i64 = server.say(&["ZREMRANGEBYSCORE", "{gambeson}:denials", &format!("({to}"), "+inf"]).await;
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn a_server_that_went_back_is_told_again_by_those_who_had_read_further() {
    let (server, signer) = (Server::start().await, Signer::es256("k"));
    let deny = async |instance: &Instance, numbers: std::ops::Range<u32>| {
        for jti in numbers {
            instance.list.deny_shared(&Denial::token(ISSUER, jti.to_string())).await.unwrap();
        }
    };
    let here = Instance::new(&signer, &server.instance());
    here.list.ready().await.unwrap();
    deny(&here, 1..5).await;
    here.list.ready().await.unwrap();
    // As many are added meanwhile as were lost, by one that knows nothing of those.
    go_back(&server, 0).await;
    let other = Instance::new(&signer, &server.instance());
    deny(&other, 11..16).await;
    here.list.ready().await.unwrap();
    other.list.ready().await.unwrap();
    assert_eq!((here.list.len(), other.list.len()), (9, 9));
    // And none were added.
    go_back(&server, 1).await;
    here.list.ready().await.unwrap();
    let late = Instance::new(&signer, &server.instance());
    late.list.ready().await.unwrap();
    assert_eq!(late.list.len(), 9);
}

#[tokio::test]
#[ignore = "needs redis: cargo xtask test"]
async fn an_entry_that_is_gone_because_it_is_over_is_no_loss() {
    let server = Server::start().await;
    let log: Arc<dyn DenialLog> = Arc::new(server.instance().denials());
    let denial = |name: u8, millis| LoggedDenial::new([name; 16], 1, Duration::from_millis(millis));
    log.append(vec![denial(1, 1)]).wait().await.unwrap();
    let read = log.read(None).wait().await.unwrap();
    let over = || async { log.read(None).wait().await.unwrap().denials.is_empty().then_some(()) };
    eventually(Duration::from_secs(10), over).await.expect("it is over");
    log.append(vec![denial(2, 60_000)]).wait().await.unwrap();
    let members: Vec<String> = server.say(&["ZRANGE", "{gambeson}:denials", "0", "-1"]).await;
    assert_eq!(members.len(), 2, "it is gone");
    let page = log.read(Some(read.end)).wait().await.unwrap();
    assert_eq!((page.is_anew, page.denials.len()), (false, 1));
    // Where the next one is gone, too, nobody knows what it was.
    log.append(vec![denial(3, 60_000)]).wait().await.unwrap();
    let _: i64 = server.say(&["ZREMRANGEBYSCORE", "{gambeson}:denials", "2", "2"]).await;
    assert!(log.read(Some(read.end)).wait().await.unwrap().is_anew);
}
