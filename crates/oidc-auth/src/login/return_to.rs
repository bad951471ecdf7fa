//! Where a browser goes after its log-in: one path of this origin, or nowhere else.

/// Longer ones are not worth a cookie.
const MAX: usize = 512;

/// The path and query if they are of this origin whatever parser reads them, else `None`.
///
/// Absolute and scheme-relative addresses, backslashes (which browsers read as slashes), control characters, fragments,
/// empty and dot segments (written plainly or in percent) are refused, not mended.
pub(super) fn parse(text: &str) -> Option<&str> {
    let plain =
        |byte: u8| matches!(byte, 0x21..=0x7e) && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'#' | b'`');
    if text.len() > MAX || !text.bytes().all(plain) {
        return None;
    }
    let path = text.split_once('?').map_or(text, |(path, _)| path);
    let mut segments = path.strip_prefix('/')?.split('/').peekable();
    while let Some(segment) = segments.next() {
        if (segment.is_empty() && segments.peek().is_some()) || is_tricky(segment) {
            return None;
        }
    }
    // What `http` can't read back can't be a request's target either.
    text.parse::<http::uri::PathAndQuery>().ok().filter(|read| read.as_str() == text).map(|_| text)
}

/// Dots alone, or a slash, backslash or control character in percent, which some server on the way may decode.
fn is_tricky(segment: &str) -> bool {
    let lower = segment.to_ascii_lowercase();
    let encoded = ["%2f", "%5c", "%00", "%0a", "%0d", "%09"].iter().any(|bad| lower.contains(bad));
    encoded || matches!(&*lower.replace("%2e", "."), "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_path_of_this_origin() {
        for good in
            ["/", "/notes", "/notes/", "/notes/42?page=2&q=a%20b", "/a?next=https://b.example//c", "/a.b/..c"]
        {
            assert_eq!(parse(good), Some(good));
        }
        let long = format!("/{}", "a".repeat(MAX));
        for bad in [
            "",
            "notes",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "https://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "/a\r\nset-cookie: x=y",
            "/a#b",
            "/../a",
            "/a/..",
            "/./a",
            "/%2e%2e/a",
            "/.%2E/a",
            "/a//b",
            "/%2f/evil.example",
            "/%5Cevil.example",
            "/a b",
            "/é",
            "/%0d%0aset-cookie:x",
            "/a%00",
            "?a",
            "/ ",
            "/\u{7f}",
            &long,
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
