//! What of headers and policies is weak.

use gambeson_core::Scheme;

use super::finding::Finding;
use super::injectable;
use super::rules::*;
use crate::csp::{Csp, Directive, Source};
use crate::headers::{HeaderSet, Hsts};

const CSP: &str = "hardening-headers.csp";

/// The weaknesses of the headers of documents and of everything else; `name` is the variant's.
pub(crate) fn headers(set: &HeaderSet, name: Option<&str>, own: Option<Scheme>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut note = |rule, field: &str, value: &str| {
        let field = match name {
            Some(name) => format!("named {name}: {field}"),
            None => field.to_owned(),
        };
        found.push(Finding::new(rule, field, value));
    };
    match set.strict_transport() {
        None if own != Some(Scheme::Http) => note(HH012, "hardening-headers.hsts-days", "none"),
        Some(hsts) => {
            if !hsts.is_a_year() {
                note(HH011, "hardening-headers.hsts-days", &promised(hsts));
            }
            if hsts.is_endless() {
                note(HH014, "hardening-headers.hsts-days", &promised(hsts));
            }
            if !hsts.has_subdomains() {
                note(HH013, "hardening-headers.hsts-subdomains", "without includeSubDomains");
            }
        }
        None => {}
    }
    if set.leaves_features_on() {
        note(HH040, "permissions-policy", "");
    }
    if set.opens_to_openers() {
        note(HH041, "cross-origin-opener-policy", "");
    }
    if set.embeds_not_itself() {
        note(HH043, "cross-origin-embedder-policy", "");
    }
    if set.is_embeddable() {
        note(HH042, "cross-origin-resource-policy", "");
    }
    found.extend(csp(set.policy(), name));
    found
}

/// The weaknesses of a policy of documents.
pub(crate) fn csp(policy: &Csp, name: Option<&str>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut note = |rule, directive: &str, value: &str| {
        let field = match name {
            Some(name) => format!("named {name}: {CSP}: {directive}"),
            None => format!("{CSP}: {directive}"),
        };
        found.push(Finding::new(rule, field, value));
    };
    scripts(policy, &mut note);
    if policy.effective(Directive::ObjectSrc).is_none_or(|sources| !sources.is_empty()) {
        note(HH025, "object-src", &text(policy.effective(Directive::ObjectSrc)));
    }
    if policy.sources(Directive::BaseUri).is_none() {
        note(HH026, "base-uri", "");
    }
    if policy.sources(Directive::FrameAncestors).is_none() {
        note(HH029, "frame-ancestors", "");
    }
    let rendered = policy.to_string();
    if !["report-to ", "report-uri "].iter().any(|directive| rendered.contains(directive)) {
        note(HH030, "report-to", "");
    }
    found
}

fn scripts(policy: &Csp, note: &mut impl FnMut(&'static super::rule::Rule, &str, &str)) {
    let Some(sources) = policy.effective(Directive::ScriptSrc) else {
        note(HH024, "script-src", "");
        return;
    };
    let directives = [Directive::ScriptSrc, Directive::ScriptSrcElem, Directive::ScriptSrcAttr];
    let mut lists: Vec<(&str, &[Source])> = vec![("script-src", sources)];
    for directive in directives.into_iter().skip(1) {
        lists.extend(policy.sources(directive).map(|sources| (directive.as_str(), sources)));
    }
    for (directive, sources) in lists {
        let picked = sources.iter().any(|source| source.is_nonce() || source.is_hash());
        let dynamic = sources.contains(&Source::STRICT_DYNAMIC);
        for source in sources {
            let source = source.as_str();
            match source {
                "'unsafe-inline'" if !picked => note(HH021, directive, source),
                "'unsafe-eval'" => note(HH022, directive, source),
                // Beside 'strict-dynamic' browsers ignore hosts and schemes.
                _ if dynamic => {}
                "https:" | "http:" | "data:" | "blob:" | "*" => note(HH023, directive, source),
                _ if source.starts_with("http://") => note(HH031, directive, source),
                _ if injectable::holds(source) => note(HH028, directive, source),
                _ => {}
            }
        }
        if dynamic && !picked {
            note(HH027, directive, Source::STRICT_DYNAMIC.as_str());
        }
    }
}

fn promised(hsts: Hsts) -> String {
    hsts.value().as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn text(sources: Option<&[Source]>) -> String {
    let sources = sources.unwrap_or_default();
    sources.iter().map(Source::as_str).collect::<Vec<_>>().join(" ")
}
