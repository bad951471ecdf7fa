//! Who is calling: people in a browser by a session, programs by a token.

use std::sync::Arc;

use gambeson::audit_trail::AuditTrail;
use gambeson::oidc_auth::{AuthLayer, Denylist, Issuer, Login, LoginLayer, Verifier, VerifierBuilder};

use crate::keys::{CLIENT_SECRET, Keys};
use crate::run::Failure;
use crate::settings::Settings;

/// Both ways in.
#[derive(Debug)]
pub struct Identity {
    pub tokens: AuthLayer,
    pub sessions: LoginLayer,
    /// Where the forms of pages may lead, beside the app itself.
    pub form_targets: Vec<String>,
}

impl Identity {
    /// The ways that the settings open.
    pub fn new(
        settings: &Settings,
        issuer: &str,
        origin: &str,
        keys: &Keys,
        trail: &AuditTrail,
    ) -> Result<Self, Failure> {
        let denylist = Denylist::new();
        let tokens = AuthLayer::new(verifier(settings, issuer, trail).denylist(denylist.clone()).build()?);
        let Some(client_id) = &settings.client_id else {
            return Ok(Self { tokens, sessions: LoginLayer::off(), form_targets: Vec::new() });
        };
        let login = Login::builder(Issuer::discover(issuer), client_id.as_str())
            .client_secret_from(keys.reference(CLIENT_SECRET)?, Arc::new(keys.secrets.clone()))
            .public_origin(origin)
            .run_in(settings.profile)
            .audit(Arc::new(trail.clone()))
            .denylist(denylist) // signing out ends API tokens too
            .build()?;
        let form_targets = login.csp_sources().form_action;
        Ok(Self { sessions: LoginLayer::new(login).beside(&tokens), tokens, form_targets })
    }
}

fn verifier(settings: &Settings, issuer: &str, trail: &AuditTrail) -> VerifierBuilder {
    Verifier::builder(Issuer::discover(issuer))
        .audience(settings.audience.as_str())
        .run_in(settings.profile)
        .audit(Arc::new(trail.clone()))
}
