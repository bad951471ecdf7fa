//! Where the trail's heads are published, as the file says.

use std::sync::Arc;

use bytes::Bytes;
use gambeson_audit_trail::{Anchor, FileAnchor, HttpAnchor, Publishing, StdoutAnchor};
use gambeson_client::Client;
use gambeson_core::{
    BoxFuture, ConfigProblems, CredentialSource, HttpTransport, Profile, SecretRef, TransportError,
    TransportErrorKind, TransportLimits,
};
use gambeson_secrets::{BearerSecret, SecretString, Secrets};
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode, Uri};

use super::{text, trail};
use crate::Config;
use crate::config::AnchorTable;

/// An anchor, and how often it is told.
pub(super) struct Anchored {
    pub(super) anchor: Arc<dyn Anchor>,
    pub(super) publishing: Publishing,
}

/// All anchors of the file.
pub(super) async fn all(
    config: &Config,
    secrets: Option<&Secrets>,
    problems: &mut ConfigProblems,
) -> Vec<Anchored> {
    let mut all = Vec::new();
    for (field, table) in named(config) {
        if let Err(error) = table.publishing.validate() {
            trail::noted(&error, &format!("{field}.publishing"), problems);
        }
        let anchor = one(config, table, &format!("audit-trail.{field}"), secrets, problems).await;
        let publishing = table.publishing.clone();
        all.extend(anchor.map(|anchor| Anchored { anchor, publishing }));
    }
    all
}

/// Opens the files among them once: that one can't be written is told at the start.
pub(super) fn prepare(config: &Config, problems: &mut ConfigProblems) {
    for (field, table) in named(config) {
        let Some(path) = table.file.as_deref().map(|file| config.path(file)) else { continue };
        if let Err(error) = FileAnchor::new(&path).prepare() {
            let cure = format!("name a file that this process may write, in a folder that exists ({error})");
            problems.add(format!("audit-trail.{field}.file"), text(path.display()), cure);
        }
    }
}

fn named(config: &Config) -> impl Iterator<Item = (String, &AnchorTable)> {
    let anchors = config.audit_trail.anchors.iter().enumerate();
    anchors.map(|(index, table)| (format!("anchors[{index}]"), table))
}

async fn one(
    config: &Config,
    table: &AnchorTable,
    field: &str,
    secrets: Option<&Secrets>,
    problems: &mut ConfigProblems,
) -> Option<Arc<dyn Anchor>> {
    if table.token.is_some() && table.url.is_none() {
        problems.add(format!("{field}.token"), "", "only a URL takes a token: leave it out");
    }
    match (&table.url, &table.file, table.stdout) {
        (Some(url), None, false) => http(config.profile, url, table, field, secrets, problems).await,
        (None, Some(file), false) => Some(Arc::new(FileAnchor::new(config.path(file)))),
        (None, None, true) => Some(Arc::new(StdoutAnchor::new())),
        _ => {
            problems.add(field, "", "name one of url, file and stdout = true");
            None
        }
    }
}

async fn http(
    profile: Profile,
    url: &str,
    table: &AnchorTable,
    field: &str,
    secrets: Option<&Secrets>,
    problems: &mut ConfigProblems,
) -> Option<Arc<dyn Anchor>> {
    let endpoint = endpoint(profile, url, &format!("{field}.url"), problems)?;
    let client = Client::builder().proxy_from_env().build().map_err(|error| problems.extend(error)).ok()?;
    // A person wrote this address into the configuration: it is most often inside the own network.
    let limits =
        TransportLimits::default().deadline(table.publishing.deadline).allow_special_use_addresses(true);
    let Some(token) = &table.token else {
        return Some(Arc::new(HttpAnchor::new(endpoint, Arc::new(client)).limits(limits)));
    };
    let token = bearer(token, &format!("{field}.token"), secrets, problems).await?;
    Some(Arc::new(HttpAnchor::new(endpoint, Arc::new(Bearing { client, token })).limits(limits)))
}

/// The token, asked for once: each reading is put on the trail, and would give it a new head to publish.
async fn bearer(
    token: &SecretRef,
    field: &str,
    secrets: Option<&Secrets>,
    problems: &mut ConfigProblems,
) -> Option<BearerSecret> {
    let secrets = trail::allowed(field, token, secrets, problems)?;
    let found = secrets.get_ref::<SecretString>(token).await.and_then(|token| token.into_bearer());
    found.map_err(|error| problems.add(field, text(token), trail::unread(&error))).ok()
}

fn endpoint(profile: Profile, url: &str, field: &str, problems: &mut ConfigProblems) -> Option<Uri> {
    // Not shown, whether or not it is a URL: what stands before the @ is often a password.
    if url.contains('@') {
        problems.add(field, "", "name the URL without user and password, and a secret as token");
        return None;
    }
    let cure = match url.parse::<Uri>() {
        Ok(uri) if uri.scheme_str() == Some("https") => return Some(uri),
        Ok(uri) if uri.scheme_str() == Some("http") && !profile.is_production() => return Some(uri),
        Ok(_) if profile.is_production() => "production takes an https URL only",
        _ => "write a URL such as https://heads.example.com/notes",
    };
    // A query is often a key.
    problems.add(field, url.split('?').next().unwrap_or_default(), cure);
    None
}

/// Sends a secret along as a bearer token, as it is at that moment: so it may be rotated.
#[derive(Debug, Clone)]
struct Bearing {
    client: Client,
    token: BearerSecret,
}

impl HttpTransport for Bearing {
    fn send(
        &self,
        mut request: Request<Bytes>,
        limits: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        let Self { client, token } = self.clone();
        Box::pin(async move {
            let refused = |error| TransportError::new(TransportErrorKind::Request).with_source(error);
            let credential = token.credential().wait().await.map_err(refused)?;
            request.headers_mut().insert(AUTHORIZATION, credential.authorization().clone());
            let answer = client.send(request, limits).await?;
            if answer.status() == StatusCode::UNAUTHORIZED {
                token.report_rejected(&credential);
            }
            Ok(answer)
        })
    }
}
