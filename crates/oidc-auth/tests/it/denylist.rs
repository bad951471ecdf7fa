//! Tokens that end before their `exp`.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Health, HealthCheck, Timestamp};
use gambeson_oidc_auth::{AuthLayer, Denial, Denylist, Issuer, Reason, TokenProfile, Verdict, Verifier};
use http::header;
use serde_json::{Value, json};

use crate::bound::sender::{request, send};
use crate::fake_issuer::{House, ISSUER, START, claims, claims_with, static_verifier};
use crate::signer::Signer;

struct Listed {
    signer: Signer,
    house: House,
    list: Denylist,
    verifier: Verifier,
}

impl Listed {
    fn new() -> Self {
        Self::with_capacity(65_536)
    }

    fn with_capacity(capacity: usize) -> Self {
        let (signer, house) = (Signer::es256("k"), House::with(&[]));
        let list =
            Denylist::builder().capacity(capacity).clock(Arc::new(house.clock.clone())).build().unwrap();
        let keys = json!({"keys": [signer.jwk()]}).to_string();
        let verifier = house
            .builder_of(Verifier::builder(Issuer::static_keys(ISSUER, keys)))
            .profile(TokenProfile::JwtLenient)
            .denylist(list.clone())
            .build()
            .unwrap();
        Self { signer, house, list, verifier }
    }

    /// A token with these members in place of alice's.
    fn token(&self, changes: &Value) -> String {
        let mut claims = claims();
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.signer.token(&claims)
    }

    fn refused(&self, token: &str) -> bool {
        match self.verifier.verify(token) {
            Ok(_) => false,
            Err(error) => {
                assert_eq!(error.reason(), Reason::Revoked, "{error}");
                true
            }
        }
    }
}

#[test]
fn each_denial_ends_what_it_names_at_once_and_nothing_else() {
    let all = [
        json!({"jti": "1", "sid": "s1", "sub": "alice"}),
        json!({"jti": "2", "sid": "s1", "sub": "alice"}),
        json!({"jti": "3", "sid": "s2", "sub": "alice"}),
        json!({"jti": "4", "sub": "alice"}),
        json!({"jti": "5", "sid": "s3", "sub": "bob"}),
        // The same texts as names of something else.
        json!({"jti": "s1", "sid": "alice", "sub": "1"}),
    ];
    for (denial, ended) in [
        (Denial::token(ISSUER, "1"), [true, false, false, false, false, false]),
        (Denial::session(ISSUER, "s1"), [true, true, false, false, false, false]),
        (Denial::session(ISSUER, "s1").and_subject("alice"), [true, true, false, true, false, false]),
        (Denial::subject(ISSUER, "alice"), [true, true, true, true, false, false]),
        (Denial::issuer(ISSUER), [true; 6]),
        (Denial::token("https://other.example", "1"), [false; 6]),
        (Denial::subject("https://other.example", "alice"), [false; 6]),
        (Denial::issuer("https://other.example"), [false; 6]),
    ] {
        let listed = Listed::new();
        let tokens: Vec<String> = all.iter().map(|changes| listed.token(changes)).collect();
        assert!(tokens.iter().all(|token| !listed.refused(token)), "each is good, and remembered now");
        listed.list.deny(&denial);
        let refused: Vec<bool> = tokens.iter().map(|token| listed.refused(token)).collect();
        assert_eq!(refused, ended, "{denial:?}");
    }
}

#[test]
fn what_is_issued_after_the_denial_is_good() {
    for denial in
        [Denial::subject(ISSUER, "alice"), Denial::issuer(ISSUER), Denial::session_so_far(ISSUER, "s")]
    {
        let listed = Listed::new();
        let before = listed.token(&json!({"sid": "s"}));
        listed.list.deny(&denial);
        let ahead = listed.token(&json!({"iat": START + 30, "sid": "s"}));
        listed.house.clock.advance(Duration::from_secs(31));
        let after = listed.token(&json!({"iat": START + 31, "sid": "s"}));
        assert!(listed.refused(&before) && !listed.refused(&after), "{denial:?}");
        assert!(listed.refused(&ahead), "the issuer's clock may have been ahead: {denial:?}");
    }
    let listed = Listed::new();
    let token = listed.token(&json!({"iat": START - 10, "sid": "s"}));
    listed
        .list
        .deny(&Denial::subject(ISSUER, "alice").issued_until(Timestamp::from_unix_seconds(START - 11)));
    assert!(!listed.refused(&token), "the issuer's clock says what was before");
    listed
        .list
        .deny(&Denial::subject(ISSUER, "alice").issued_until(Timestamp::from_unix_seconds(START - 10)));
    assert!(listed.refused(&token));
    listed
        .list
        .deny(&Denial::subject(ISSUER, "alice").issued_until(Timestamp::from_unix_seconds(START - 20)));
    assert!(listed.refused(&token), "an older denial that comes late takes nothing back");
}

#[test]
fn a_clock_that_is_set_back_brings_nothing_back() {
    let listed = Listed::new();
    let token = listed.token(&json!({}));
    listed.list.deny(&Denial::subject(ISSUER, "alice"));
    listed.house.clock.set(Timestamp::from_unix_seconds(START - 20));
    assert!(listed.refused(&token));
    listed.house.clock.set(Timestamp::from_unix_seconds(START + 100));
    assert!(listed.refused(&token));
}

#[test]
fn a_full_list_denies_everything_issued_so_far_and_makes_room_when_denials_are_over() {
    let listed = Listed::with_capacity(64);
    let bob = listed.token(&json!({"sub": "bob"}));
    for n in 0..200 {
        listed.list.deny(&Denial::token(ISSUER, format!("old{n}")));
    }
    assert!(listed.list.len() <= 64, "bounded");
    assert_eq!(listed.list.everything_until(), Some(Timestamp::from_unix_seconds(START + 30)));
    assert!(listed.refused(&bob), "no denial is lost: what can't be told apart is refused");
    listed.house.clock.advance(Duration::from_secs(31));
    assert!(!listed.refused(&listed.token(&json!({"sub": "bob", "iat": START + 31}))));

    assert!(matches!(listed.list.check().ready(), Ok(Health::Degraded(_))) && listed.list.is_ready());
    listed.house.clock.advance(listed.list.keep());
    assert_eq!(listed.list.everything_until(), None, "no token of then is left");
    assert!(matches!(listed.list.check().ready(), Ok(Health::Healthy)));

    let listed = Listed::with_capacity(1_600);
    for n in 0..800 {
        listed.list.deny(&Denial::token(ISSUER, format!("old{n}")));
    }
    listed.house.clock.advance(Duration::from_secs(25 * 3_600));
    for n in 0..800 {
        listed.list.deny(&Denial::token(ISSUER, format!("new{n}")));
    }
    for n in 0..400 {
        listed.list.deny(&Denial::token(ISSUER, format!("newer{n}")));
        listed.house.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(listed.list.everything_until(), None, "old denials went for new ones");
    assert!(listed.list.len() <= 1_600);
}

/// Logging in and out all day is no way to end everybody's tokens.
#[test]
fn one_account_does_not_fill_the_list() {
    for denial in [
        |sid: String| Denial::session(ISSUER, sid).whose("mallory"),
        |sid: String| Denial::session(ISSUER, sid).and_subject("mallory"),
    ] {
        let listed = Listed::with_capacity(1_600);
        for n in 0..20_000 {
            listed.list.deny(&denial(format!("s{n}")));
        }
        assert!(listed.list.len() <= 18 && listed.list.everything_until().is_none(), "{:?}", listed.list);
        let ended = |sid: &str| listed.refused(&listed.token(&json!({"sub": "mallory", "sid": sid})));
        assert!(ended("s0") && ended("s15") && ended("s16") && ended("s19999"));
        let bob = listed.token(&json!({"sub": "bob", "sid": "s20000"}));
        assert!(!listed.refused(&bob));
    }
}

#[test]
fn a_session_that_is_somebodys_ends_nothing_else_of_theirs() {
    let listed = Listed::new();
    listed.list.deny(&Denial::session(ISSUER, "s1").whose("alice"));
    assert!(listed.refused(&listed.token(&json!({"sid": "s1"}))));
    assert!(!listed.refused(&listed.token(&json!({"sid": "s2"}))));
    assert!(!listed.refused(&listed.token(&json!({}))), "one that names no session");
}

#[test]
fn a_token_that_does_not_say_when_it_was_issued_is_refused() {
    let listed = Listed::new();
    let endless = listed.signer.token(&claims_with("iat", Value::Null));
    let error = listed.verifier.verify(&endless).unwrap_err();
    assert_eq!(error.reason(), Reason::MissingClaim);
    assert!(error.to_string().contains("denylist"), "{error}");
    let without = static_verifier(&[&listed.signer]).profile(TokenProfile::JwtLenient).build().unwrap();
    assert!(without.verify(&endless).is_ok() && without.denylists().count() == 0);
}

#[test]
fn denials_outlast_tokens_or_nothing_is_built() {
    let short = Denylist::builder().keep(Duration::from_secs(3_600)).build().unwrap();
    let signer = Signer::es256("k");
    let error = static_verifier(&[&signer]).denylist(short.clone()).build().unwrap_err();
    assert!(error.to_string().contains("denylist.keep") && error.to_string().contains("86430"), "{error}");
    let hour = Duration::from_secs(3_570);
    assert!(static_verifier(&[&signer]).denylist(short).max_token_lifetime(hour).build().is_ok());
    let ahead = Denylist::builder().leeway(Duration::from_secs(29)).build().unwrap();
    let error = static_verifier(&[&signer]).denylist(ahead).build().unwrap_err();
    assert!(error.to_string().contains("denylist.leeway"), "a token from 30 s ahead is let in: {error}");
    let bad = Denylist::builder().keep(Duration::ZERO).capacity(1).leeway(Duration::from_secs(301));
    let error = bad.build().unwrap_err();
    assert_eq!(error.problems().len(), 3, "{error}");
}

/// Who ends tokens has to end them at each issuer.
#[test]
fn several_issuers_tell_all_their_lists() {
    let signer = Signer::es256("k");
    let keys = json!({"keys": [signer.jwk()]}).to_string();
    let with = |issuer: &str, list: &Denylist| {
        let builder = Verifier::builder(Issuer::static_keys(issuer, keys.clone())).audience("api");
        builder.denylist(list.clone()).build().unwrap()
    };
    let (one, two) = (Denylist::new(), Denylist::new());
    let of = |lists: [&Denylist; 3]| {
        let [a, b, c] = lists;
        let all = [with(ISSUER, a), with("https://b.example", b), with("https://c.example", c)];
        let verifier = Verifier::any_of(all).unwrap();
        verifier.denylists().for_each(|list| list.deny(&Denial::issuer(ISSUER)));
        (one.len(), two.len(), verifier.denylists().count())
    };
    assert_eq!(of([&one, &one, &one]), (1, 0, 1));
    assert_eq!(of([&one, &one, &two]), (1, 1, 2));
}

#[tokio::test]
async fn the_layer_tells_no_more_than_that_the_token_is_bad() {
    let listed = Listed::new();
    let layer = AuthLayer::required(listed.verifier.clone());
    let bearer = format!("Bearer {}", listed.token(&json!({})));
    assert_eq!(send(&layer, request(&bearer, &[])).await.status(), 200);
    listed.list.deny(&Denial::subject(ISSUER, "alice"));
    let answer = send(&layer, request(&bearer, &[])).await;
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer error=\"invalid_token\"");
    let told = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(!told.contains("denylist") && !told.contains("revoked"), "{told}");
}

#[test]
fn it_is_explained_and_shows_nobody() {
    let listed = Listed::new();
    let token = listed.token(&json!({"sid": "s1-secret"}));
    let step = |token: &str| {
        let explained = listed.verifier.explain(token);
        let step = explained.steps().iter().find(|step| step.check == "denylist").cloned().unwrap();
        (explained.is_accepted(), step.verdict)
    };
    assert_eq!(step(&token), (true, Verdict::Passed));
    let denial = Denial::session(ISSUER, "s1-secret").and_subject("alice");
    let shown = format!("{denial:?} {:?}", listed.list);
    listed.list.deny(&denial);
    assert_eq!(step(&token), (false, Verdict::Failed));
    let shown = format!("{shown} {:?} {:?}", listed.list, listed.verifier);
    assert!(!shown.contains("s1-secret") && !shown.contains("alice"), "{shown}");
}
