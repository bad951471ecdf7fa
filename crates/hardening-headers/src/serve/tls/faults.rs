//! All that is wrong with the files of a configuration, where loading them tells the first.

use gambeson_core::Timestamp;
use rustls::crypto::aws_lc_rs;

use super::config;
use super::error::TlsError;
use super::material::{CHAIN, CLIENTS, KEY};
use super::settings::TlsConfig;
use super::source::TlsSource;

/// A fault, and the key that it is about; without one it is about certificate and key together.
pub(in crate::serve) type Fault = (Option<&'static str>, TlsError);

/// What is wrong with each file by itself, and with certificate and key together, once both can be read.
pub(super) fn faults(files: &TlsConfig, now: Timestamp) -> Vec<Fault> {
    let source = |path: &std::path::Path| TlsSource::from(path);
    let chain = source(&files.certificate).read(CHAIN);
    let chain = chain.and_then(|part| config::own_term(&part, now).map(|_| part));
    let key = source(&files.key).read(KEY);
    let key = key.and_then(|part| part.private_key().map(|_| part));
    let clients = files.client_authorities.as_deref();
    let clients = clients.map(|path| source(path).read(CLIENTS).and_then(|part| config::roots(&part)));
    let pair = match (&chain, &key) {
        (Ok(chain), Ok(key)) => config::certified(chain, key, &aws_lc_rs::default_provider()).err(),
        _ => None,
    };
    let all = [
        (Some("certificate"), chain.err()),
        (Some("key"), key.err()),
        (Some("client-authorities"), clients.and_then(Result::err)),
        (Some("client-certificates"), files.without_authorities()),
        (None, pair),
    ];
    all.into_iter().filter_map(|(key, error)| Some((key, error?))).collect()
}
