//! What a client's certificate says of its owner.

use std::fmt;

use gambeson_core::{ClientCertificate, Timestamp};
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use webpki::EndEntityCert;

/// The longest certificate that is read, in bytes.
const LONGEST: usize = 16 << 10;

/// How many names of a kind are read; a certificate with more is not.
const MOST_NAMES: usize = 64;

/// The longest name, in bytes: a SPIFFE id may have so many.
const LONGEST_NAME: usize = 2_048;

/// Why a certificate can't be read. Says nothing of whether it is to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateError(&'static str);

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the client's certificate can't be read: {}", self.0)
    }
}

impl std::error::Error for CertificateError {}

/// The names and the end of a certificate in DER, and its SHA-256. Nothing is verified here.
pub(crate) fn read(der: &[u8]) -> Result<(ClientCertificate, [u8; 32]), CertificateError> {
    if der.len() > LONGEST {
        return Err(CertificateError("longer than 16 KiB"));
    }
    let given = CertificateDer::from(der);
    // By the parser that verifies chains: no name counts here that was not looked at there.
    let parsed = EndEntityCert::try_from(&given).map_err(|_| CertificateError("no X.509 version 3"))?;
    let mut certificate = ClientCertificate::default();
    certificate.uris = names(parsed.valid_uri_names(), str::to_owned)?;
    certificate.dns_names = names(parsed.valid_dns_names(), str::to_ascii_lowercase)?;
    let (_, not_after) = validity(der).ok_or(CertificateError("no end of validity"))?;
    certificate.not_after = Some(not_after);
    Ok((certificate, Sha256::digest(der).into()))
}

fn names<'a>(
    found: impl Iterator<Item = &'a str>,
    written: impl Fn(&str) -> String,
) -> Result<Box<[Box<str>]>, CertificateError> {
    let names: Vec<&str> = found.take(MOST_NAMES + 1).collect();
    if names.len() > MOST_NAMES || names.iter().any(|name| name.len() > LONGEST_NAME) {
        return Err(CertificateError("more or longer names than are read"));
    }
    Ok(names.into_iter().map(|name| written(name).into()).collect())
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// Values of DER, one after the other (X.690 §8.1 and §10.1).
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next value, if it has this tag and a length of at most two bytes.
    fn next(&mut self, wanted: u8) -> Option<&'a [u8]> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let bytes = match first {
            0..=0x7f => 0,
            0x81 => 1,
            0x82 => 2,
            _ => return None,
        };
        let long = rest.get(..bytes)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        let length = if bytes == 0 { usize::from(first) } else { long };
        let (value, after) = rest.get(bytes..)?.split_at_checked(length)?;
        self.0 = after;
        (tag == wanted).then_some(value)
    }

    /// A moment as RFC 5280 §4.1.2.5 has it written: to the second, in UTC.
    fn time(&mut self) -> Option<Timestamp> {
        let (digits, century) = match self.0.first()? {
            &UTC_TIME => (self.next(UTC_TIME)?, false),
            _ => (self.next(GENERALIZED_TIME)?, true),
        };
        let digits = digits.strip_suffix(b"Z")?;
        let (year, rest) = digits.split_at_checked(if century { 4 } else { 2 })?;
        let year = match (number(year)?, century) {
            (year, true) => year,
            (year @ 50.., false) => 1900 + year,
            (year, false) => 2000 + year,
        };
        let mut pairs = rest.chunks(2).map(number);
        let mut pair = || pairs.next().flatten();
        let (month, day, hour, minute, second) = (pair()?, pair()?, pair()?, pair()?, pair()?);
        let sound = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
        (sound && second < 60 && rest.len() == 10).then(|| {
            let of_day = hour * 3_600 + minute * 60 + second;
            Timestamp::from_unix_seconds(days(year, month, day) * 86_400 + of_day)
        })
    }
}

/// From when to when a certificate of version 3 is valid (RFC 5280 §4.1).
pub(crate) fn validity(der: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let mut signed = Der(Der(der).next(SEQUENCE)?);
    let mut certificate = Der(signed.next(SEQUENCE)?);
    // Version, serial number, algorithm and issuer stand before.
    for tag in [VERSION, INTEGER, SEQUENCE, SEQUENCE] {
        certificate.next(tag)?;
    }
    let mut validity = Der(certificate.next(SEQUENCE)?);
    let (begins, ends) = (validity.time()?, validity.time()?);
    validity.0.is_empty().then_some((begins, ends))
}

fn number(digits: &[u8]) -> Option<i64> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    plain.then(|| digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

/// Days from 1970 on, by the proleptic Gregorian calendar, with years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let of_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_as_certificates_write_them() {
        let time = |tag, text: &[u8]| {
            let length = u8::try_from(text.len()).ok()?;
            Der(&[&[tag, length], text].concat()).time().map(Timestamp::unix_seconds)
        };
        assert_eq!(time(UTC_TIME, b"700101000000Z"), Some(0));
        assert_eq!(time(UTC_TIME, b"491231235959Z"), Some(2_524_607_999));
        assert_eq!(time(UTC_TIME, b"500101000000Z"), Some(-631_152_000));
        assert_eq!(time(GENERALIZED_TIME, b"20261123081530Z"), Some(1_795_421_730));
        assert_eq!(time(GENERALIZED_TIME, b"20000229000000Z"), Some(951_782_400));
        for bad in [
            &b"700101000000"[..],
            b"7001010000Z",
            b"701301000000Z",
            b"700100000000Z",
            b"700101240000Z",
            b"7001010000000Z",
            b"70010100000aZ",
            b"700101000000+0000",
            b"",
        ] {
            assert_eq!(time(UTC_TIME, bad), None, "{}", String::from_utf8_lossy(bad));
        }
        assert_eq!(time(INTEGER, b"700101000000Z"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
            let _ = validity(&bytes);
        }
    }
}
