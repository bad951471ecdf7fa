//! `cargo xtask load`: minutes of `wrk`, of clients that behave and of clients that go away, against the notes app. Its
//! memory stays flat, it does not panic, and it counts what its clients saw.

mod aborting;
mod app;
mod clock;
mod counted;
mod http;
mod ledger;
mod log;
mod memory;
mod report;
mod steady;
mod wrk;

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::peer::WRK;
use crate::peers;
use crate::workspace::Workspace;
use app::App;
use clock::{now, rest};
use counted::Counted;
use http::Tokens;
use ledger::Ledger;
use memory::Samples;
use report::{Clients, Report};
use wrk::Running;

/// When nobody says how long.
const MINUTES: u64 = 10;
/// Nobody waits longer.
const MOST_MINUTES: u64 = 30;

/// How long the app may take to be done with what it has.
const IDLE_WITHIN: Duration = Duration::from_secs(30);

/// How much longer than asked for a `wrk` may take.
const LATE: Duration = Duration::from_secs(30);

/// The words after `load`: for how many minutes.
pub(crate) fn minutes(words: &[&str]) -> Result<u64> {
    let minutes = match words {
        [] => MINUTES,
        [word] => word.parse().with_context(|| format!("`{word}` is no number of minutes"))?,
        _ => bail!("load takes one number of minutes: cargo xtask load {MINUTES}"),
    };
    if !(1..=MOST_MINUTES).contains(&minutes) {
        bail!("load takes 1 to {MOST_MINUTES} minutes, not {minutes}");
    }
    Ok(minutes)
}

/// Loads the app; false when something does not hold.
pub(crate) fn run(workspace: &Workspace, minutes: u64) -> Result<bool> {
    let wrk = peers::program(workspace, WRK)?;
    let folder = workspace.target.join("load");
    fs::create_dir_all(&folder)?;
    let script = folder.join("wrk.lua");
    fs::write(&script, wrk::SCRIPT)?;
    let app = App::start(workspace, &folder)?;
    let (before, files) = (counted(&app)?, memory::open_files(app.process())?);
    let tokens = app.tokens()?;
    println!("loading http://{} for {minutes} minutes …", app.address);
    let seconds = minutes * 60;
    let floods = Running::all(&wrk, &script, app.address, seconds, &tokens)?;
    let (samples, clients) = loaded(&app, &tokens, floods, Duration::from_secs(seconds))?;
    let after = idle(&app)?.since(&before);
    let files = (files, memory::open_files(app.process())?);
    let answers = http::get(app.address, "/readyz").is_ok();
    let (data, data_bytes) = (app.data.clone(), memory::bytes_below(&app.data)?);
    let ended = app.stop()?;
    fs::remove_dir_all(&data)?;
    fs::write(folder.join("memory.txt"), samples.lines())?;
    let report = Report {
        minutes,
        memory: samples.judge(seconds as f64).context("too few samples of memory")?,
        requests: after.all(),
        cancelled: after.cancelled,
        active: after.active,
        files,
        answers,
        data_bytes,
        ended,
        clients,
        counted: after,
    };
    report.tell(&folder.join("report.json"))
}

/// Lets everybody loose until the last `wrk` has ended, and looks at the app's memory every second.
fn loaded(app: &App, tokens: &Tokens, floods: Vec<Running>, time: Duration) -> Result<(Samples, Clients)> {
    let (stop, address) = (AtomicBool::new(false), app.address);
    let stop = &stop;
    thread::scope(|scope| {
        let steady = scope.spawn(move || steady::run(address, tokens, stop));
        let aborting = scope.spawn(move || aborting::run(address, tokens, stop));
        let watched = watch(app, floods, time);
        stop.store(true, Ordering::Relaxed);
        let (steady, aborting) = (steady.join(), aborting.join());
        let (samples, floods) = watched?;
        let mut wrk = Ledger::default();
        let mut figures = Vec::new();
        for flood in floods {
            let (of_one, ledger) = flood.figures()?;
            figures.push(of_one);
            wrk.add(ledger);
        }
        let panicked = |_| anyhow::anyhow!("a client of this command panicked");
        let (steady, aborting) = (steady.map_err(panicked)?, aborting.map_err(panicked)?);
        Ok((samples, Clients { figures, wrk, steady, aborting }))
    })
}

fn watch(app: &App, mut floods: Vec<Running>, time: Duration) -> Result<(Samples, Vec<Running>)> {
    let begun = now();
    let mut samples = Samples::default();
    loop {
        samples.add(begun.elapsed().as_secs_f64(), memory::resident_kib(app.process())?);
        let mut running = 0;
        for flood in &mut floods {
            running += usize::from(!flood.has_ended()?);
        }
        if running == 0 {
            return Ok((samples, floods));
        }
        if begun.elapsed() > time + LATE {
            bail!("{running} wrk have not ended {} s after their time", LATE.as_secs());
        }
        rest(Duration::from_secs(1));
    }
}

fn counted(app: &App) -> Result<Counted> {
    Counted::parse(&http::get(app.address, "/metrics")?)
}

/// What the app counted, once nothing changes any more but by looking; or after its time is over.
fn idle(app: &App) -> Result<Counted> {
    let begun = now();
    let mut last = counted(app)?;
    loop {
        rest(Duration::from_secs(1));
        let next = counted(app)?;
        let is_idle = next.active <= 1 && next.all() == last.all();
        if is_idle || begun.elapsed() > IDLE_WITHIN {
            return Ok(next);
        }
        last = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_bounded() {
        assert_eq!(minutes(&[]).expect("a default"), 10);
        assert_eq!(minutes(&["2"]).expect("two"), 2);
        for words in [&["0"][..], &["31"], &["soon"], &["1", "2"]] {
            assert!(minutes(words).is_err(), "{words:?}");
        }
    }
}
