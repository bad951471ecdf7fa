//! Who speaks.

use super::wire::Message;

/// The attributes of this service and this process of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resource(Vec<(Box<str>, Box<str>)>);

impl Resource {
    /// Sets an attribute; the last word on a key counts.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.0.retain(|(known, _)| &**known != key);
        self.0.push((key.into(), value.into()));
    }

    pub(super) fn write(&self, out: &mut Message, field: u64) {
        out.message(field, |resource| {
            for (key, value) in &self.0 {
                resource.text(1, key, value);
            }
        });
    }
}
