//! Policies that are ready to use.

use super::directive::Directive;
use super::policy::Csp;
use super::source::Source;

impl Csp {
    /// For pages whose scripts all carry the nonce: nothing else runs, DOM sinks need trusted types.
    ///
    /// `'strict-dynamic'` makes browsers ignore `'self'`: files of the same origin need the nonce too.
    #[must_use]
    pub fn strict() -> Self {
        Self::locked()
            .set(Directive::ScriptSrc, [Source::NONCE, Source::STRICT_DYNAMIC])
            .set(Directive::StyleSrc, [Source::SELF, Source::NONCE])
            .own_resources()
            .set(Directive::ObjectSrc, [])
            .require_trusted_types()
    }

    /// For pages of most apps: own files, and inline scripts and styles that carry the nonce.
    #[must_use]
    pub fn web() -> Self {
        Self::locked()
            .set(Directive::ScriptSrc, [Source::SELF, Source::NONCE])
            .set(Directive::StyleSrc, [Source::SELF, Source::NONCE])
            .own_resources()
            .set(Directive::ImgSrc, [Source::SELF, Source::DATA])
            .set(Directive::ObjectSrc, [])
    }

    /// For pages with htmx 4: as [`web`](Self::web), with a name of its own that follows htmx. Everything works but what htmx
    /// evaluates: `hx-on`, `js:` values and filters of triggers need `'unsafe-eval'`; the app's own script files do the same
    /// with `addEventListener`. The style of the indicator is a sheet that htmx adopts, which no policy blocks.
    ///
    /// Don't set htmx's `inlineScriptNonce`: it gives the page's nonce to every script that comes with an answer, so that an
    /// injected one runs too.
    #[must_use]
    pub fn htmx() -> Self {
        Self::web()
    }

    /// For pages that Leptos or another framework hydrates with WebAssembly: as [`web`](Self::web), and
    /// `'wasm-unsafe-eval'`, which compiles WebAssembly and evaluates no text. The inline script of the hydration carries the
    /// [`Nonce`](crate::Nonce). OWASP's Secure Headers test fails each policy with the word `unsafe` in it, this one too.
    #[must_use]
    pub fn leptos() -> Self {
        Self::web().add(Directive::ScriptSrc, [Source::WASM_UNSAFE_EVAL])
    }

    /// For files that somebody uploaded: as [`api`](Self::api), and `sandbox`. Should a browser show one after all, it has no
    /// origin, no scripts and no forms.
    #[must_use]
    pub fn downloads() -> Self {
        Self::api().sandbox([])
    }

    /// For answers that are no pages: nothing loads, nothing frames them.
    #[must_use]
    pub fn api() -> Self {
        Self::locked().set(Directive::FormAction, [])
    }

    fn locked() -> Self {
        Self::empty()
            .set(Directive::DefaultSrc, [])
            .set(Directive::BaseUri, [])
            .set(Directive::FrameAncestors, [])
    }

    fn own_resources(self) -> Self {
        let own = [
            Directive::ImgSrc,
            Directive::FontSrc,
            Directive::ConnectSrc,
            Directive::MediaSrc,
            Directive::ManifestSrc,
            Directive::WorkerSrc,
            Directive::FormAction,
        ];
        own.into_iter().fold(self, |policy, directive| policy.set(directive, [Source::SELF]))
    }
}
