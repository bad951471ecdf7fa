//! A `Set-Cookie` line, split as browsers split it.

/// The parts of a line (RFC 6265bis §5.6): without `=` all before the first `;` is the value of a cookie without a name.
pub(crate) struct Line<'l> {
    pub(crate) name: &'l [u8],
    pub(crate) value: &'l [u8],
    attributes: &'l [u8],
}

impl<'l> Line<'l> {
    pub(crate) fn of(line: &'l [u8]) -> Self {
        let (pair, attributes) = halves(line, b';').unwrap_or((line, b""));
        let (name, value) = halves(pair, b'=').unwrap_or((b"", pair));
        Self { name: name.trim_ascii(), value: value.trim_ascii(), attributes }
    }

    /// Each attribute in the line's order, with what it says; nothing where it has no `=`.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&'l [u8], &'l [u8])> + use<'l> {
        self.attributes.split(|byte| *byte == b';').map(|attribute| {
            let (name, value) = halves(attribute, b'=').unwrap_or((attribute, b""));
            (name.trim_ascii(), value.trim_ascii())
        })
    }
}

/// What stands before and behind the first such byte.
fn halves(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == at)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_browsers_do() {
        for (line, name, value, attributes) in [
            ("a=b", "a", "b", ""),
            (" a = b=c ; Secure", "a", "b=c", "Secure="),
            ("a", "", "a", ""),
            ("=a", "", "a", ""),
            ("a=", "a", "", ""),
            ("", "", "", ""),
            ("; Secure", "", "", "Secure="),
            ("a=b;Path=/x=y; SameSite = Lax ;", "a", "b", "Path=/x=y|SameSite=Lax"),
            ("a=b;;  ;HttpOnly=yes", "a", "b", "HttpOnly=yes"),
            ("a\t=\tb", "a", "b", ""),
        ] {
            let read = Line::of(line.as_bytes());
            assert_eq!((read.name, read.value), (name.as_bytes(), value.as_bytes()), "{line:?}");
            let shown = |(name, value): (&[u8], &[u8])| {
                format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
            };
            let all: Vec<String> = read.attributes().map(shown).filter(|shown| shown != "=").collect();
            assert_eq!(all.join("|"), attributes, "{line:?}");
        }
    }
}
