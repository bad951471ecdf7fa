//! The paths that a log-in owns.

use gambeson_core::ConfigProblems;

use super::return_to;

/// Where the layer answers by itself, and where it sends people afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields, rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct LoginPaths {
    /// Begins a log-in: GET. Default `/login`.
    pub login: String,
    /// Where the provider sends the browser back to: the `redirect_uri` to register. Default `/login/callback`.
    pub callback: String,
    /// Ends the session: POST. Default `/logout`.
    pub logout: String,
    /// Where the provider tells of log-outs elsewhere, if [`Login::backchannel_logout`](crate::Login::backchannel_logout) is mounted there:
    /// the `backchannel_logout_uri` to register. Default `/logout/backchannel`.
    pub backchannel_logout: String,
    /// Where a log-in ends that did not say where to. Default `/`.
    pub after_login: String,
    /// Where a log-out ends: the `post_logout_redirect_uri` to register. Default `/`.
    pub after_logout: String,
}

impl Default for LoginPaths {
    fn default() -> Self {
        Self {
            login: "/login".into(),
            callback: "/login/callback".into(),
            logout: "/logout".into(),
            backchannel_logout: "/logout/backchannel".into(),
            after_login: "/".into(),
            after_logout: "/".into(),
        }
    }
}

impl LoginPaths {
    /// Another path that begins a log-in.
    #[must_use]
    pub fn login(self, path: impl Into<String>) -> Self {
        Self { login: path.into(), ..self }
    }

    /// Another path that the provider sends browsers back to.
    #[must_use]
    pub fn callback(self, path: impl Into<String>) -> Self {
        Self { callback: path.into(), ..self }
    }

    /// Another path that ends sessions.
    #[must_use]
    pub fn logout(self, path: impl Into<String>) -> Self {
        Self { logout: path.into(), ..self }
    }

    /// Another path where the provider tells of log-outs.
    #[must_use]
    pub fn backchannel_logout(self, path: impl Into<String>) -> Self {
        Self { backchannel_logout: path.into(), ..self }
    }

    /// Another path where log-ins end.
    #[must_use]
    pub fn after_login(self, path: impl Into<String>) -> Self {
        Self { after_login: path.into(), ..self }
    }

    /// Another path where log-outs end.
    #[must_use]
    pub fn after_logout(self, path: impl Into<String>) -> Self {
        Self { after_logout: path.into(), ..self }
    }

    pub(super) fn validate(&self, problems: &mut ConfigProblems) {
        let owned = [
            ("login", &self.login),
            ("callback", &self.callback),
            ("logout", &self.logout),
            ("backchannel-logout", &self.backchannel_logout),
        ];
        let after = [("after-login", &self.after_login), ("after-logout", &self.after_logout)];
        for (name, path) in owned.iter().chain(&after) {
            if return_to::parse(path).is_none() || path.contains('?') {
                problems.add(format!("login.paths.{name}"), *path, "give one path, such as /login");
            }
        }
        for (index, (name, path)) in owned.iter().enumerate() {
            let taken = owned.iter().take(index).any(|(_, other)| other == path);
            if taken || after.iter().any(|(_, other)| other == path) {
                problems.add(format!("login.paths.{name}"), *path, "give each its own path");
            }
        }
    }

    /// Where to go after a log-in: what was asked for, if it is one path of this origin and none of ours.
    pub(super) fn after<'p>(&'p self, asked: Option<&'p str>) -> &'p str {
        let ours = |path: &str| {
            let path = path.split_once('?').map_or(path, |(path, _)| path);
            [&self.login, &self.callback, &self.logout, &self.backchannel_logout]
                .iter()
                .any(|own| *own == path)
        };
        asked.and_then(return_to::parse).filter(|path| !ours(path)).unwrap_or(&self.after_login)
    }
}
