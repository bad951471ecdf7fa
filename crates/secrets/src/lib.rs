//! Where credentials come from, rotate and expire.
//!
//! This will be one live handle over many secret stores: a read that costs nanoseconds and always holds the credential
//! that is valid now, renewed before it ends, with leases that are given back and nothing left in logs or errors.
//!
//! Nothing is in it yet. The words that it will share with the other crates are in `gambeson-core` already:
//! `SecretRef`, `SecretResolver`, `CredentialSource` and `Scrub`.
#![forbid(unsafe_code)]
