//! What the beginning of a cookie's name promises.

/// The prefixes by which browsers hold a cookie to what its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    /// `__Host-Http-`
    HostHttp,
    /// `__Host-`
    Host,
    /// `__Http-`
    Http,
    /// `__Secure-`
    Secure,
}

impl Prefix {
    const ALL: [(Self, &'static str); 4] = [
        (Self::HostHttp, "__Host-Http-"),
        (Self::Host, "__Host-"),
        (Self::Http, "__Http-"),
        (Self::Secure, "__Secure-"),
    ];

    /// That of a name, as browsers see it: in any case of letters. Whether it is written as it should be stands beside it.
    pub(super) fn of(name: &str) -> Option<(Self, bool)> {
        Self::ALL.into_iter().find_map(|(prefix, text)| {
            let start = name.get(..text.len())?;
            start.eq_ignore_ascii_case(text).then_some((prefix, start == text))
        })
    }

    /// Set by this very host only, for all of it: `Path=/` and no `Domain`.
    pub(super) const fn is_of_one_host(self) -> bool {
        matches!(self, Self::Host | Self::HostHttp)
    }

    /// Set by an answer only, never by a script.
    pub(super) const fn is_of_http(self) -> bool {
        matches!(self, Self::Http | Self::HostHttp)
    }
}
