//! How strong and how fresh a log-in is asked to be (RFC 9470).

use std::time::Duration;

use gambeson_core::{Principal, Timestamp};

/// The longest list of authentication contexts that an address may hold, in bytes.
const LONGEST: usize = 256;
/// How far the issuer's clock may differ, and what the way back from it may take.
const LEEWAY: Duration = Duration::from_secs(30);

/// What a log-in must be. As an address it is the query of the log-in; anybody can write such an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StepUp {
    /// One of these authentication contexts (`acr`), if they count. A list of none lets nobody pass.
    pub(crate) contexts: Option<Vec<Box<str>>>,
    /// No longer ago than this, if that counts; whole seconds.
    pub(crate) max_age: Option<Duration>,
}

impl StepUp {
    /// Reads a query; what is malformed or there twice counts for nothing.
    pub(crate) fn read(query: Option<&str>) -> Self {
        let one = |wanted: &str| {
            let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
            let mut found = pairs.filter(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
            let value = found.next()?;
            found.next().is_none().then_some(value)
        };
        let printable = |text: &String| {
            !text.is_empty() && text.len() <= LONGEST && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        };
        let contexts = |text: String| -> Vec<Box<str>> {
            text.split(' ').filter(|part| !part.is_empty()).map(Box::from).collect()
        };
        let seconds = |text: String| text.parse::<u32>().ok().map(|age| Duration::from_secs(age.into()));
        Self {
            contexts: one("acr_values").filter(printable).map(contexts).filter(|some| !some.is_empty()),
            max_age: one("max_age").and_then(seconds),
        }
    }

    /// The contexts, separated by spaces.
    pub(crate) fn contexts(&self) -> String {
        self.contexts.as_deref().unwrap_or_default().join(" ")
    }

    /// The parameters of the log-in's address, and of the authorization request (OpenID Connect Core 1.0 §3.1.2.1).
    pub(crate) fn parameters(&self) -> Vec<(&'static str, String)> {
        let contexts = self.contexts.as_ref().map(|_| ("acr_values", self.contexts()));
        let age = self.max_age.map(|age| ("max_age", age.as_secs().to_string()));
        contexts.into_iter().chain(age).collect()
    }

    /// Whether any log-in could meet it.
    pub(crate) fn can_be_met(&self) -> bool {
        self.contexts.as_ref().is_none_or(|contexts| !contexts.is_empty())
    }

    /// Whether the caller's log-in has one of the contexts, and was at `since` no older than it may be. A log-in of an unknown age
    /// may be any age, and one in the future is a clock's mistake: neither is a proof.
    pub(crate) fn met_by(&self, caller: &Principal, since: Timestamp, now: Timestamp) -> bool {
        let strong = self.contexts.as_ref().is_none_or(|contexts| {
            caller.acr().is_some_and(|acr| contexts.iter().any(|context| **context == *acr))
        });
        let recent = |max_age| {
            let at = caller.auth_time()?;
            Some(at <= now.plus(LEEWAY) && at.plus(max_age).plus(LEEWAY) >= since)
        };
        strong && self.max_age.is_none_or(|max_age| recent(max_age).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_sound_is_read() {
        let read = |query: &str| StepUp::read(Some(query));
        let sound = read("return_to=/a&acr_values=gold+silver&max_age=0300");
        let parameters = [("acr_values", "gold silver".to_owned()), ("max_age", "300".to_owned())];
        assert_eq!(sound.parameters(), parameters);
        for bad in [
            "",
            "acr_values=+",
            "max_age=-1",
            "max_age=1&max_age=2",
            "max_age=5000000000",
            "acr_values=",
            "acr_values=%00",
        ] {
            assert_eq!(read(bad), StepUp::default(), "{bad}");
        }
        assert_eq!(read(&format!("acr_values={}", "a".repeat(257))), StepUp::default());
    }

    #[test]
    fn a_log_in_is_strong_and_fresh_enough_or_not() {
        let at = Timestamp::from_unix_seconds;
        let met = |query: &str, acr: Option<&str>, age: Option<i64>| {
            let builder = Principal::user("i", "alice");
            let builder = acr.into_iter().fold(builder, |builder, acr| builder.acr(acr));
            let builder = age.into_iter().fold(builder, |builder, age| builder.auth_time(at(1_000 - age)));
            StepUp::read(Some(query)).met_by(&builder.build(), at(1_000), at(1_000))
        };
        assert!(met("", None, None));
        assert!(met("acr_values=a+b", Some("b"), None));
        assert!(!met("acr_values=a+b", Some("a b"), None) && !met("acr_values=a+b", None, None));
        assert!(met("max_age=60", None, Some(90)) && !met("max_age=60", None, Some(91)));
        assert!(met("max_age=0", None, Some(30)) && !met("max_age=0", None, Some(31)), "just now");
        assert!(met("max_age=60", None, Some(-30)) && !met("max_age=60", None, Some(-31)));
        // Asked for at 0, made at 30, back at 500: the provider did what it was asked for.
        let slow = Principal::user("i", "alice").auth_time(at(30)).build();
        assert!(StepUp::read(Some("max_age=0")).met_by(&slow, at(0), at(500)));
        assert!(!StepUp::read(Some("max_age=0")).met_by(&slow, at(500), at(500)));
        assert!(!met("max_age=60", None, None) && !met("acr_values=a&max_age=60", Some("b"), Some(0)));
    }
}
