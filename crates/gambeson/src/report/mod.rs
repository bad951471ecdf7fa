//! What a stack says about itself.

mod place;
mod shown;

use gambeson_core::{Mode, Profile, Timestamp};

use crate::Stack;

/// What each place of a [`Stack`] was configured to, and what is weak: see [`Stack::report`].
///
/// `Display` is a table for the terminal at start-up; with the feature `serde` it is written as data for an inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct StackReport {
    /// The profile that the stack was built for.
    #[cfg_attr(feature = "serde", serde(serialize_with = "shown::as_text"))]
    pub profile: Profile,
    /// The places, from the outermost to the innermost.
    pub places: Vec<PlaceReport>,
}

/// What one place of a [`Stack`] says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct PlaceReport {
    /// The number of the place, as in the [table of the order](crate#the-order); two layers may share one.
    pub place: u8,
    /// The layer's type, such as `AuthorizeLayer`.
    pub layer: &'static str,
    /// On, off, or observing.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub state: PlaceState,
    /// What it was told to do, in a few words, without secrets; empty for a layer that is off.
    pub settings: String,
    /// How many requests it let pass that enforcing would have refused; `None` for a layer that does not count them.
    pub observed: Option<u64>,
    /// What is weaker than it could be, each in a few words with its cure.
    pub weaknesses: Vec<String>,
    /// What is worth knowing and right for many apps, such as how long strict transport is promised; not in the table.
    pub notes: Vec<String>,
}

/// Whether a layer does its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "state", rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum PlaceState {
    /// It does, and refuses what it must.
    On,
    /// It is in its place and does nothing.
    Off,
    /// It lets pass, and counts and logs what it would have refused.
    Observing {
        /// The first moment at which it refuses.
        #[cfg_attr(feature = "serde", serde(serialize_with = "shown::as_text"))]
        until: Timestamp,
    },
}

impl PlaceState {
    fn of(off: bool, mode: Mode, now: Timestamp) -> Self {
        match mode {
            _ if off => Self::Off,
            Mode::Observe { until } if !mode.enforces(now) => Self::Observing { until },
            _ => Self::On,
        }
    }
}

impl StackReport {
    /// The report on the layer of this type, such as `AuthorizeLayer`.
    #[must_use]
    pub fn layer(&self, name: &str) -> Option<&PlaceReport> {
        self.places.iter().find(|place| place.layer == name)
    }

    /// What is weak, with the layer that it concerns.
    pub fn weaknesses(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.places.iter().flat_map(|place| place.weaknesses.iter().map(|weak| (place.layer, weak.as_str())))
    }
}

impl Stack {
    /// What stands at each place and what is weak about it, and how much was let pass while observing until now.
    ///
    /// Nothing prints it by itself: an app shows it at its start, or answers with it on its management listener.
    ///
    /// ```
    /// use gambeson::hardening_headers::{LimitsLayer, PeerLayer, TrustedProxies};
    /// use gambeson::{Profile, Stack};
    ///
    /// let stack = Stack::builder(PeerLayer::new(TrustedProxies::none()))
    ///     .limits(LimitsLayer::default())
    ///     .build(Profile::Development)?;
    /// let report = stack.report();
    /// assert!(report.to_string().contains("LimitsLayer       on   body 1 MiB"));
    /// assert!(report.weaknesses().any(|(layer, _)| layer == "AuthLayer"), "nobody is asked who they are");
    /// # Ok::<(), gambeson::core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn report(&self) -> StackReport {
        StackReport { profile: self.profile, places: place::all(self) }
    }
}
