//! `X-Forwarded-Client-Cert`: what the nearest proxy says of the certificate that its own client has shown.

use std::borrow::Cow;

use gambeson_core::ClientCertificate;
use http::header::{HeaderMap, HeaderName};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::certificate;

pub(super) const X_FORWARDED_CLIENT_CERT: HeaderName = HeaderName::from_static("x-forwarded-client-cert");

/// The longest element that is read, in bytes: a certificate and its chain, percent-encoded.
const LONGEST: usize = 48 << 10;

/// How many names are read; an element with more is not.
const MOST_NAMES: usize = 64;

/// A certificate as a proxy has told it; the digest, where it told that too.
pub(super) type Told = (ClientCertificate, Option<[u8; 32]>);

/// The certificate of the nearest proxy's client: the one element of the one line, which that proxy has set. `None`: there
/// is none or more than one, or it is not written as Envoy writes it; or it holds no certificate but only `names`, and those
/// don't count.
///
/// Envoy does not quote the names of a certificate. A name with a comma in it reads as an element of its own, which in a longer
/// list could pass as the nearest proxy's; one with a semicolon as another name, unless the certificate itself is there.
pub(super) fn read(headers: &HeaderMap, names: bool) -> Option<Told> {
    let mut lines = headers.get_all(X_FORWARDED_CLIENT_CERT).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let element = Element::parse(line.as_bytes().trim_ascii())?;
    (names || element.certificate.is_some()).then(|| element.certificate())?
}

/// The fields of an element that say who it is.
#[derive(Debug, Default)]
struct Element<'a> {
    hash: Option<Cow<'a, str>>,
    certificate: Option<Cow<'a, str>>,
    others: [bool; 2],
    uris: Vec<Box<str>>,
    dns_names: Vec<Box<str>>,
}

impl<'a> Element<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let mut element = Self::default();
        let mut rest = std::str::from_utf8(text).ok()?;
        loop {
            let (key, after) = rest.split_once('=')?;
            let (value, after) = value(after)?;
            element.take(key, value)?;
            match after.strip_prefix(';') {
                Some(more) => rest = more,
                None => return after.is_empty().then_some(element),
            }
        }
    }

    /// Keys have no letter case. One that is not known, or stands twice where one is meant, spoils the element.
    fn take(&mut self, key: &str, value: Cow<'a, str>) -> Option<()> {
        let known = ["By", "Hash", "Cert", "Chain", "Subject", "URI", "DNS"];
        match *known.iter().find(|name| name.eq_ignore_ascii_case(key))? {
            "Hash" => once(&mut self.hash, value),
            "Cert" => once(&mut self.certificate, value),
            "Chain" => first(&mut self.others[0]),
            "Subject" => first(&mut self.others[1]),
            "URI" => name(&mut self.uris, &value),
            "DNS" => name(&mut self.dns_names, &value.to_ascii_lowercase()),
            // The names of the proxy's own certificate.
            _ => Some(()),
        }
    }

    /// By the certificate itself, if the proxy sends it; names and digest beside it say nothing more then.
    fn certificate(self) -> Option<Told> {
        let digest = self.hash.as_deref().map(digest);
        let told = match digest {
            Some(None) => return None,
            Some(digest) => digest,
            None => None,
        };
        let Some(encoded) = self.certificate else {
            let mut certificate = ClientCertificate::default();
            certificate.uris = self.uris.into();
            certificate.dns_names = self.dns_names.into();
            return Some((certificate, told));
        };
        let pem = percent_decoded(&encoded)?;
        let mut found = CertificateDer::pem_slice_iter(&pem);
        let (certificate, digest) = certificate::read(&found.next()?.ok()?).ok()?;
        let agrees = told.is_none_or(|told| told == digest) && found.next().is_none();
        agrees.then_some((certificate, Some(digest)))
    }
}

fn once<'a>(slot: &mut Option<Cow<'a, str>>, value: Cow<'a, str>) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

fn first(seen: &mut bool) -> Option<()> {
    (!std::mem::replace(seen, true)).then_some(())
}

/// A certificate without names of a kind is written with an empty one.
fn name(names: &mut Vec<Box<str>>, value: &str) -> Option<()> {
    if !value.is_empty() {
        names.push(value.into());
    }
    let plain = value.bytes().all(|byte| byte.is_ascii_graphic());
    (plain && names.len() <= MOST_NAMES).then_some(())
}

/// The value at the start, out of its quotes, and what follows it.
fn value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let Some(inner) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (token, after) = text.split_at_checked(end)?;
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',');
        return token.bytes().all(plain).then_some((Cow::Borrowed(token), after));
    };
    let mut plain = String::new();
    let mut characters = inner.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((Cow::Owned(plain), inner.get(at + 1..)?)),
            '\\' => plain.push(characters.next()?.1),
            character => plain.push(character),
        }
    }
    None
}

/// A SHA-256 in 64 hexadecimal digits.
fn digest(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = hexadecimal(pair)?;
    }
    Some(bytes)
}

fn hexadecimal(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    }
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hexadecimal(&[bytes.next()?, bytes.next()?])?,
            byte => byte,
        });
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn told(lines: &[&str]) -> Option<Told> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_CLIENT_CERT, HeaderValue::from_str(line).unwrap());
        }
        read(&headers, true)
    }

    fn uris(lines: &[&str]) -> Option<Vec<String>> {
        told(lines).map(|(certificate, _)| certificate.uris.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn elements_as_envoy_writes_them() {
        let hash = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";
        let line = format!(
            r#"By=spiffe://a/ns/x/sa/proxy;By=spiffe://a/b;Hash={hash};Subject="/C=US/CN=Test \"C\", x;y=z";URI=spiffe://a/shop;DNS=Shop.example;DNS=b.example"#
        );
        let (certificate, digest) = told(&[&line]).unwrap();
        assert_eq!(*certificate.uris, ["spiffe://a/shop".into()]);
        assert_eq!(*certificate.dns_names, ["shop.example".into(), "b.example".into()]);
        assert_eq!((digest.unwrap()[..2].to_vec(), certificate.not_after), (vec![0x46, 0x8e], None));
        assert_eq!(uris(&["uri=a://b"]).unwrap(), ["a://b"], "keys have no letter case");
        assert_eq!(uris(&["Hash=\"\";URI=a://b"]), None);
        assert_eq!(uris(&[r#"Subject="";URI=;DNS="#]), Some(vec![]));
        assert_eq!(told(&[]), None);
    }

    #[test]
    fn more_than_one_element_says_nothing() {
        for lines in [
            &["URI=x://admin,URI=x://shop"][..],
            &["URI=x://admin", "URI=x://shop"],
            &[r#"URI=x://admin;Subject=",URI=x://shop"#],
            &["URI=x://admin,"],
            &[",URI=x://admin"],
        ] {
            assert_eq!(uris(lines), None, "{lines:?}");
        }
        assert_eq!(
            uris(&[r#"URI=x://shop;Subject="a,URI=x://admin""#]).unwrap(),
            ["x://shop"],
            "quoted commas divide nothing"
        );
    }

    #[test]
    fn what_is_not_written_so_says_nothing() {
        let hash = "46".repeat(32);
        for bad in [
            "",
            "spiffe://a/shop",
            "URI",
            "=x://a",
            "URI=x://a;",
            "URI=x://a;;DNS=b",
            "Uri =x://a",
            "Url=x://a",
            "URI=x://a;Admin=true",
            "URI=x://a b",
            r#"URI="x://a"#,
            r#"URI="x://a"b"#,
            r#"URI="x://a b""#,
            "URI=x://a;Subject=a b",
            r#"By=a"b;URI=x://a"#,
            r#"URI="x://a\"#,
            "URI=x://\u{7f}",
            "Subject=a;Subject=b;URI=x://a",
            &format!("Hash={hash};Hash={hash};URI=x://a"),
            "Hash=46;URI=x://a",
            &format!("Hash={}zz;URI=x://a", &hash[2..]),
            "Cert=%2;URI=x://a",
            "Cert=;URI=x://a",
            "Cert=no-pem;URI=x://a",
            &format!("URI=x://a{}", ";DNS=a".repeat(MOST_NAMES + 1)),
            &format!("URI=x://{}", "a".repeat(LONGEST)),
        ] {
            let line = HeaderValue::from_bytes(bad.as_bytes());
            let headers = line.map(|line| HeaderMap::from_iter([(X_FORWARDED_CLIENT_CERT, line)]));
            assert_eq!(headers.ok().and_then(|headers| read(&headers, true)), None, "{bad:.80}");
        }
    }

    proptest! {
        #[test]
        fn nothing_counts_beside_what_a_client_wrote_before(left in "[ -~]{0,200}") {
            let line = format!(r#"{left},Subject="CN=\"a\", b";URI=spiffe://a/shop"#);
            prop_assert_eq!(uris(&[&line]), None);
        }

        #[test]
        fn nothing_panics(line in "[ -~]{0,200}") {
            let _ = told(&[&line]);
        }
    }
}
