//! Cookies: typed values for apps, and the marks that every `Set-Cookie` needs on its way out.
//!
//! [`Cookie`] is one checked cookie, with all marks unless some are taken off. What an app or a library of its sends by itself goes
//! through [`HardeningLayer`](crate::HardeningLayer), which adds what is missing, as [`Cookies`] says:
//!
//! | mark | added | unless |
//! |---|---|---|
//! | `Secure` | over https | it is there |
//! | `HttpOnly` | always | it is there, or the cookie's name is in [`readable`](Cookies::readable) |
//! | `SameSite=Lax` | always | the app says `SameSite` itself, whatever it says |
//!
//! Nothing is taken off, no value is looked at, and a cookie that no browser would take (no name, no `=`, too long) goes out as it is.
//! The first of each kind is logged; an answer without `Set-Cookie` costs nothing.
//!
//! Standards: RFC 6265bis §4.1 (what servers send), §4.1.2.7 (`SameSite`), §4.1.3 (prefixes), §5.6 (how browsers read it); `__Http-` and
//! `__Host-Http-` are of draft-ietf-httpbis-layered-cookies; CHIPS (`Partitioned`); OWASP ASVS 5 3.3.1 to 3.3.5.

mod cookie;
mod error;
mod marks;
mod prefix;
mod settings;

pub use cookie::{Cookie, CookieBuilder, SameSite};
pub use error::CookieError;
pub(crate) use marks::CookieMarks;
pub use settings::Cookies;

/// How long name and value together may be, in bytes; browsers drop what is longer (RFC 6265bis §5.6).
const LONGEST: usize = 4096;
