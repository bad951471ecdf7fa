//! A layer inside the frameworks that it must be adoptable by, each by its own door and with its own body types.
//!
//! Each function compiles the layer under the bounds of the framework, sends one request through, and gives the answer back.
//! The application behind the layer answers 200 with the body `adopted`. What is in the request's extensions reaches the layer.

#[cfg(feature = "adopt-axum")]
mod axum;
#[cfg(feature = "adopt-hyper")]
mod hyper;
#[cfg(feature = "adopt-tonic")]
mod tonic;

#[cfg(feature = "adopt-axum")]
pub use axum::axum;
#[cfg(feature = "adopt-hyper")]
pub use hyper::{App, hyper};
#[cfg(feature = "adopt-tonic")]
pub use tonic::tonic;
