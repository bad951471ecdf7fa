//! Where the trail's heads are published, as the file says.

use std::sync::Arc;

use bytes::Bytes;
use gambeson_audit_trail::{Anchor, FileAnchor, HttpAnchor, Publishing, StdoutAnchor};
use gambeson_client::Client;
use gambeson_core::{
    BoxFuture, ConfigProblems, HttpTransport, Profile, SecretRef, SecretResolver, TransportError,
    TransportErrorKind, TransportLimits,
};
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Response, Uri};

use super::{cause, text, trail};
use crate::Config;
use crate::config::AnchorTable;

/// An anchor, and how often it is told.
pub(super) struct Anchored {
    pub(super) anchor: Arc<dyn Anchor>,
    pub(super) publishing: Publishing,
}

type Secrets<'a> = Option<&'a Arc<dyn SecretResolver>>;

/// All anchors of the file.
pub(super) async fn all(
    config: &Config,
    secrets: Secrets<'_>,
    problems: &mut ConfigProblems,
) -> Vec<Anchored> {
    let mut all = Vec::new();
    for (index, table) in config.audit_trail.anchors.iter().enumerate() {
        let field = format!("anchors[{index}]");
        if let Err(error) = table.publishing.validate() {
            trail::noted(&error, &format!("{field}.publishing"), problems);
        }
        let anchor = one(config, table, &format!("audit-trail.{field}"), secrets, problems).await;
        let publishing = table.publishing.clone();
        all.extend(anchor.map(|anchor| Anchored { anchor, publishing }));
    }
    all
}

async fn one(
    config: &Config,
    table: &AnchorTable,
    field: &str,
    secrets: Secrets<'_>,
    problems: &mut ConfigProblems,
) -> Option<Arc<dyn Anchor>> {
    let to = table.to.as_str();
    if to.contains("://") {
        return http(config.profile, table, field, secrets, problems).await;
    }
    if table.token.is_some() {
        problems.add(format!("{field}.token"), "", "only a URL takes a token: leave it out");
    }
    match to {
        "" => {
            problems.add(format!("{field}.to"), "", "name a URL, a file, or - for the standard output");
            None
        }
        "-" => Some(Arc::new(StdoutAnchor::new())),
        path => Some(Arc::new(FileAnchor::new(config.path(path.as_ref())))),
    }
}

async fn http(
    profile: Profile,
    table: &AnchorTable,
    field: &str,
    secrets: Secrets<'_>,
    problems: &mut ConfigProblems,
) -> Option<Arc<dyn Anchor>> {
    let endpoint = endpoint(profile, &table.to, &format!("{field}.to"), problems)?;
    let client = Client::builder().proxy_from_env().build().map_err(|error| problems.extend(error)).ok()?;
    // A person wrote this address into the configuration: it is most often inside the own network.
    let limits =
        TransportLimits::default().deadline(table.publishing.deadline).allow_special_use_addresses(true);
    let Some(token) = &table.token else {
        return Some(Arc::new(HttpAnchor::new(endpoint, Arc::new(client)).limits(limits)));
    };
    let secrets = Arc::clone(secrets.or_else(|| {
        problems.add(format!("{field}.token"), text(token), "allow it in the table [secrets]");
        None
    })?);
    let bearing = Bearing { client, token: token.clone(), secrets };
    // Looked at now, so that a reference that leads nowhere is told at the start.
    bearing.field().await.map_err(|why| problems.add(format!("{field}.token"), text(token), why)).ok()?;
    Some(Arc::new(HttpAnchor::new(endpoint, Arc::new(bearing)).limits(limits)))
}

fn endpoint(profile: Profile, to: &str, field: &str, problems: &mut ConfigProblems) -> Option<Uri> {
    let cure = match to.parse::<Uri>() {
        // Not shown: what stands before the @ is often a password.
        Ok(uri) if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) => {
            problems.add(field, "", "name the URL without user and password, and a secret as token");
            return None;
        }
        Ok(uri) if uri.scheme_str() == Some("https") => return Some(uri),
        Ok(uri) if uri.scheme_str() == Some("http") && !profile.is_production() => return Some(uri),
        Ok(_) if profile.is_production() => "production takes an https URL only",
        _ => "write a URL such as https://heads.example.com/notes",
    };
    problems.add(field, to, cure);
    None
}

/// Sends a secret along as a bearer token, as it is at that moment: so it may be rotated.
#[derive(Debug, Clone)]
struct Bearing {
    client: Client,
    token: SecretRef,
    secrets: Arc<dyn SecretResolver>,
}

impl Bearing {
    /// The field with the token; nothing of it is in the error.
    async fn field(&self) -> Result<HeaderValue, String> {
        let token = self.secrets.resolve(&self.token).await.map_err(|error| cause(&error))?;
        let bytes = [b"Bearer ", token.expose().trim_ascii()].concat();
        let mut field = HeaderValue::from_bytes(&bytes)
            .map_err(|_| "its value can't stand in a header field: write the token alone".to_owned())?;
        field.set_sensitive(true);
        Ok(field)
    }
}

impl HttpTransport for Bearing {
    fn send(
        &self,
        mut request: Request<Bytes>,
        limits: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        let bearing = self.clone();
        Box::pin(async move {
            let refused = |why| TransportError::new(TransportErrorKind::Request).with_source(why);
            let field = bearing.field().await.map_err(refused)?;
            request.headers_mut().insert(AUTHORIZATION, field);
            bearing.client.send(request, limits).await
        })
    }
}
