//! Nothing that a stranger can send panics or passes.

use std::sync::LazyLock;

use gambeson_oidc_auth::Verifier;
use proptest::prelude::*;

use crate::fake_issuer::{claims, static_verifier};
use crate::signer::{Signer, encode};

static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::es256("k"));
static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| static_verifier(&[&SIGNER]).build().unwrap());
static GOOD: LazyLock<String> = LazyLock::new(|| SIGNER.token(&claims()));

proptest! {
    #[test]
    fn no_text_passes(text in ".{0,300}") {
        prop_assert!(VERIFIER.verify(&text).is_err());
    }

    #[test]
    fn no_three_parts_pass(header in any::<Vec<u8>>(), payload in any::<Vec<u8>>(), signature in any::<Vec<u8>>()) {
        let token = format!("{}.{}.{}", encode(&header), encode(&payload), encode(&signature));
        prop_assert!(VERIFIER.verify(&token).is_err());
    }

    #[test]
    fn no_signed_payload_panics(payload in "\\{(\"(iss|aud|exp|sub|act|roles|x)\":(1|\"a\"|\\[\\]|\\{\\}|null),?){0,6}\\}") {
        let token = SIGNER.token_of(&SIGNER.header().to_string(), &payload);
        prop_assert!(VERIFIER.verify(&token).is_err());
    }

    #[test]
    fn no_changed_byte_passes(at in any::<prop::sample::Index>(), byte in "[A-Za-z0-9._-]") {
        let at = at.index(GOOD.len());
        let mut changed = GOOD.clone();
        changed.replace_range(at..=at, &byte);
        prop_assume!(changed != *GOOD);
        prop_assert!(VERIFIER.verify(&changed).is_err());
    }
}
