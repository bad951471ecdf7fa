//! The behaviour of gambeson-secrets, from outside.

mod audit;
mod config;
mod files;
mod seams;
mod start;
mod support;
mod trouble;
