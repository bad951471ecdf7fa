//! The routes of an app as lines of text.

use std::fmt::{self, Write};
use std::str::FromStr;

use gambeson_core::{Access, escape_controls};
use http::Method;

use crate::permission::is_permission_name;
use crate::scope::Scope;
use crate::table::RouteEntry;

const PUBLIC: &str = "public";
const MANAGEMENT: &str = "management";

/// Writes routes as a file of lines, which [`read_inventory`] and `gambeson rbac lint --routes` read.
///
/// ```
/// use gambeson_core::Access;
/// use gambeson_rbac::{RouteEntry, inventory_text, read_inventory};
///
/// let routes = [
///     RouteEntry::new(http::Method::GET, "/livez", Access::Public("probe".into())),
///     RouteEntry::new(http::Method::GET, "/notes/{id}", Access::Permission("notes:read".into())),
/// ];
/// let text = inventory_text(&routes);
/// assert!(text.ends_with("\nGET /livez public probe\nGET /notes/{id} notes:read\n"));
/// assert_eq!(read_inventory(&text)?, routes);
/// # Ok::<(), gambeson_rbac::InventoryError>(())
/// ```
#[must_use]
pub fn inventory_text(routes: &[RouteEntry]) -> String {
    let head = "# The routes of an app, for `gambeson rbac lint --routes`.\n".to_owned();
    routes.iter().fold(head, |text, route| text + &route.to_string() + "\n")
}

/// Reads the routes of a file of lines. Empty lines are left out, and those that begin with `#`.
///
/// # Errors
/// The first line that is no route, by its number.
pub fn read_inventory(text: &str) -> Result<Vec<RouteEntry>, InventoryError> {
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
    let routes = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    routes.map(|(line, route)| route.parse().map_err(|error| InventoryError { line, ..error })).collect()
}

/// A line that is no route.
#[derive(Clone, PartialEq, Eq)]
pub struct InventoryError {
    /// Which line, from 1.
    line: usize,
    what: String,
}

impl InventoryError {
    fn new(what: impl Into<String>) -> Self {
        Self { line: 1, what: what.into() }
    }

    /// Which line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }
}

/// `2: this is no route: …`, safe for a terminal.
impl fmt::Display for InventoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: this is no route: {}", self.line, escape_controls(&self.what))
    }
}

impl fmt::Debug for InventoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for InventoryError {}

/// `GET /{tenant}/notes notes:read tenant=path:tenant`, `GET /livez public probe`: method, template, what is asked for, and the
/// scope or the reason. A blank in any of the words is written as in paths, `%20`: it would end the word.
impl fmt::Display for RouteEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.method, Word(&self.template))?;
        match &self.access {
            Access::Public(reason) => {
                // A line has one line, and no blank at its end.
                let reason: Vec<&str> = reason.split_whitespace().collect();
                let blank = if reason.is_empty() { "" } else { " " };
                write!(f, "{PUBLIC}{blank}{}", escape_controls(&reason.join(" ")))?;
            }
            // What could be read as one of the words is told from it.
            Access::Permission(name) if is_word(name) => write!(f, "\"{name}\"")?,
            Access::Permission(name) => Word(name).fmt(f)?,
            _ => f.write_str(MANAGEMENT)?,
        }
        let names = [("tenant", self.scope.tenant()), ("subject", self.scope.subject())];
        names
            .iter()
            .try_for_each(|(of, name)| name.map_or(Ok(()), |name| write!(f, " {of}=path:{}", Word(name))))
    }
}

/// A text as one word of a line: its blanks and controls are percent-encoded (RFC 3986 §2.1).
struct Word<'t>(&'t str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter.is_whitespace() || letter.is_control() {
            false => f.write_char(letter),
            true => letter.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| write!(f, "%{byte:02X}")),
        })
    }
}

/// As `Display` writes it; any number of blanks between the words.
impl FromStr for RouteEntry {
    type Err = InventoryError;

    fn from_str(line: &str) -> Result<Self, InventoryError> {
        const CURE: &str = "write METHOD, template, and a permission or `public`, with a blank between them";
        let mut words = line.split_whitespace();
        let (Some(method), Some(template), Some(asks)) = (words.next(), words.next(), words.next()) else {
            return Err(InventoryError::new(CURE));
        };
        let method: Method =
            method.parse().map_err(|_| InventoryError::new(format!("`{method}` is no method; {CURE}")))?;
        if !template.starts_with('/') {
            let cure = "a template starts with a slash, such as /notes/{id}";
            return Err(InventoryError::new(format!("`{template}` is no template; {cure}")));
        }
        let access = match asks {
            PUBLIC => Access::Public(words.by_ref().collect::<Vec<_>>().join(" ").into()),
            MANAGEMENT => Access::Management,
            name => permission(name)?,
        };
        words.try_fold(Self::new(method, template, access), |route, word| {
            Ok(Self { scope: scope(route.scope, word)?, ..route })
        })
    }
}

fn permission(word: &str) -> Result<Access, InventoryError> {
    let quoted = word.strip_prefix('"').and_then(|word| word.strip_suffix('"'));
    let name = quoted.filter(|name| is_word(name)).unwrap_or(word);
    match is_permission_name(name) {
        true => Ok(Access::Permission(name.to_owned().into())),
        false => {
            let cure = "write one such as `notes:read`, or `public`";
            Err(InventoryError::new(format!("`{word}` is no permission; {cure}")))
        }
    }
}

fn is_word(name: &str) -> bool {
    matches!(name, PUBLIC | MANAGEMENT)
}

fn scope(scope: Scope, word: &str) -> Result<Scope, InventoryError> {
    let name = |of: &str| word.strip_prefix(of)?.strip_prefix("=path:").filter(|name| !name.is_empty());
    let owned = |name: &str| Some(name.to_owned().into());
    match (name("tenant"), name("subject")) {
        (Some(name), _) if scope.tenant.is_none() => Ok(Scope { tenant: owned(name), ..scope }),
        (_, Some(name)) if scope.subject.is_none() => Ok(Scope { subject: owned(name), ..scope }),
        _ => {
            let cure = "after a permission stand `tenant=path:…` and `subject=path:…`, once each";
            Err(InventoryError::new(format!("`{word}` is no scope; {cure}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(template: &str, access: Access) -> RouteEntry {
        RouteEntry::new(Method::GET, template, access)
    }

    fn ask(name: &'static str) -> Access {
        Access::Permission(name.into())
    }

    #[test]
    fn what_is_written_is_read_back() {
        let both = Scope { tenant: Some("org".into()), subject: Some("user".into()) };
        let routes = [
            RouteEntry::new(Method::DELETE, "/notes/{id}", ask("notes:delete")),
            RouteEntry::new("PROPFIND".parse().unwrap(), "/files/{*path}", ask("files:list")),
            get("/{org}/{user}", ask("notes:read")).within(both),
            get("/{user}", ask("notes:read")).within(Scope { tenant: None, subject: Some("user".into()) }),
            get("/", Access::Public("strangers see that it is there".into())),
            get("/empty", Access::Public("".into())),
            get("/metrics", Access::Management),
            get("/a", ask(PUBLIC)),
            get("/b", ask(MANAGEMENT)),
        ];
        let text = inventory_text(&routes);
        assert_eq!(text.lines().count(), 1 + routes.len(), "{text}");
        assert_eq!(read_inventory(&text).unwrap(), routes);
        assert_eq!(routes[2].to_string(), "GET /{org}/{user} notes:read tenant=path:org subject=path:user");
        let split = get("/a b/{c\td}\u{2028}", ask("x y"));
        let split = split.within(Scope { tenant: Some("c\td".into()), subject: None });
        assert_eq!(split.to_string(), "GET /a%20b/{c%09d}%E2%80%A8 x%20y tenant=path:c%09d");
        let plain = get("/ä/{id}", ask("notes:read"));
        assert_eq!(plain.to_string(), "GET /ä/{id} notes:read");
        let hard = get("/", Access::Public("two\nlines \u{1b}[2J ".into()));
        assert_eq!(hard.to_string(), r"GET / public two lines \u{1b}[2J");
    }

    #[test]
    fn what_is_no_route_is_told_by_its_line() {
        for (line, said) in [
            ("GET", "write METHOD, template, and a permission"),
            ("GET /a", "write METHOD, template, and a permission"),
            ("G(T /a b", "`G(T` is no method"),
            ("GET a b", "`a` is no template; a template starts with a slash"),
            ("GET /a B", "`B` is no permission; write one such as `notes:read`"),
            ("GET /a \"b\"", "`\"b\"` is no permission"),
            ("GET /a b c", "`c` is no scope; after a permission stand"),
            ("GET /a b tenant=path:", "`tenant=path:` is no scope"),
            ("GET /a b tenant=path:x tenant=path:y", "`tenant=path:y` is no scope"),
            ("GET /a management x", "`x` is no scope"),
        ] {
            let error = read_inventory(&format!("# head\n\n{line}\n")).unwrap_err();
            assert_eq!(error.line(), 3, "{line}");
            let text = error.to_string();
            assert!(text.starts_with("3: this is no route: ") && text.contains(said), "{line}: {text}");
        }
    }
}
