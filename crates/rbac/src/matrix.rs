//! Roles × routes, for people.

use std::fmt::Write;

use gambeson_core::{Access, Timestamp};

use crate::decision::Decision;
use crate::effective::Situation;
use crate::lineage::Effect;
use crate::policy::Policy;
use crate::table::{RouteEntry, access_text};

/// Which role may call which route: a row for each route, a column for each role and business role.
///
/// Where that depends on the record or the time it says `if`; the page in HTML says on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// The first twelve digits of the policy's digest.
    policy: Box<str>,
    /// Business roles stand after the others.
    roles: Vec<Box<str>>,
    plain_roles: usize,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    route: String,
    asks: String,
    allowed: Vec<Cell>,
}

/// What a role may on a route.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cell {
    Yes,
    /// At times, or for some records: which, in words.
    If(Vec<String>),
    No,
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
                asks: asks(policy, &entry.access),
                allowed: roles.iter().map(|role| Cell::of(policy, role, &entry.access)).collect(),
            })
            .collect();
        let digest = policy.digest();
        Self {
            policy: digest.get(..12).unwrap_or(digest).into(),
            plain_roles: policy.document().roles.len(),
            roles,
            rows,
        }
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
            row.allowed.iter().for_each(|allowed| cell(&mut out, allowed.word("–")));
        }
        out.push('\n');
        out
    }

    /// Comma-separated values (RFC 4180), with a line of headings.
    ///
    /// A text that a spreadsheet would take for a formula gets an apostrophe in front.
    #[must_use]
    pub fn csv(&self) -> String {
        let headings = ["route", "asks for"].into_iter().chain(self.roles.iter().map(|role| &**role));
        let mut out = csv_line(headings);
        for row in &self.rows {
            let cells = row.allowed.iter().map(|allowed| allowed.word("no"));
            out.push_str(&csv_line([row.route.as_str(), &row.asks].into_iter().chain(cells)));
        }
        out
    }

    /// A page in HTML, without script, style or image, so that it is good under any content security policy.
    #[must_use]
    pub fn html(&self) -> String {
        let mut out = String::from(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>Roles and routes</title></head>\
             <body><h1>Roles and routes</h1>",
        );
        let (routes, roles) = (self.rows.len(), self.roles.len());
        let _ = write!(
            out,
            "<p>{routes} routes, {roles} roles; policy <code>{}</code></p>",
            Escaped(&self.policy)
        );
        out.push_str("<table border=\"1\" cellpadding=\"6\" cellspacing=\"0\">");
        self.html_head(&mut out);
        out.push_str("<tbody>");
        for row in &self.rows {
            let _ = write!(
                out,
                "<tr><th scope=\"row\" align=\"left\" nowrap><code>{}</code></th>",
                Escaped(&row.route)
            );
            let _ = write!(out, "<td>{}</td>", Escaped(&row.asks));
            for allowed in &row.allowed {
                allowed.html(&mut out);
            }
            out.push_str("</tr>");
        }
        out.push_str("</tbody></table></body></html>");
        out
    }

    fn html_head(&self, out: &mut String) {
        let bundles = self.roles.len() - self.plain_roles.min(self.roles.len());
        out.push_str("<thead><tr><th scope=\"col\" rowspan=\"2\">Route</th><th scope=\"col\" rowspan=\"2\">Asks for</th>");
        for (columns, heading) in [(self.plain_roles, "Roles"), (bundles, "Business roles")] {
            if columns > 0 {
                let _ =
                    write!(out, "<th scope=\"colgroup\" align=\"left\" colspan=\"{columns}\">{heading}</th>");
            }
        }
        out.push_str("</tr><tr>");
        for role in &self.roles {
            let _ = write!(out, "<th scope=\"col\">{}</th>", Escaped(role));
        }
        out.push_str("</tr></thead>");
    }
}

/// So many rules are told in one cell.
const RULES: usize = 16;
/// Said where there are more.
const MORE: &str = "and more";

const YES: &str = "<td align=\"center\" bgcolor=\"#cdebcd\"><font color=\"#063806\">yes</font></td>";
const IF: &str = "<td align=\"center\" bgcolor=\"#f6e8b8\"><font color=\"#3d2c00\">if";
const NO: &str = "<td align=\"center\">–</td>";

fn csv_line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.map(csv_cell).collect();
    format!("{}\r\n", cells.join(","))
}

/// Quoted where it must be; never a formula.
fn csv_cell(text: &str) -> String {
    let formula =
        text.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
            || text.starts_with(['\t', '\r', '\n']);
    let apostrophe = if formula { "'" } else { "" };
    match text.contains([',', '"', '\n', '\r', ';', '\t']) || formula {
        true => format!("\"{apostrophe}{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

fn asks(policy: &Policy, access: &Access) -> String {
    match access {
        Access::Public(reason) => format!("public: {reason}"),
        other => {
            let name = access_text(other);
            let privileged = policy.permission(name).is_some_and(|id| policy.is_privileged(id));
            format!("{name}{}", if privileged { " (privileged)" } else { "" })
        }
    }
}

impl Cell {
    fn of(policy: &Policy, role: &str, access: &Access) -> Self {
        let id = match access {
            Access::Public(_) => return Self::Yes,
            Access::Permission(name) => policy.permission(name),
            _ => None,
        };
        let Some(id) = id else { return Self::No };
        match policy.outlook(&[role], id, None, None).decision {
            Decision::Allow => Self::Yes,
            Decision::Conditional => Self::If(limits(policy, role, access_text(access))),
            Decision::Deny | Decision::Indeterminate => Self::No,
        }
    }

    fn word(&self, no: &'static str) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::If(_) => "if",
            Self::No => no,
        }
    }

    /// What it depends on is told in words: no colour alone has a meaning.
    fn html(&self, out: &mut String) {
        match self {
            Self::Yes => out.push_str(YES),
            Self::No => out.push_str(NO),
            Self::If(limits) => {
                out.push_str(IF);
                limits.iter().for_each(|limit| _ = write!(out, "<br><small>{}</small>", Escaped(limit)));
                out.push_str("</font></td>");
            }
        }
    }
}

/// The limits of the grants and denials that the role has or inherits: `amount is at most 10000`, `denied when urgent is true`.
fn limits(policy: &Policy, role: &str, permission: &str) -> Vec<String> {
    let then = Situation::then(Timestamp::from_unix_seconds(0));
    let rules = policy.rules_about([role], permission, &then, RULES + 1);
    let more = (rules.len() > RULES).then(|| MORE.to_owned());
    let limited = rules.into_iter().take(RULES).filter(|rule| !rule.limits.is_empty());
    let told = limited.map(|rule| {
        let limits = rule.limits.trim_start();
        match rule.effect {
            Effect::Grants => limits.strip_prefix("when ").unwrap_or(limits).to_owned(),
            Effect::Denies => format!("denied {limits}"),
        }
    });
    told.chain(more).collect()
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
    fn csv_is_quoted_and_holds_no_formula() {
        let policy = r#"
            version = 1
            [permissions]
            "notes:read" = {}
            [roles]
            '=cmd|" /c calc"!A0' = { grants = ["notes:read"] }
            "a, b" = {}
            [routes]
            "GET /notes" = { perm = "notes:read" }
            "GET /livez" = { public = "@probe" }
        "#;
        let csv = Matrix::of_policy(&Policy::parse(policy).unwrap()).csv();
        let lines: Vec<&str> = csv.split("\r\n").collect();
        let expected = [
            r#"route,asks for,"'=cmd|"" /c calc""!A0","a, b""#,
            "GET /livez,public: @probe,yes,yes",
            "GET /notes,notes:read,yes,no",
            "",
        ];
        assert_eq!(lines, expected);
        for formula in ["=1", "+1", "-1", "@a", "\t=1", " =1", "\r1"] {
            assert!(csv_cell(formula).starts_with("\"'"), "{formula:?}");
        }
    }

    #[test]
    fn html_is_escaped_and_has_nothing_that_a_policy_could_block() {
        let page = Matrix::of_policy(&Policy::parse(POLICY).unwrap()).html();
        assert!(page.contains("&lt;b&gt;|&amp;") && !page.contains("<b>"), "{page}");
        assert!(!page.contains("<style") && !page.contains("<script") && !page.contains("style="));
    }

    #[test]
    fn a_cell_says_that_there_is_more_and_takes_no_word_from_a_limit() {
        let grants = |most: usize| -> String {
            (1..=most).map(|n| format!("{{ perm = 'pay', when = {{ 'when when' = {n} }} }}, ")).collect()
        };
        let page = |most| {
            let text = format!(
                "version = 1\n[permissions]\npay = {{ attributes = {{ 'when when' = 'number' }} }}\n[roles]\n\
                 clerk = {{ grants = [{}] }}\n[routes]\n'POST /pay' = {{ perm = 'pay' }}",
                grants(most)
            );
            Matrix::of_policy(&Policy::parse(&text).unwrap()).html()
        };
        let (all, some) = (page(16), page(17));
        assert!(all.contains("<small>when when is 16</small></font></td>"), "{all}");
        assert!(
            some.contains("<small>when when is 16</small><br><small>and more</small></font></td>"),
            "{some}"
        );
    }

    #[test]
    fn what_depends_on_record_or_time_is_an_if_and_the_page_says_on_what() {
        let policy = Policy::parse(
            r#"
            version = 1
            [permissions]
            pay = { attributes = { amount = "number", to = "text" } }
            [roles]
            clerk = { grants = [{ perm = "pay", when = { amount = { max = 9 }, to = "<me>" } }] }
            temp = { grants = [{ perm = "pay", from = 2027-01-01T00:00:00Z, until = 2027-02-01T00:00:00Z }] }
            boss = { grants = ["pay"], deny = [{ perm = "pay", when = { to = "me" } }] }
            "every time" = { grants = [{ perm = "pay", until = 2027-01-01T00:00:00Z }, { perm = "pay", from = 2027-01-01T00:00:00Z }] }
            none = { grants = [{ perm = "pay", when = { amount = 1 } }], deny = ["pay"] }
            [routes]
            "POST /pay" = { perm = "pay" }
            "#,
        )
        .unwrap();
        let matrix = Matrix::of_policy(&policy);
        assert!(
            matrix.markdown().contains("| `POST /pay` | pay | if | if | if | yes | – |"),
            "{}",
            matrix.markdown()
        );
        assert!(matrix.csv().contains("POST /pay,pay,if,if,if,yes,no\r\n"), "{}", matrix.csv());
        let html = matrix.html();
        for cell in [
            "if<br><small>amount is at most 9 and to is &lt;me&gt;</small></font></td>",
            "if<br><small>from 2027-01-01T00:00:00.000Z until 2027-02-01T00:00:00.000Z</small></font></td>",
            "if<br><small>denied when to is me</small></font></td>",
        ] {
            assert!(html.contains(cell), "{cell} in {html}");
        }
        assert_eq!(html.matches("<small>").count(), 3, "{html}");
    }
}
