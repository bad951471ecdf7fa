//! A notes app for a small team, hardened: the whole Gambeson stack on embedded defaults.
//!
//! `cargo run -p hardened-notes` starts it in development, with a dev identity provider beside it.

mod app;
mod audit;
mod banner;
mod budget;
mod caller;
mod data_dir;
mod dev;
mod emergency;
mod identity;
mod keys;
mod model;
mod notes;
mod page;
mod run;
mod settings;
mod store;
mod summary;
mod trail;

use std::process::ExitCode;

use settings::Settings;

#[tokio::main]
async fn main() -> ExitCode {
    if std::env::args().len() > 1 {
        banner::usage();
        return ExitCode::from(2);
    }
    let started = match Settings::from_lookup(|name| std::env::var(name).ok()) {
        Ok(settings) => run::until_told_to_end(&settings).await,
        Err(error) => Err(error.into()),
    };
    match started {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            banner::error(&*error);
            ExitCode::FAILURE
        }
    }
}
