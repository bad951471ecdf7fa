//! Core's words as their users see them.

mod facts;
mod gcra;
mod profile;
mod respond;
mod rules;
#[cfg(feature = "test-util")]
mod time;
