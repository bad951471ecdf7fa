//! A parameter that is taken out of an address.

use http::Uri;
use http::uri::PathAndQuery;

/// What an address said, and the address without it.
pub(super) enum Taken {
    /// The parameter is not there.
    Absent,
    /// It is there once.
    Once(Box<str>, Uri),
    /// It is there more than once.
    Often(Uri),
}

/// Takes the parameter of this name out of the address.
pub(super) fn take(uri: &Uri, name: &str) -> Taken {
    let is_it =
        |pair: &str| pair.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('='));
    let Some(query) = uri.query().filter(|query| query.split('&').any(is_it)) else { return Taken::Absent };
    let mut values = query.split('&').filter(|pair| is_it(pair));
    let value = values.next().and_then(|pair| pair.split_once('=')).map_or("", |(_, value)| value);
    let rest: Vec<&str> = query.split('&').filter(|pair| !is_it(pair)).collect();
    let without = without_query(uri, &rest.join("&"));
    match values.next() {
        None => Taken::Once(value.into(), without),
        Some(_) => Taken::Often(without),
    }
}

/// The same address with another query; with none at all should it be no address any more.
fn without_query(uri: &Uri, query: &str) -> Uri {
    let text = match query {
        "" => uri.path().to_owned(),
        query => format!("{}?{query}", uri.path()),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(text.parse().unwrap_or_else(|_| PathAndQuery::from_static("/")));
    Uri::from_parts(parts).unwrap_or_default()
}
