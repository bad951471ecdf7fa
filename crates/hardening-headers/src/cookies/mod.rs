//! Cookies: typed values for apps, and the marks that every `Set-Cookie` needs on its way out.
//!
//! [`Cookie`] is one checked cookie, with all marks unless some are taken off. What an app or a library of its sends by itself goes
//! through [`HardeningLayer`](crate::HardeningLayer), which adds what is missing, as [`Cookies`] says:
//!
//! | mark | added | unless |
//! |---|---|---|
//! | `Secure` | over https | it is there |
//! | `HttpOnly` | always | it is there, or the cookie's name is in [`readable`](Cookies::readable) |
//! | `SameSite=Lax` | always | the app says `SameSite` itself, whatever it says, or the cookie's name is in [`without_same_site`](Cookies::without_same_site) |
//!
//! Nothing is taken off and no value is looked at. A line without a name or without `=` is a cookie to browsers, and gets the marks too. The
//! first addition of `HttpOnly` and of `SameSite=Lax` to each of up to 64 names is logged, and the first cookie that is too long for
//! browsers; an answer without `Set-Cookie` costs nothing.
//!
//! A log-in whose answer comes by a form of the identity provider (`response_mode=form_post`) needs its cookie there, and `Lax` keeps it
//! away. Best is that the library says `SameSite=None; Secure` itself, which is left as it is. Where it says nothing, name the cookie in
//! `without_same_site`: then each browser does by its own default, which for some is `Lax` after two minutes or at once.
//!
//! Standards: RFC 6265bis §4.1 (what servers send), §4.1.2.7 (`SameSite`), §4.1.3 (prefixes), §5.6 (how browsers read it); `__Http-` and
//! `__Host-Http-` are of draft-ietf-httpbis-layered-cookies; CHIPS (`Partitioned`); OWASP ASVS 5 3.3.1 to 3.3.5.

mod cookie;
mod error;
mod line;
mod marks;
mod prefix;
mod settings;
mod told;

pub use cookie::{Cookie, CookieBuilder, SameSite};
pub use error::CookieError;
pub(crate) use line::Line;
pub(crate) use marks::CookieMarks;
pub use settings::Cookies;

/// How long name and value together may be, in bytes; browsers drop what is longer (RFC 6265bis §5.6).
const LONGEST: usize = 4096;
