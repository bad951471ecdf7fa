//! The behaviour of gambeson-secrets, from outside.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on has failed")]

mod audit;
mod config;
mod files;
mod header;
mod leaks;
mod live;
mod log;
mod seams;
mod start;
mod support;
mod trouble;
