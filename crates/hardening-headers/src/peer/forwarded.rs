//! Lists in forwarding fields, read from the right, where the nearest proxy wrote.

use super::proxies::ForwardedHeader;

/// The longest quoted value that is looked at, in bytes.
pub(super) const LONGEST: usize = 300;

/// The members of one line, from right to left.
///
/// Read from the right, nothing that a client put at the left (such as an open quote) can hide what proxies appended.
pub(super) fn members_from_right(header: ForwardedHeader, line: &[u8]) -> MembersFromRight<'_> {
    MembersFromRight { rest: Some(line), quotes: header == ForwardedHeader::Forwarded }
}

#[derive(Debug)]
pub(super) struct MembersFromRight<'a> {
    rest: Option<&'a [u8]>,
    quotes: bool,
}

impl<'a> Iterator for MembersFromRight<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.rest?;
        match last_comma(line, self.quotes) {
            None => self.rest.take(),
            Some(comma) => {
                self.rest = line.get(..comma);
                line.get(comma + 1..)
            }
        }
    }
}

fn last_comma(line: &[u8], quotes: bool) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in line.iter().enumerate().rev() {
        match byte {
            b'"' if quotes && !(quoted && is_escaped(line, at)) => quoted = !quoted,
            b',' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Whether an odd number of backslashes stands before (RFC 9110 §5.6.4).
fn is_escaped(line: &[u8], at: usize) -> bool {
    let before = line.get(..at).unwrap_or_default();
    before.iter().rev().take_while(|b| **b == b'\\').count() % 2 == 1
}

/// The value of a parameter in one element of `Forwarded` (RFC 7239 §4), unquoted into `buffer`.
///
/// `None`: absent, there twice, malformed, or longer than the buffer.
pub(super) fn parameter<'b>(element: &[u8], name: &str, buffer: &'b mut [u8; LONGEST]) -> Option<&'b [u8]> {
    let mut found = None;
    let mut rest = element.trim_ascii();
    while !rest.is_empty() {
        let equals = rest.iter().position(|b| *b == b'=')?;
        let key = rest.get(..equals)?.trim_ascii();
        let (value, after) = value(rest.get(equals + 1..)?)?;
        if key.eq_ignore_ascii_case(name.as_bytes()) && found.replace(value).is_some() {
            return None;
        }
        rest = match after.trim_ascii_start() {
            [] => &[],
            [b';', rest @ ..] => rest.trim_ascii(),
            _ => return None,
        };
    }
    unquote(found?, buffer)
}

/// The token or quoted string at the start, and what follows it.
fn value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.first() != Some(&b'"') {
        let end = text.iter().position(|b| *b == b';').unwrap_or(text.len());
        let token = text.get(..end)?.trim_ascii_end();
        // Brackets and colons belong into quotes, yet some proxies write addresses without.
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:[]".contains(b);
        return token.iter().all(plain).then_some((token, text.get(end..)?));
    }
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some((text.get(..=at)?, text.get(at + 1..)?)),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn unquote<'b>(value: &[u8], buffer: &'b mut [u8; LONGEST]) -> Option<&'b [u8]> {
    let inner = match value {
        [b'"', inner @ .., b'"'] => inner,
        token => token,
    };
    let mut length = 0;
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        let byte = if *byte == b'\\' { bytes.next()? } else { byte };
        *buffer.get_mut(length)? = *byte;
        length += 1;
    }
    buffer.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(line: &str) -> Vec<String> {
        members_from_right(ForwardedHeader::Forwarded, line.as_bytes())
            .map(|m| String::from_utf8_lossy(m).trim().to_owned())
            .collect()
    }

    fn for_of(element: &str) -> Option<String> {
        let mut buffer = [0; LONGEST];
        parameter(element.as_bytes(), "for", &mut buffer).map(|v| String::from_utf8_lossy(v).into_owned())
    }

    #[test]
    fn commas_inside_quotes_divide_nothing() {
        assert_eq!(members(r#"for=a, for="b,c", for="d\",e""#), [r#"for="d\",e""#, r#"for="b,c""#, "for=a"]);
        assert_eq!(members(r#"for=", for=1.2.3.4"#), ["for=1.2.3.4", r#"for=""#]);
        assert_eq!(members(""), [""]);
    }

    #[test]
    fn parameters_of_an_element() {
        assert_eq!(for_of("for=192.0.2.1;proto=https").as_deref(), Some("192.0.2.1"));
        assert_eq!(for_of(r#"proto=http; FOR="[2001:db8::1]:80""#).as_deref(), Some("[2001:db8::1]:80"));
        assert_eq!(for_of(r#"for="a\"b""#).as_deref(), Some("a\"b"));
        for bad in ["for=a;for=b", "for", "for=a b", r#"for="a"#, r#"for="a"b"#, "proto=http", "", "for=a,b"]
        {
            assert_eq!(for_of(bad), None, "{bad}");
        }
        assert_eq!(for_of(&format!("for={}", "a".repeat(LONGEST + 1))), None);
    }
}
