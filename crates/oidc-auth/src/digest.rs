//! A digest as an array.

use aws_lc_rs::digest::Digest;

/// As many of its first bytes as are wanted; zeros where it has no more.
pub(crate) fn first<const N: usize>(digest: &Digest) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    bytes
}
