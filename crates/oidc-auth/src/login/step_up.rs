//! How strong and how fresh a log-in is asked for, where the one at hand is not enough (RFC 9470 §4).

/// The longest list of authentication contexts that is handed on, in bytes.
const LONGEST: usize = 256;

/// What the address of the log-in asks for. Anybody can write such an address: it makes a log-in stronger, never weaker, and
/// whether the answer is enough is decided by what the ID token says then.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct StepUp {
    /// `acr_values`: authentication contexts, separated by spaces.
    pub(super) contexts: Option<String>,
    /// `max_age`, in seconds.
    pub(super) max_age: Option<String>,
}

impl StepUp {
    /// Reads the query; what is malformed or there twice counts for nothing.
    pub(super) fn read(query: Option<&str>) -> Self {
        let one = |wanted: &str| {
            let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
            let mut found = pairs.filter(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
            let value = found.next()?;
            found.next().is_none().then_some(value)
        };
        let printable = |text: &String| {
            !text.is_empty() && text.len() <= LONGEST && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        };
        let seconds = |text: String| text.parse::<u32>().ok().map(|seconds| seconds.to_string());
        Self { contexts: one("acr_values").filter(printable), max_age: one("max_age").and_then(seconds) }
    }

    /// The parameters of the authorization request (OpenID Connect Core 1.0 §3.1.2.1).
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let contexts = self.contexts.as_deref().map(|contexts| ("acr_values", contexts));
        contexts.into_iter().chain(self.max_age.as_deref().map(|age| ("max_age", age)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_sound_is_handed_on() {
        let read = |query: &str| StepUp::read(Some(query));
        let sound = read("return_to=/a&acr_values=gold+silver&max_age=0300");
        assert_eq!(
            sound.parameters().collect::<Vec<_>>(),
            [("acr_values", "gold silver"), ("max_age", "300")]
        );
        for bad in
            ["", "max_age=-1", "max_age=1&max_age=2", "max_age=5000000000", "acr_values=", "acr_values=%00"]
        {
            assert_eq!(read(bad), StepUp::default(), "{bad}");
        }
        assert_eq!(read(&format!("acr_values={}", "a".repeat(257))), StepUp::default());
    }
}
