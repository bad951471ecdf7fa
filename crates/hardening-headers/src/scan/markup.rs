//! The tags of a page that matter to a scan: `script`, `meta` and `base`.
//!
//! Not a browser's parser (HTML §13.2): it knows comments, quotes, and that nothing in a script, style or template counts.

/// A start tag: its name and attributes, names in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    /// The value of an attribute; empty for one without a value.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }
}

/// The start tags of a page, in order.
pub(super) fn tags(page: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        rest = rest.get(start + 1..).unwrap_or_default();
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        if !rest.starts_with(|first: char| first.is_ascii_alphabetic()) {
            continue;
        }
        let (tag, after) = tag(rest);
        rest = match tag.name.as_str() {
            name @ ("script" | "style" | "template" | "textarea" | "title") => behind(after, name),
            _ => after,
        };
        found.push(tag);
    }
    found
}

/// What follows the end tag of this name.
fn behind<'a>(text: &'a str, name: &str) -> &'a str {
    let lower = text.to_ascii_lowercase();
    lower.find(&format!("</{name}")).and_then(|end| text.get(end..)).unwrap_or_default()
}

/// A start tag without its `<`, and what follows it.
fn tag(text: &str) -> (Tag, &str) {
    let end = text.find(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/')).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    let mut attributes: Vec<(String, String)> = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return (Tag { name: name.to_ascii_lowercase(), attributes }, after);
        }
        if rest.is_empty() {
            return (Tag { name: name.to_ascii_lowercase(), attributes }, "");
        }
        let (attribute, value, after) = attribute(rest);
        // Of two attributes of one name the first counts.
        if !attributes.iter().any(|(known, _)| *known == attribute) {
            attributes.push((attribute, value));
        }
        rest = after;
    }
}

fn attribute(text: &str) -> (String, String, &str) {
    // A name may begin with '='; it is one all the same.
    let from = usize::from(text.starts_with('='));
    let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/' | '=');
    let end = text.get(from..).and_then(|rest| rest.find(ends)).map_or(text.len(), |end| end + from);
    let (name, rest) = text.split_at(end);
    let after = rest.trim_start();
    let (value, rest) = match after.strip_prefix('=') {
        None => ("", rest),
        Some(after) => value(after.trim_start()),
    };
    (name.to_ascii_lowercase(), unescaped(value), rest)
}

fn value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(text.len());
    text.split_at(end)
}

fn unescaped(value: &str) -> String {
    let named = [("&quot;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    named.into_iter().fold(value.to_owned(), |value, (name, plain)| value.replace(name, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scripts(page: &str) -> Vec<String> {
        let tags = tags(page).into_iter().filter(|tag| tag.name == "script");
        tags.map(|tag| tag.attribute("src").unwrap_or("-").to_owned()).collect()
    }

    #[test]
    fn start_tags_are_found_whatever_their_case_and_quotes() {
        assert_eq!(scripts("<SCRIPT SRC='/a'></SCRIPT><script async src=/b defer></script>"), ["/a", "/b"]);
        assert_eq!(scripts("<script\n src = \"/a>b\" src=/c></script>"), ["/a>b"]);
        assert_eq!(scripts("<script src></script><script>1 < 2</script>"), ["", "-"]);
        assert_eq!(scripts("<script src=\"/a?x=1&amp;y\"/>"), ["/a?x=1&y"]);
    }

    #[test]
    fn what_a_browser_does_not_run_is_left_out() {
        assert!(scripts("<!-- <script src=/a></script> -->").is_empty());
        assert_eq!(scripts("<script>'<script src=/a>'</script>"), ["-"]);
        assert!(scripts("<template><script src=/a></script></template>").is_empty());
        assert!(scripts("<p>1 < 2 </p></script>").is_empty());
    }

    #[test]
    fn what_never_ends_ends() {
        assert_eq!(scripts("<script src=\"/a"), ["/a"]);
        for page in ["<", "<a", "<a =", "<a b=", "<!--", "<script", "<a '", "<ä"] {
            let _ = tags(page);
        }
    }
}
