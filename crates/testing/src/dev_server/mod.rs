//! What the servers for development share: loopback only, development only, no page of another origin.

mod answer;
mod failure;
mod origin;
mod serve;
mod start;

pub(crate) use answer::{Answer, json_answer, no_content, set, text};
pub(crate) use failure::{Failure, FailureKind};
pub(crate) use origin::{loopback_only, own_origin};
pub(crate) use serve::{Down, Running, run};
pub(crate) use start::listen;
