//! Core's words as their users see them.
#![expect(clippy::unwrap_used, reason = "a test that unwraps None has failed")]

mod facts;
mod gcra;
mod profile;
mod respond;
mod rules;
#[cfg(feature = "test-util")]
mod time;
