//! The provider's pages: no script, no picture, one style sheet within.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::{Host, Url};

use super::Person;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d2430;--soft:#5b6575;--paper:#f3f1ec;--card:#fff;--line:#d9d5cb;--thread:#8a5a2b}\
@media(prefers-color-scheme:dark){:root{--ink:#ece8df;--soft:#a5a091;--paper:#17191d;--card:#212429;--line:#3a3d43;\
--thread:#d9a066}}\
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;\
background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}\
main{width:100%;max-width:27rem;background:var(--card);border:1px solid var(--line);border-radius:1rem;padding:2rem;\
box-shadow:0 1px 3px #0002}\
h1{margin:0 0 .25rem;font-size:1.4rem}p{margin:.25rem 0 1.25rem;color:var(--soft)}\
p.note{margin:1.5rem 0 0;padding-top:1rem;border-top:1px dashed var(--thread);font-size:.875rem}\
form{display:grid;gap:.6rem}\
button{display:flex;justify-content:space-between;align-items:baseline;gap:1rem;width:100%;padding:.8rem 1rem;\
font:inherit;text-align:left;color:inherit;background:none;border:1px solid var(--line);border-radius:.6rem;cursor:pointer}\
button:hover,button:focus-visible{border-color:var(--thread);outline:2px solid var(--thread);outline-offset:-1px}\
small{color:var(--soft)}strong{font-weight:600}";

/// What every page says at its foot.
const NOTE: &str = "This is a development provider on your own machine. It asks for no password and must not be used \
                    for anything real.";

/// One page.
pub(super) struct Page {
    title: &'static str,
    lead: String,
    form: String,
}

impl Page {
    /// One button for each person; the form carries the request on.
    pub(super) fn sign_in(client: &str, query: &str, people: &[Person], hint: Option<&str>) -> Self {
        let mut form = format!("<form method=\"post\" action=\"/sign-in\">{}", hidden("request", query));
        for (at, person) in people.iter().enumerate() {
            let known = hint.is_some_and(|hint| people.iter().any(|person| person.name == hint));
            let first = if known { hint == Some(person.name.as_str()) } else { at == 0 };
            form.push_str(&button("user", &person.name, &person.full_name(), &person.standing(), first));
        }
        form.push_str("</form>");
        let lead = format!("Who signs in to <strong>{}</strong>?", escaped(client));
        Self { title: "Sign in", lead, form }
    }

    /// Asks before it signs somebody out who may not have meant it.
    pub(super) fn sign_out(query: &str) -> Self {
        let form = format!(
            "<form method=\"post\" action=\"/logout\">{}{}</form>",
            hidden("request", query),
            button("confirm", "yes", "Sign out", "", true)
        );
        Self { title: "Sign out", lead: "Sign out of the development provider?".to_owned(), form }
    }

    pub(super) fn signed_out() -> Self {
        let lead = "You are signed out of the development provider.".to_owned();
        Self { title: "Signed out", lead, form: String::new() }
    }

    /// Says what is wrong with a request that must not be answered by a redirect.
    pub(super) fn refusal(why: &str) -> Self {
        Self { title: "This request can't be answered", lead: escaped(why), form: String::new() }
    }

    pub(super) fn html(&self) -> String {
        let Self { title, lead, form } = self;
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             <title>{title} · development provider</title><style>{STYLE}</style></head>\
             <body><main><h1>{title}</h1><p>{lead}</p>{form}<p class=\"note\">{NOTE}</p></main></body></html>"
        )
    }
}

/// The pages' Content-Security-Policy. Browsers hold a redirect that answers a form to `form-action` too.
pub(super) fn policy(form_target: Option<&Url>) -> String {
    let style = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let target = form_target.map(source).unwrap_or_default();
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'{target}; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

/// The target's origin as a source expression; the language knows names and 127.0.0.1, and no other address.
fn source(target: &Url) -> String {
    let known = match target.host() {
        Some(Host::Domain(_)) => true,
        Some(Host::Ipv4(address)) => address.octets() == [127, 0, 0, 1],
        _ => false,
    };
    match known {
        true => format!(" {}", target.origin().ascii_serialization()),
        false => format!(" {}:", target.scheme()),
    }
}

fn hidden(name: &str, value: &str) -> String {
    format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escaped(value))
}

fn button(name: &str, value: &str, label: &str, detail: &str, first: bool) -> String {
    let focus = if first { " autofocus" } else { "" };
    format!(
        "<button name=\"{name}\" value=\"{}\"{focus}><strong>{}</strong><small>{}</small></button>",
        escaped(value),
        escaped(label),
        escaped(detail)
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_send_is_text() {
        let page = Page::sign_in("<b>", "state=\"><script>", &[Person::new("a'b")], None).html();
        assert!(page.contains("&lt;b&gt;") && page.contains("state=&quot;&gt;&lt;script&gt;"), "{page}");
        assert!(page.contains("a&#39;b") && !page.contains("<script"), "{page}");
    }

    #[test]
    fn the_form_may_lead_to_the_client_only() {
        let to = |uri: &str| policy(Some(&Url::parse(uri).unwrap()));
        assert!(to("http://localhost:3000/cb?x").contains("form-action 'self' http://localhost:3000;"));
        assert!(to("http://127.0.0.1:3000/cb").contains("form-action 'self' http://127.0.0.1:3000;"));
        assert!(to("http://[::1]:3000/cb").contains("form-action 'self' http:;"));
        assert!(policy(None).contains("form-action 'self';"));
    }
}
