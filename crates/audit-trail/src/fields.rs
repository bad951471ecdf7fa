//! Which texts of an event are kept how.

use std::borrow::Cow;
use std::sync::Arc;

use aws_lc_rs::aead::NONCE_LEN;
use gambeson_core::Subject;

use crate::config::{Config, PersonalData};
use crate::error::{TrailError, TrailErrorKind};
use crate::keys::{FieldKeys, SEALED, Sealer, WITHHELD, plain};

/// How a trail keeps data about people, decided once when it is opened.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    way: Way,
    details: Arc<[String]>,
}

#[derive(Debug, Clone)]
enum Way {
    Plain,
    Hmac(FieldKeys),
    Sealed(FieldKeys),
}

impl Fields {
    /// What the configuration asks for, with the keys that there are.
    pub(crate) fn new(config: &Config, keys: Option<&FieldKeys>) -> Result<Self, TrailError> {
        let missing = |what: &str| {
            let detail = format!(
                "audit_trail.personal_data = {:?} needs {what}: give `TrailBuilder::keys`, or set \"plain\"",
                config.personal_data.as_str()
            );
            TrailError::new(TrailErrorKind::Keys, detail)
        };
        let way = match (config.personal_data, keys.cloned()) {
            (PersonalData::Plain, _) | (PersonalData::AsKeyed, None) => Way::Plain,
            (PersonalData::AsKeyed | PersonalData::Sealed, Some(keys)) if keys.can_seal() => {
                Way::Sealed(keys)
            }
            (PersonalData::AsKeyed | PersonalData::Hmac, Some(keys)) => Way::Hmac(keys),
            (PersonalData::Sealed, Some(_)) => return Err(missing("a store of subjects' keys")),
            (PersonalData::Hmac, None) => return Err(missing("a secret")),
            (PersonalData::Sealed, None) => return Err(missing("a secret and a store of subjects' keys")),
        };
        Ok(Self { way, details: config.personal_details.clone().into() })
    }

    /// What covers the texts of one event that are about this subject.
    pub(crate) fn veil<'a>(&'a self, subject: Option<&'a Subject>) -> Veil<'a> {
        Veil { fields: self, subject, sealer: None, nonces: Vec::new(), fault: None }
    }
}

/// Covers the texts of one event that are about one subject.
pub(crate) struct Veil<'a> {
    fields: &'a Fields,
    subject: Option<&'a Subject>,
    sealer: Option<Arc<Sealer>>,
    nonces: Vec<[u8; NONCE_LEN]>,
    fault: Option<TrailError>,
}

impl Veil<'_> {
    /// A text about a person, as it may stand in the file. What can't be covered is withheld.
    pub(crate) fn person<'t>(&mut self, field: &str, text: &'t str) -> Cow<'t, str> {
        match &self.fields.way {
            Way::Plain => plain(text),
            Way::Hmac(keys) => keys.hmac(field, text).into(),
            Way::Sealed(keys) => match self.seal(keys, field, text) {
                Ok(sealed) => sealed.into(),
                Err(error) => {
                    self.fault = Some(error);
                    WITHHELD.into()
                }
            },
        }
    }

    /// A detail: about a person if the configuration says so.
    pub(crate) fn detail<'t>(&mut self, name: &str, text: &'t str) -> Cow<'t, str> {
        if self.fields.details.iter().any(|personal| personal == name) {
            self.person(name, text)
        } else {
            plain(text)
        }
    }

    fn seal(&mut self, keys: &FieldKeys, field: &str, text: &str) -> Result<String, TrailError> {
        let sealer = match &self.sealer {
            Some(sealer) => sealer.clone(),
            None => keys.sealer(self.subject.map(|subject| (&*subject.issuer, &*subject.name)))?,
        };
        if self.nonces.is_empty() {
            self.nonces = keys.nonces()?.into();
        }
        let nonce = self.nonces.pop();
        let sealed = nonce.and_then(|nonce| sealer.seal(field, text, nonce));
        self.sealer = Some(sealer);
        let used_up =
            || TrailError::new(TrailErrorKind::Keys, "the key of a subject has sealed all that it may");
        sealed.map(|sealed| format!("{SEALED}{sealed}")).ok_or_else(used_up)
    }

    /// Why a text was withheld, if one was.
    pub(crate) fn fault(self) -> Option<TrailError> {
        self.fault
    }
}
