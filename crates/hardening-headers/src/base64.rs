//! Base64 with the standard alphabet (RFC 4648 §4).

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The four digits of three bytes.
pub(crate) fn four([a, b, c]: [u8; 3]) -> [u8; 4] {
    [a >> 2, a << 4 | b >> 4, b << 2 | c >> 6, c].map(digit)
}

/// The digit of the low six bits.
fn digit(six: u8) -> u8 {
    DIGITS.get(usize::from(six & 63)).copied().unwrap_or(b'A')
}

/// The bytes in base64, filled up with `=`.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut three = [0; 3];
        three.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        let digits = four(three);
        let meant = digits.iter().take(chunk.len() + 1).map(|digit| char::from(*digit));
        text.extend(meant.chain(std::iter::repeat('=')).take(4));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn the_vectors_of_the_standard() {
        for (plain, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(plain.as_bytes()), text);
        }
    }
}
