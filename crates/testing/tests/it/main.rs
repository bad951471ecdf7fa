//! Public behaviour of the test kit.

mod contract;
