//! The origin under which browsers know this app.

use gambeson_core::{ConfigProblems, Profile};
use http::Uri;

use crate::issuer::acceptable;

/// Scheme, host and port as browsers write them: lower case, without the port that goes without saying. Everything that a
/// log-in sends a browser to is built on this, never on what a request says of its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicOrigin {
    text: Box<str>,
    https: bool,
}

impl PublicOrigin {
    /// `None` with a problem noted, when the text is no origin that the profile allows.
    pub(super) fn parse(text: &str, profile: Profile, problems: &mut ConfigProblems) -> Option<Self> {
        let parsed = origin(text, profile);
        if let Err(cure) = &parsed {
            problems.add("login.public-origin", text, *cure);
        }
        parsed.ok()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn is_https(&self) -> bool {
        self.https
    }

    /// The whole address of a path of this origin.
    pub(super) fn url(&self, path: &str) -> String {
        [&*self.text, path].concat()
    }
}

fn origin(text: &str, profile: Profile) -> Result<PublicOrigin, &'static str> {
    const SHAPE: &str = "give scheme and host of this app, without a path, such as https://notes.example.com";
    // In production a loopback https origin is as wrong as for an issuer: no browser but this machine's would find it.
    let uri: Uri = acceptable(text, profile)?;
    let plain = uri.query().is_none() && matches!(uri.path(), "" | "/") && !text.ends_with('?');
    let (scheme, host) = uri.scheme_str().zip(uri.host()).filter(|_| plain).ok_or(SHAPE)?;
    let port = match (scheme, uri.port_u16()) {
        ("https", Some(443)) | ("http", Some(80)) | (_, None) => String::new(),
        (_, Some(port)) => format!(":{port}"),
    };
    let text = format!("{scheme}://{}{port}", host.to_ascii_lowercase());
    Ok(PublicOrigin { https: scheme == "https", text: text.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_and_plain_http_only_on_loopback_in_development() {
        let read = |text, profile| origin(text, profile).map(|origin| origin.text.to_string());
        let production = |text| read(text, Profile::Production);
        assert_eq!(production("https://Notes.Example.com:443/").unwrap(), "https://notes.example.com");
        assert_eq!(production("https://notes.example.com:8443").unwrap(), "https://notes.example.com:8443");
        for bad in [
            "http://notes.example.com",
            "http://127.0.0.1:3000",
            "https://notes.example.com/app",
            "https://notes.example.com?x",
            "https://notes.example.com/?",
            "https://a@notes.example.com",
            "notes.example.com",
            "",
        ] {
            assert!(production(bad).is_err(), "{bad}");
        }
        let development = |text| read(text, Profile::Development);
        assert_eq!(development("http://localhost:3000").unwrap(), "http://localhost:3000");
        assert!(development("http://192.168.0.1").is_err());
    }
}
