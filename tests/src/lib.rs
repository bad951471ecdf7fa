//! The tests are in `it/`; this crate has nothing else.
#![forbid(unsafe_code)]
