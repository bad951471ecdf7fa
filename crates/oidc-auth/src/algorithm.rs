//! Signature algorithms, each with the one way in which it is verified.

use aws_lc_rs::signature::{self, RsaParameters, VerificationAlgorithm};

/// An asymmetric signature algorithm that a token may name (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2).
///
/// `none` and the HMAC family have no word here, so no key can be bound to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519; named `EdDSA` or, after RFC 9864, `Ed25519`.
    Ed25519,
}

impl Algorithm {
    /// The algorithm of this `alg` name, exact to the letter case; `None` for all that is not supported.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "ES512" => Self::Es512,
            "EdDSA" | "Ed25519" => Self::Ed25519,
            _ => return None,
        })
    }

    /// The name that tokens use.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Ed25519 => "EdDSA",
        }
    }

    /// The RSA parameters, which hold the bounds of the key size (2048 to 8192 bits); `None` for other families.
    pub(crate) fn rsa(self) -> Option<&'static RsaParameters> {
        Some(match self {
            Self::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
            _ => return None,
        })
    }

    /// Whether a signature of this algorithm can have so many bytes: two coordinates (RFC 7518 §3.4), 64 (RFC 8032 §5.1.6), or as
    /// many as the modulus of an RSA key that is taken.
    pub(crate) fn takes_signature(self, length: usize) -> bool {
        match self.curve() {
            Some((_, coordinate, _)) => length == 2 * coordinate,
            None => (256..=1_024).contains(&length),
        }
    }

    /// Curve name of RFC 7518 §6.2.1.1 or RFC 8037 §2, bytes of a coordinate, and the verification itself.
    pub(crate) fn curve(self) -> Option<(&'static str, usize, &'static dyn VerificationAlgorithm)> {
        Some(match self {
            Self::Es256 => ("P-256", 32, &signature::ECDSA_P256_SHA256_FIXED),
            Self::Es384 => ("P-384", 48, &signature::ECDSA_P384_SHA384_FIXED),
            Self::Es512 => ("P-521", 66, &signature::ECDSA_P521_SHA512_FIXED),
            Self::Ed25519 => ("Ed25519", 32, &signature::ED25519),
            _ => return None,
        })
    }
}
