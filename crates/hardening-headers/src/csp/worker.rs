//! The policy of scripts that may become workers.

use super::directive::Directive;
use super::policy::Csp;
use super::source::Source;

impl Csp {
    /// What goes onto a script's answer where this is the policy of documents.
    ///
    /// A page's policy does not hold for a worker that is loaded from a file: the policy that came with the script
    /// does (HTML §10.2.4, Service Workers §2.1). `default-src 'none'` there would let a service worker fetch nothing. So it
    /// may load and reach what documents may, and nothing else.
    pub(crate) fn for_scripts(&self) -> Self {
        let mut policy = match self.sources(Directive::DefaultSrc) {
            Some(_) => Self::api(),
            None => Self::api().without(Directive::DefaultSrc),
        };
        for directive in
            [Directive::ScriptSrc, Directive::ConnectSrc, Directive::WorkerSrc, Directive::FontSrc]
        {
            let Some(sources) = self.effective(directive).map(of_a_worker) else { continue };
            if !sources.is_empty() || policy.sources(Directive::DefaultSrc).is_none() {
                policy = policy.set(directive, sources);
            }
        }
        policy.sandbox.clone_from(&self.sandbox);
        policy
    }

    fn without(mut self, directive: Directive) -> Self {
        self.lists.retain(|(known, _)| *known != directive);
        self
    }
}

/// The sources as far as they mean something in a worker. It has no elements that carry a nonce or a hash: whoever trusts
/// those trusts the app's own files.
fn of_a_worker(sources: &[Source]) -> Vec<Source> {
    let marks = |source: &Source| source.is_nonce() || source.is_hash() || *source == Source::STRICT_DYNAMIC;
    let own = sources.iter().any(marks).then_some(Source::SELF);
    let inline = Source::dangerously_unsafe_inline();
    own.into_iter()
        .chain(sources.iter().filter(|source| !marks(source) && **source != inline).cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(policy: &str) -> String {
        Csp::parse(policy).unwrap().for_scripts().to_string()
    }

    #[test]
    fn workers_may_what_documents_may() {
        let locked = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";
        for policy in [Csp::web(), Csp::strict()] {
            let own = "script-src 'self'; connect-src 'self'; worker-src 'self'; font-src 'self'";
            assert_eq!(policy.for_scripts().to_string(), format!("{locked}; {own}"));
        }
        assert_eq!(Csp::api().for_scripts(), Csp::api());
        assert_eq!(Csp::downloads().for_scripts(), Csp::downloads());
        assert_eq!(
            of(
                "default-src 'none'; script-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'unsafe-inline' \
                'wasm-unsafe-eval' https://cdn.example; connect-src wss://app.example"
            ),
            format!(
                "{locked}; script-src 'self' 'wasm-unsafe-eval' https://cdn.example; connect-src wss://app.example; \
                 worker-src 'self' 'wasm-unsafe-eval' https://cdn.example"
            )
        );
    }

    #[test]
    fn what_documents_do_not_limit_stays_open() {
        let open = "base-uri 'none'; frame-ancestors 'none'; form-action 'none'";
        assert_eq!(of(""), open);
        assert_eq!(
            of("img-src 'self'; script-src 'none'"),
            format!("{open}; script-src 'none'; worker-src 'none'")
        );
    }
}
