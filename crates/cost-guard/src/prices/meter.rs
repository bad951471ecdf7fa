//! What is counted and billed.

/// A unit that a provider counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Meter {
    /// A call, whatever it does.
    Call,
    /// A token of the prompt that was not read from a cache.
    InputToken,
    /// A token of the prompt that the provider had in its cache; priced as [`Meter::InputToken`] unless priced.
    CachedInputToken,
    /// A token of the answer.
    OutputToken,
    /// A token of the model's reasoning; priced as [`Meter::OutputToken`] unless priced.
    ReasoningToken,
    /// An image.
    Image,
    /// A second.
    Second,
    /// A byte.
    Byte,
}

impl Meter {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 8] = [
        Self::Call,
        Self::InputToken,
        Self::CachedInputToken,
        Self::OutputToken,
        Self::ReasoningToken,
        Self::Image,
        Self::Second,
        Self::Byte,
    ];

    /// The name in a price file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::InputToken => "input-token",
            Self::CachedInputToken => "cached-input-token",
            Self::OutputToken => "output-token",
            Self::ReasoningToken => "reasoning-token",
            Self::Image => "image",
            Self::Second => "second",
            Self::Byte => "byte",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|meter| meter.as_str() == name)
    }

    /// Whose price counts when this meter has none of its own.
    pub(super) const fn stand_in(self) -> Option<Self> {
        match self {
            Self::CachedInputToken => Some(Self::InputToken),
            Self::ReasoningToken => Some(Self::OutputToken),
            _ => None,
        }
    }
}

/// How much of each [`Meter`] was used, or is expected to be. Small, and copied freely.
///
/// ```
/// use gambeson_cost_guard::{Meter, Usage};
///
/// let usage = Usage::call().with(Meter::InputToken, 1_200).with(Meter::OutputToken, 300);
/// assert_eq!(usage.get(Meter::OutputToken), 300);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage([u64; Meter::ALL.len()]);

impl Usage {
    /// Nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self([0; Meter::ALL.len()])
    }

    /// One call.
    #[must_use]
    pub fn call() -> Self {
        Self::none().with(Meter::Call, 1)
    }

    /// The same with this many units of a meter.
    #[must_use]
    pub fn with(mut self, meter: Meter, units: u64) -> Self {
        if let Some(slot) = self.0.get_mut(meter as usize) {
            *slot = units;
        }
        self
    }

    /// The units of a meter.
    #[must_use]
    pub fn get(&self, meter: Meter) -> u64 {
        self.0.get(meter as usize).copied().unwrap_or(0)
    }

    /// The meters of which something was used.
    pub(super) fn lines(&self) -> impl Iterator<Item = (Meter, u64)> + '_ {
        Meter::ALL.into_iter().map(|meter| (meter, self.get(meter))).filter(|(_, units)| *units > 0)
    }
}
