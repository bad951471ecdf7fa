//! The report as text: a table, and what is weak below it.

use std::fmt;

use super::{PlaceReport, PlaceState, StackReport};

/// Writes a value as the text that it shows.
#[cfg(feature = "serde")]
pub(super) fn as_text<T: fmt::Display, S: serde::Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

impl fmt::Display for PlaceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On => f.pad("on"),
            Self::Off => f.pad("off"),
            Self::Observing { until } => f.pad(&format!("observing until {until}")),
        }
    }
}

impl fmt::Display for StackReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = |width: fn(&PlaceReport) -> usize| self.places.iter().map(width).max().unwrap_or(0);
        let layer = widest(|place| place.layer.len());
        let state = widest(|place| place.state.to_string().len());
        write!(f, "stack ({}), outermost first", self.profile)?;
        for place in &self.places {
            let line = format!(
                "  {}  {:layer$}  {:state$}  {}",
                place.place, place.layer, place.state, place.settings
            );
            write!(f, "\n{}", line.trim_end())?;
            if let Some(observed) = place.observed.filter(|count| *count > 0) {
                write!(f, " ({observed} let pass)")?;
            }
        }
        for (layer, weak) in self.weaknesses() {
            write!(f, "\n  weak: {layer}: {weak}")?;
        }
        Ok(())
    }
}
