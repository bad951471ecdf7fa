//! State that instances share, at a real Redis.

mod denials;
mod logins;
mod replay;
mod server;
mod sessions;
