//! The client against small real servers on loopback.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on has failed")]

mod addresses;
mod limits;
mod proxy;
mod server;
mod service;
mod tls;

use bytes::Bytes;
use gambeson_client::{Client, ClientBuilder};
use gambeson_core::TransportLimits;
use http::Request;

fn builder() -> ClientBuilder {
    Client::builder().platform_roots(false)
}

fn client() -> Client {
    builder().build().unwrap()
}

fn get(uri: impl AsRef<str>) -> Request<Bytes> {
    Request::get(uri.as_ref()).body(Bytes::new()).unwrap()
}

/// Limits of a destination that a person configured.
fn local() -> TransportLimits {
    TransportLimits::default().allow_special_use_addresses(true)
}
