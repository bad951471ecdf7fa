//! The policy that browsers would enforce, and how much it leaves open.

use super::{Outcome, said};
use crate::scan::answer::Answer;
use crate::scan::markup;

const TEST: &str = "content-security-policy";

/// Sources that let in nearly everything.
const BROAD: [&str; 6] = ["*", "ftp:", "http:", "https:", "http://*", "https://*"];

/// What an answer's fields and its page say.
#[derive(Debug)]
pub(super) enum Policies {
    /// Nothing.
    None,
    /// Something that is no policy.
    Invalid,
    /// The directives with their sources; of several policies what all of them let in.
    Some {
        directives: Directives,
        /// Whether they name who may frame it.
        ancestors: bool,
        /// Whether one says twice where to report to.
        twice: bool,
    },
}

type Directives = Vec<(String, Vec<String>)>;

impl Policies {
    pub(super) fn of(answer: &Answer) -> Self {
        let field = answer.field(TEST);
        let mut pages = in_page(answer);
        if field.is_none() {
            pages.retain(|content| !is_out_of_place(content));
        }
        if field.is_none() && pages.is_empty() {
            return Self::None;
        }
        let parsed: Option<Vec<(Directives, bool)>> =
            field.iter().chain(&pages).map(|text| parse(text)).collect();
        let Some(parsed) = parsed else { return Self::Invalid };
        let twice = parsed.iter().any(|(_, twice)| *twice);
        match parsed.into_iter().map(|(policy, _)| policy).reduce(narrowed) {
            Some(directives) if !directives.is_empty() => {
                let ancestors = sources(&directives, "frame-ancestors").is_some();
                Self::Some { directives, ancestors, twice }
            }
            _ => Self::None,
        }
    }

    pub(super) fn names_ancestors(&self) -> bool {
        matches!(self, Self::Some { ancestors: true, .. })
    }
}

/// The policies that stand in a page.
fn in_page(answer: &Answer) -> Vec<String> {
    if !answer.is_graded_as_document() {
        return Vec::new();
    }
    let tags = markup::tags(&answer.text());
    let named = tags.iter().filter(|tag| tag.name == "meta");
    let named =
        named.filter(|tag| tag.attribute("http-equiv").is_some_and(|name| name.eq_ignore_ascii_case(TEST)));
    let contents = named.filter_map(|tag| tag.attribute("content").map(|content| content.trim().to_owned()));
    contents.filter(|content| !content.is_empty()).collect()
}

/// Whether a policy says nothing but what browsers don't heed in a page (CSP 3 §3.3).
fn is_out_of_place(content: &str) -> bool {
    let names = content.split(';').filter_map(|part| part.split_ascii_whitespace().next());
    let mut names = names.map(str::to_ascii_lowercase).peekable();
    names.peek().is_some()
        && names.all(|name| matches!(name.as_str(), "frame-ancestors" | "report-uri" | "sandbox"))
}

/// The directives of one text, and whether it says twice where to report to, of which the last counts; `None` when it is too
/// short for any or names another directive twice.
fn parse(text: &str) -> Option<(Directives, bool)> {
    const SHORTEST: usize = 6;
    if text.trim().len() < SHORTEST {
        return None;
    }
    let (mut directives, mut twice): (Directives, bool) = (Vec::new(), false);
    for part in text.to_ascii_lowercase().split(';') {
        let mut words = part.split_ascii_whitespace().map(str::to_owned);
        let Some(name) = words.next() else { continue };
        match directives.iter_mut().find(|(known, _)| *known == name) {
            None => directives.push((name, words.collect())),
            Some((_, known)) if matches!(name.as_str(), "report-to" | "report-uri") => {
                twice = true;
                *known = words.collect();
            }
            Some(_) => return None,
        }
    }
    Some((directives, twice))
}

fn sources<'a>(directives: &'a Directives, name: &str) -> Option<&'a [String]> {
    directives.iter().find_map(|(known, sources)| (known == name).then_some(sources.as_slice()))
}

/// What of the first policy the second lets in too; what only the second names lets in nothing.
fn narrowed(mut first: Directives, second: Directives) -> Directives {
    for (name, sources) in second {
        match first.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => known.retain(|source| sources.contains(source)),
            None => first.push((name, Vec::new())),
        }
    }
    first
}

/// How much the policy leaves open.
pub(super) fn outcome(policies: &Policies, answer: &Answer) -> Outcome {
    let (directives, twice) = match policies {
        Policies::Some { directives, twice, .. } => (directives.clone(), *twice),
        Policies::Invalid => return said(TEST, "csp-header-invalid", -25),
        Policies::None if answer.field("content-security-policy-report-only").is_some() => {
            return said(TEST, "csp-not-implemented-but-reporting-enabled", -25);
        }
        Policies::None => return said(TEST, "csp-not-implemented", -25),
    };
    match Openness::of(directives) {
        None => said(TEST, "csp-header-invalid", -25),
        Some(open) => open.outcome(twice),
    }
}

/// What a policy leaves open.
#[derive(Debug, Default)]
struct Openness {
    inline_scripts: bool,
    inline_styles: bool,
    eval: bool,
    insecure_active: bool,
    insecure_passive: bool,
    nothing_by_default: bool,
}

impl Openness {
    /// `None` when `'strict-dynamic'` has nothing to start from.
    fn of(mut directives: Directives) -> Option<Self> {
        let stands = |directives: &Directives, name: &str| {
            let own = directives.iter().position(|(known, _)| known == name);
            own.or_else(|| directives.iter().position(|(known, _)| known == "default-src"))
        };
        let scripts = stands(&directives, "script-src");
        if let Some((_, sources)) = scripts.and_then(|place| directives.get_mut(place)) {
            let dynamic = sources.iter().any(|source| source == "'strict-dynamic'");
            if dynamic && !picks(sources) {
                return None;
            }
            if dynamic {
                sources.retain(|source| !is_ignored(source));
            }
        }
        let at = |name| stands(&directives, name).and_then(|place| directives.get(place));
        let open = |list: Option<&(String, Vec<String>)>, more: &dyn Fn(&[String]) -> bool| {
            list.is_none_or(|(_, sources)| sources.iter().any(|source| is_broad(source)) || more(sources))
        };
        let scripts = at("script-src");
        let styles = at("style-src");
        let evaluates = |list: Option<&(String, Vec<String>)>| {
            list.is_some_and(|(_, sources)| sources.iter().any(|source| source == "'unsafe-eval'"))
        };
        let insecure = |passive: bool| {
            let lists = directives
                .iter()
                .filter(move |(name, _)| matches!(name.as_str(), "img-src" | "media-src") == passive);
            lists.flat_map(|(_, sources)| sources).any(|source| is_insecure(source))
        };
        Some(Self {
            inline_scripts: open(scripts, &inline) || open(at("object-src"), &|_| false),
            inline_styles: open(styles, &inline),
            eval: evaluates(scripts) || evaluates(styles),
            insecure_active: insecure(false),
            insecure_passive: insecure(true),
            nothing_by_default: sources(&directives, "default-src")
                .is_some_and(|sources| sources.iter().all(|source| source == "'none'")),
        })
    }

    fn outcome(&self, twice: bool) -> Outcome {
        let (result, modifier) = match self {
            Self { inline_scripts: true, .. } => ("csp-implemented-with-unsafe-inline", -20),
            Self { insecure_active: true, .. } => ("csp-implemented-with-insecure-scheme", -20),
            Self { eval: true, .. } => ("csp-implemented-with-unsafe-eval", -10),
            _ if twice => ("csp-implemented-but-duplicate-directives", 0),
            Self { insecure_passive: true, .. } => {
                ("csp-implemented-with-insecure-scheme-in-passive-content-only", -10)
            }
            Self { inline_styles: true, .. } => ("csp-implemented-with-unsafe-inline-in-style-src-only", 0),
            Self { nothing_by_default: true, .. } => ("csp-implemented-with-no-unsafe-default-src-none", 10),
            _ => ("csp-implemented-with-no-unsafe", 5),
        };
        said(TEST, result, modifier)
    }
}

/// Whether inline code runs that nothing picked, or `data:` addresses do.
fn inline(sources: &[String]) -> bool {
    let has = |wanted: &str| sources.iter().any(|source| source == wanted);
    has("data:") || (has("'unsafe-inline'") && !picks(sources))
}

/// Whether a nonce or hash picks what may run.
fn picks(sources: &[String]) -> bool {
    let starts = ["'nonce-", "'sha256-", "'sha384-", "'sha512-"];
    sources.iter().any(|source| starts.iter().any(|start| source.starts_with(start)))
}

/// What `'strict-dynamic'` makes browsers ignore.
fn is_ignored(source: &str) -> bool {
    is_broad(source) || is_insecure(source)
}

fn is_broad(source: &str) -> bool {
    BROAD.contains(&source)
}

fn is_insecure(source: &str) -> bool {
    source.starts_with("http:") || source.starts_with("ftp:")
}
