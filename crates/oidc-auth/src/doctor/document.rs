//! The discovery document: whether it can be had, and whether it is this issuer's.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use serde::Deserialize;

use super::{Report, Visit, connection};

/// What the rest of the examination needs of it.
pub(super) struct Document {
    pub(super) headers: HeaderMap,
    pub(super) jwks_uri: String,
    /// What the issuer says that it signs with.
    pub(super) algorithms: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Members {
    issuer: Option<String>,
    jwks_uri: Option<String>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    authorization_endpoint: Option<String>,
    #[serde(default)]
    gambeson_dev_idp: bool,
}

/// Fetches and examines it; `None` where there is nothing to go on with.
pub(super) async fn examine(visit: &Visit, report: &mut Report) -> Option<Document> {
    let (url, answer) = fetch(visit, report).await?;
    let members: Members = match serde_json::from_slice(answer.body()) {
        Ok(members) => members,
        Err(error) => {
            let cure = match is_html(&answer) {
                true => {
                    "it is a page for people: is the issuer's name the address of an app or of a log-in page?"
                }
                false => "it is no JSON: ask whoever runs the issuer, or whatever proxy stands before it",
            };
            report.bad("discovery", format!("{url} can't be read: {error}"), cure);
            return None;
        }
    };
    report.good("discovery", format!("{url} answers"));
    tls(&url, report);
    let mine = echo(visit, members.issuer.as_deref(), report);
    if members.gambeson_dev_idp && visit.0.profile.is_production() {
        report.bad("profile", "a development identity provider", "configure the real issuer for production");
    }
    if members.authorization_endpoint.is_some() {
        pkce(members.code_challenge_methods_supported.as_deref(), report);
    }
    let jwks_uri = match (mine, members.jwks_uri) {
        (false, _) => return None,
        (true, Some(jwks_uri)) => visit.0.keys_at().map_or(jwks_uri, ToOwned::to_owned),
        (true, None) => {
            report.bad("keys", "the document names no jwks_uri", "give the keys with Issuer::static_keys");
            return None;
        }
    };
    let algorithms = members.id_token_signing_alg_values_supported;
    Some(Document { headers: answer.headers().clone(), jwks_uri, algorithms })
}

/// The first document that is there, as verification looks for it.
async fn fetch(visit: &Visit, report: &mut Report) -> Option<(String, Response<Bytes>)> {
    let mut refusals = Vec::new();
    for url in visit.0.documents() {
        match visit.get(&url).await {
            Ok(answer) if answer.status() == StatusCode::OK => return Some((url, answer)),
            Ok(answer) => {
                refusals.push((format!("{url} answers {}", answer.status().as_u16()), status_cure(&answer)));
            }
            Err(error) => {
                connection::examine("discovery", &url, &error, report);
                return None;
            }
        }
    }
    for (what, cure) in refusals {
        report.bad("discovery", what, cure);
    }
    None
}

fn status_cure(answer: &Response<Bytes>) -> String {
    let to = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
    match (answer.status().as_u16(), to) {
        (300..=399, Some(to)) => {
            let to: String = gambeson_core::escape_controls(to).chars().take(200).collect();
            format!("redirects are not followed: configure the issuer by the name that it has now ({to})")
        }
        (401 | 403, _) => {
            "it asks for a credential: make the document public, or name the file with one (Issuer::credentials_file)".into()
        }
        (404, _) => {
            "is the name complete, path and all? Else give the document's address as metadata_url".into()
        }
        (500..=599, _) => {
            "the issuer has a fault of its own: ask whoever runs it; known keys go on working".into()
        }
        _ => "ask whoever runs the issuer".into(),
    }
}

fn tls(url: &str, report: &mut Report) {
    match url.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")) {
        true => report.good("tls", "https, by a certificate that is trusted here"),
        false => report.weak("tls", "plain http", "use https: only loopback in development is taken without"),
    }
}

fn echo(visit: &Visit, echo: Option<&str>, report: &mut Report) -> bool {
    let wanted = &*visit.0.issuer;
    match echo {
        Some(echo) if echo == wanted => {
            report.good("echo", "the document names the configured issuer to the letter");
            return true;
        }
        Some(echo) if echo.trim_end_matches('/') == wanted.trim_end_matches('/') => {
            let what = format!("the document names {echo:?}, configured is {wanted:?}");
            report.bad(
                "echo",
                what,
                "they differ in a trailing slash only: configure it as the document writes it",
            );
        }
        Some(echo) => {
            let what = format!("the document names {echo:?}, configured is {wanted:?}");
            let cure = "configure the issuer as its document writes it, and this address as metadata_url";
            report.bad("echo", what, cure);
        }
        None => report.bad(
            "echo",
            "the document names no issuer",
            "this is no discovery document: check the address",
        ),
    }
    false
}

fn pkce(methods: Option<&[String]>, report: &mut Report) {
    match methods {
        Some(methods) if methods.iter().any(|method| method == "S256") => report.good("pkce", "S256"),
        Some(_) => {
            report.weak("pkce", "S256 is not offered", "a log-in needs it (RFC 7636 §4.2): switch it on");
        }
        None => report.weak("pkce", "not said", "a log-in uses S256; see that the issuer knows it"),
    }
}

fn is_html(answer: &Response<Bytes>) -> bool {
    let by_type = answer
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    by_type || answer.body().trim_ascii_start().starts_with(b"<")
}
