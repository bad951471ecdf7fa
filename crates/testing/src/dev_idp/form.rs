//! The parameters of a request.

/// Parameters in the order they came; one without a value counts as left out (RFC 6749 §3.1).
#[derive(Debug, Clone, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn parse(text: &[u8]) -> Self {
        let pairs = url::form_urlencoded::parse(text).into_owned();
        Self(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// What the sign-in page sends.
    pub(super) fn pressed(request: &str, user: &str) -> Self {
        Self(
            [("request", request), ("user", user)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        )
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether a parameter comes more than once, which is not allowed (RFC 6749 §3.1, §3.2). `resource` may (RFC 8707 §2).
    pub(super) fn repeats(&self) -> bool {
        let repeated = |at: usize, name: &str| self.0.iter().skip(at + 1).any(|(other, _)| other == name);
        self.0.iter().enumerate().any(|(at, (name, _))| name != "resource" && repeated(at, name))
    }

    /// The parameters as a query.
    pub(super) fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}
