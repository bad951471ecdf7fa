//! What would allow one thing that was blocked, or why that is for a person to say.

use super::violation::Blocked;
use crate::csp::{Directive, Source};
use crate::origin::Origin;

/// What to do about one violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proposal {
    /// Allow it, if it is meant.
    Add(Directive, Source),
    /// A person has to look, because of this.
    Person(&'static str),
}

const INLINE: &str = "if it is the app's own, give it the page's nonce or its hash; 'unsafe-inline' would run what is injected too";

/// What to do about `blocked` under this directive. Nothing is proposed that runs code which nobody has named.
pub(super) fn propose(directive: &str, blocked: &Blocked) -> Proposal {
    use Proposal::Person;

    let Some(directive) = Directive::parse(directive) else {
        return Person("pass the string through a trusted-types policy, or build the elements without one");
    };
    if let Some(why) = never(directive) {
        return Person(why);
    }
    match blocked {
        Blocked::Inline => Person(match directive {
            Directive::ScriptSrcAttr => "move the handler into a script: addEventListener",
            Directive::StyleSrcAttr => "move the style into a sheet, or have a script set it",
            _ => INLINE,
        }),
        Blocked::Eval => Person("do without eval; 'unsafe-eval' would run any text that reaches it"),
        Blocked::WasmEval => {
            Person("if the app compiles WebAssembly itself, 'wasm-unsafe-eval' allows that and no more")
        }
        Blocked::TrustedTypes => Person("pass the string through a trusted-types policy"),
        Blocked::Scheme("data") if shows(directive) => Proposal::Add(directive, Source::DATA),
        Blocked::Scheme("blob") if shows(directive) && directive != Directive::FontSrc => {
            Proposal::Add(directive, Source::BLOB)
        }
        Blocked::Scheme("http" | "https" | "ws" | "wss") => {
            Person("the report does not name the host: look at the page")
        }
        Blocked::Scheme(_) => Person("a scheme without hosts can hold anything: serve it from the app"),
        Blocked::Origin { .. } if is_of_attributes(directive) => {
            Person("an attribute loads from nowhere: look at the page")
        }
        Blocked::Origin { own: true, .. } => Proposal::Add(directive, Source::SELF),
        Blocked::Origin { origin, .. } => of_origin(directive, origin),
    }
}

fn of_origin(directive: Directive, origin: &str) -> Proposal {
    let (scheme, host) = origin.split_once("://").unwrap_or_default();
    let parsed = Origin::parse(&format!("https://{host}"));
    let Some((parsed, source)) = parsed.zip(Source::origin(origin).ok()) else {
        return Proposal::Person("it has no host that a policy could name");
    };
    if !is_nameable(parsed.host().host()) {
        return Proposal::Person("policies name no addresses (CSP 3 §6.7.2.9): give that server a name");
    }
    if matches!(scheme, "http" | "ws") && runs(directive) && !parsed.is_loopback() {
        return Proposal::Person("whoever is on the way can change what comes over http: load it over https");
    }
    Proposal::Add(directive, source)
}

/// What no report can speak for.
fn never(directive: Directive) -> Option<&'static str> {
    match directive {
        Directive::DefaultSrc | Directive::ChildSrc => {
            Some("the report does not say what was loaded: look at the page, and name the directive for it")
        }
        Directive::BaseUri => Some("a base element turns all links around: find out who wrote it"),
        Directive::FrameAncestors => {
            Some("who may frame the app is yours to say, and the report does not name them")
        }
        Directive::ObjectSrc => Some("plug-ins run code: do without"),
        _ => None,
    }
}

/// Whether what it loads is only shown or played.
fn shows(directive: Directive) -> bool {
    matches!(directive, Directive::ImgSrc | Directive::FontSrc | Directive::MediaSrc)
}

/// Whether what it loads acts in the page.
fn runs(directive: Directive) -> bool {
    matches!(
        directive,
        Directive::ScriptSrc
            | Directive::ScriptSrcElem
            | Directive::WorkerSrc
            | Directive::StyleSrc
            | Directive::StyleSrcElem
    )
}

fn is_of_attributes(directive: Directive) -> bool {
    matches!(directive, Directive::ScriptSrcAttr | Directive::StyleSrcAttr)
}

/// Whether the host can stand in a policy and match: a name of letters, digits and hyphens, or 127.0.0.1.
fn is_nameable(host: &str) -> bool {
    let address =
        host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok_and(|_| host != "127.0.0.1");
    !address && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}
