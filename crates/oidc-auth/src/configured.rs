//! What a configuration describes, built.

use crate::denylist::Denylist;
use crate::dpop::Dpop;
use crate::introspection::Introspection;
use crate::layer::AuthLayer;
use crate::login::Login;
use crate::verifier::Verifier;

/// What a [`Config`](crate::Config) describes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Configured {
    /// Verifies access tokens; `None` when no audience is named.
    pub verifier: Option<Verifier>,
    /// Signs browsers in; `None` when there is no log-in.
    pub login: Option<Login>,
    /// Asks about tokens that are no JWT; `None` without its table.
    pub introspection: Option<Introspection>,
    /// Checks proofs; `None` without its table.
    pub dpop: Option<Dpop>,
    /// Ends tokens before their time; `None` without its table.
    pub denylist: Option<Denylist>,
    /// Whether tokens that are bound to no sender are refused.
    pub require_sender_constraint: bool,
}

impl Configured {
    /// The layer for access tokens with all that is described; switched off when no audience is named.
    #[must_use]
    pub fn auth_layer(&self) -> AuthLayer {
        let layer = self.verifier.clone().map_or_else(AuthLayer::off, AuthLayer::new);
        let layer = self.introspection.clone().into_iter().fold(layer, AuthLayer::introspect);
        let layer = self.dpop.clone().into_iter().fold(layer, AuthLayer::dpop);
        match self.require_sender_constraint {
            true => layer.require_sender_constraint(),
            false => layer,
        }
    }
}
