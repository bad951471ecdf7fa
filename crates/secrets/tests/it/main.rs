//! The behaviour of gambeson-secrets, from outside.
