//! Roles × routes, for people.

use std::fmt::Write;

use gambeson_core::Access;

use crate::policy::Policy;
use crate::table::{RouteEntry, access_text};

/// Which role may call which route: a row for each route, a column for each role and business role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    roles: Vec<Box<str>>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    route: String,
    asks: String,
    allowed: Vec<bool>,
}

impl Matrix {
    /// The matrix of these routes.
    #[must_use]
    pub fn new(policy: &Policy, routes: &[RouteEntry]) -> Self {
        let roles: Vec<Box<str>> = policy.roles().map(Box::from).collect();
        let rows = routes
            .iter()
            .map(|entry| Row {
                route: format!("{} {}", entry.method, entry.template),
                asks: asks(&entry.access),
                allowed: roles.iter().map(|role| allowed(policy, role, &entry.access)).collect(),
            })
            .collect();
        Self { roles, rows }
    }

    /// The matrix of the routes that the policy itself declares.
    #[must_use]
    pub fn of_policy(policy: &Policy) -> Self {
        Self::new(policy, &RouteEntry::all_of(policy.table()))
    }

    /// A table in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::from("| route | asks for |");
        self.roles.iter().for_each(|role| cell(&mut out, role));
        out.push_str("\n|---|---|");
        self.roles.iter().for_each(|_| out.push_str(":-:|"));
        for row in &self.rows {
            out.push_str("\n|");
            cell(&mut out, &format!("`{}`", row.route));
            cell(&mut out, &row.asks);
            row.allowed.iter().for_each(|allowed| cell(&mut out, if *allowed { "yes" } else { "–" }));
        }
        out.push('\n');
        out
    }

    /// A page in HTML, without script, style or image, so that it is good under any content security policy.
    #[must_use]
    pub fn html(&self) -> String {
        let mut out = String::from(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Roles and routes</title></head>\
             <body><h1>Roles and routes</h1><table><thead><tr><th scope=\"col\">Route</th>\
             <th scope=\"col\">Asks for</th>",
        );
        for role in &self.roles {
            let _ = write!(out, "<th scope=\"col\">{}</th>", Escaped(role));
        }
        out.push_str("</tr></thead><tbody>");
        for row in &self.rows {
            let _ = write!(out, "<tr><th scope=\"row\"><code>{}</code></th>", Escaped(&row.route));
            let _ = write!(out, "<td>{}</td>", Escaped(&row.asks));
            for allowed in &row.allowed {
                let _ = write!(out, "<td>{}</td>", if *allowed { "yes" } else { "no" });
            }
            out.push_str("</tr>");
        }
        out.push_str("</tbody></table></body></html>");
        out
    }
}

fn asks(access: &Access) -> String {
    match access {
        Access::Public(reason) => format!("public: {reason}"),
        other => access_text(other).to_owned(),
    }
}

fn allowed(policy: &Policy, role: &str, access: &Access) -> bool {
    match access {
        Access::Public(_) => true,
        Access::Permission(name) => policy.permission(name).is_some_and(|id| policy.roles_may([role], id)),
        _ => false,
    }
}

/// One cell of a Markdown row; a bar or a line break in it would end it.
fn cell(out: &mut String, text: &str) {
    let _ = write!(out, " {} |", text.replace('|', "\\|").replace(['\n', '\r'], " "));
}

struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
        version = 1
        [permissions]
        "notes:read" = {}
        [roles]
        viewer = { grants = ["notes:read"] }
        "<b>|&" = {}
        [routes]
        "GET /notes" = { perm = "notes:read" }
        "GET /livez" = { public = "probe" }
    "#;

    #[test]
    fn markdown_has_a_row_for_each_route() {
        let matrix = Matrix::of_policy(&Policy::parse(POLICY).unwrap()).markdown();
        assert!(matrix.contains("| `GET /livez` | public: probe | yes | yes |"), "{matrix}");
        assert!(matrix.contains("| `GET /notes` | notes:read | yes | – |"), "{matrix}");
        assert!(matrix.contains("<b>\\|&"), "{matrix}");
    }

    #[test]
    fn html_is_escaped_and_has_nothing_that_a_policy_could_block() {
        let page = Matrix::of_policy(&Policy::parse(POLICY).unwrap()).html();
        assert!(page.contains("&lt;b&gt;|&amp;") && !page.contains("<b>"), "{page}");
        assert!(!page.contains("<style") && !page.contains("<script") && !page.contains("style="));
    }
}
