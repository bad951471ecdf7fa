//! One well-known piece of work, by which absolute times of two machines are compared.

use std::hint::black_box;

use sha2::{Digest, Sha256};

use crate::{Case, Kind};

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("calibration", "sha256_64_bytes", Kind::Part).gambeson(|| {
        let block = [7_u8; 64];
        Box::new(move || {
            black_box(Sha256::digest(black_box(block)));
        })
    })]
}
