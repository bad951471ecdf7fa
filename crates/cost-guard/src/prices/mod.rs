//! What a unit costs, by model and by date.

mod error;
mod meter;
mod read;
mod table;

pub use error::{PriceError, PriceErrorKind};
pub use meter::{Meter, Usage};
pub use table::{PriceTable, Quote};
