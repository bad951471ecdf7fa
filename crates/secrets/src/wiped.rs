//! Bytes that are wiped when the last who holds them lets go.

use bytes::Bytes;
use gambeson_core::SecretBytes;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Core's word for the bytes of a secret, over a buffer that is wiped when its last clone is dropped.
pub(crate) fn wiped(buffer: Zeroizing<Vec<u8>>) -> SecretBytes {
    SecretBytes::new(Bytes::from_owner(buffer))
}

/// Whether both are the same, in a time that depends on their lengths only.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}
