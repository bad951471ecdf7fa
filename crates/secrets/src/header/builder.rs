//! Building the layer.

use std::sync::Arc;

use gambeson_core::{ConfigError, ConfigProblems, Profile};
use http::{HeaderName, HeaderValue, header};

use super::layer::{SecretHeaderLayer, Shared};
use super::origin::Origin;
use super::{bearer, plain};
use crate::SecretString;
use crate::error::ReadError;
use crate::secret::Secret;

/// Collects what a [`SecretHeaderLayer`] is made of.
#[derive(Debug)]
#[must_use = "nothing happens before `build`"]
pub struct SecretHeaderBuilder {
    origin: String,
    field: Option<(HeaderName, Result<Secret<HeaderValue>, ReadError>)>,
    profile: Profile,
}

impl SecretHeaderBuilder {
    pub(super) fn new(origin: String) -> Self {
        Self { origin, field: None, profile: Profile::Production }
    }

    /// Sends `Authorization: Bearer <secret>`.
    pub fn bearer(self, secret: &Secret<SecretString>) -> Self {
        Self { field: Some((header::AUTHORIZATION, secret.derive(bearer))), ..self }
    }

    /// Sends the secret as it is in this field, for example `x-api-key`.
    pub fn header(self, name: HeaderName, secret: &Secret<SecretString>) -> Self {
        Self { field: Some((name, secret.derive(plain))), ..self }
    }

    /// The profile; production unless said.
    pub fn run_in(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// The layer.
    ///
    /// # Errors
    /// The origin is none or not allowed under the profile, no field was chosen, or the secret can't stand in one; all at once.
    pub fn build(self) -> Result<SecretHeaderLayer, ConfigError> {
        let mut problems = ConfigProblems::new();
        let origin = Origin::parse(&self.origin, self.profile)
            .map_err(|cure| problems.add("secrets.header.origin", "", cure))
            .ok();
        let field = match self.field {
            Some((name, Ok(value))) => Some((name, value)),
            Some((name, Err(error))) => {
                let cure = format!("give a secret that can stand in a header field ({error})");
                problems.add("secrets.header.field", name.as_str(), cure);
                None
            }
            None => {
                problems.add("secrets.header.field", "", "choose `bearer` or `header`");
                None
            }
        };
        match (origin, field) {
            (Some(origin), Some((name, value))) => {
                Ok(SecretHeaderLayer::with(Some(Arc::new(Shared::new(origin, name, value)))))
            }
            _ => Err(problems
                .check()
                .err()
                .unwrap_or_else(|| ConfigError::one("secrets.header", "", "give both"))),
        }
    }
}
