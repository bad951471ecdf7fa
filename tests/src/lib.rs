//! Real-parts tests of the workspace live in `it/`.
