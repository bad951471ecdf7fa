//! The `tracestate` field (W3C Trace Context §3.3), kept within its limits.

use std::sync::Arc;

use http::HeaderMap;

/// The most members that a list may have; one with more is dropped whole (§3.3.1.1).
const MOST_MEMBERS: usize = 32;
/// What is kept of a longer list: the members that fit, without those that are long by themselves (§3.3.1.5).
const MOST_CHARS: usize = 512;
const LONG_MEMBER: usize = 128;

/// All `tracestate` fields in their order as one list; `None` when there is none, or when it is not a valid one.
pub(crate) fn read(headers: &HeaderMap) -> Option<Arc<str>> {
    let mut members: Vec<&str> = Vec::new();
    for value in headers.get_all("tracestate") {
        for member in value.to_str().ok()?.split(',') {
            let member = member.trim_matches([' ', '\t']);
            if member.is_empty() {
                continue;
            }
            if members.len() == MOST_MEMBERS || !is_member(member) {
                return None;
            }
            members.push(member);
        }
    }
    shorten(&mut members);
    (!members.is_empty()).then(|| members.join(",").into())
}

fn length(members: &[&str]) -> usize {
    members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1)
}

fn shorten(members: &mut Vec<&str>) {
    if length(members) > MOST_CHARS {
        members.retain(|member| member.len() <= LONG_MEMBER);
    }
    while length(members) > MOST_CHARS {
        members.pop();
    }
}

fn is_member(member: &str) -> bool {
    member.split_once('=').is_some_and(|(key, value)| is_key(key) && is_value(value))
}

/// A simple key, or `tenant@system` (§3.3.1.3.1).
fn is_key(key: &str) -> bool {
    let of = |text: &str, most: usize, digit_first: bool| {
        let mut bytes = text.bytes();
        let first =
            bytes.next().is_some_and(|b| b.is_ascii_lowercase() || (digit_first && b.is_ascii_digit()));
        first
            && text.len() <= most
            && bytes.all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/'))
    };
    match key.split_once('@') {
        Some((tenant, system)) => of(tenant, 241, true) && of(system, 14, false),
        None => of(key, 256, false),
    }
}

/// Printable ASCII without `,` and `=`, not ending in a blank (§3.3.1.3.2).
fn is_value(value: &str) -> bool {
    let plain = |b: u8| matches!(b, b' '..=b'~') && b != b',' && b != b'=';
    !value.is_empty() && value.len() <= 256 && value.bytes().all(plain) && !value.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append("tracestate", field.parse().unwrap());
        }
        read(&headers).map(|state| state.to_string())
    }

    #[test]
    fn valid_lists_are_joined_in_order() {
        assert_eq!(of(&["a=1, b=2", "c@d=3"]).as_deref(), Some("a=1,b=2,c@d=3"));
        assert_eq!(of(&["a=1,,\tb=2 ,"]).as_deref(), Some("a=1,b=2"));
        assert_eq!(of(&["", "a=x y"]).as_deref(), Some("a=x y"));
        assert_eq!(of(&[""]), None);
    }

    #[test]
    fn one_bad_member_drops_the_list() {
        for bad in
            ["a", "a=", "=1", "A=1", "1a=1", "a@=1", "@a=1", "a@@b=1", "a@b@c=1", "a@1b=1", "a=b=c", "a b=1"]
        {
            assert_eq!(of(&["ok=1", bad]), None, "{bad}");
        }
        assert_eq!(of(&[&format!("{}=1", "a".repeat(257))]), None);
        assert_eq!(of(&[&format!("a={}", "v".repeat(257))]), None);
    }

    #[test]
    fn long_lists_are_bounded() {
        let members = |count: usize| (0..count).map(|n| format!("k{n}=1")).collect::<Vec<_>>().join(",");
        assert!(of(&[&members(32)]).is_some());
        assert_eq!(of(&[&members(33)]), None);
        let long = format!("big={},{}", "v".repeat(200), vec!["k=0123456789012345"; 20].join(","));
        let kept = of(&[&long]).unwrap();
        assert!(kept.len() <= 512 && kept.starts_with("k="), "{kept}");
    }
}
