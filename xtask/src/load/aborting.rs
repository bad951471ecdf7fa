//! Clients that go away: before the request is whole, before the answer comes, in the middle of it; politely or not.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::clock::{Pace, rest};
use super::http::{self, Answer, Ask, PATIENCE, Tokens};
use super::ledger::Ledger;
use super::steady::socket_from;

const THREADS: u8 = 4;

/// Each thread begins at most 25 requests a second.
const STEP: Duration = Duration::from_millis(40);

/// Their addresses are 127.0.0.`FIRST` and the next ones.
const FIRST: u8 = 120;
const ADDRESSES: u64 = 96;

/// So few bytes does the system take for a client in the middle of an answer: a longer answer stays with the app.
const WINDOW: usize = 2_048;

/// What is asked, how often in a hundred, and for which reasons it may be refused. Four fifths of alice's requests arrive: 46 a
/// second, which her quota allows.
struct Habit {
    ask: Ask,
    weight: u64,
    reasons: &'static [&'static str],
}

const NOTES: Ask = Ask {
    method: "POST",
    path: "/api/notes",
    route: "/api/notes",
    user: Some("alice"),
    body: Some(
        r#"{"text":"written by somebody who may be gone before it is kept, and that is no trouble to anybody"}"#,
    ),
};

const HABITS: &[Habit] = &[
    Habit { ask: NOTES, weight: 25, reasons: &["unreadable-note"] },
    Habit {
        ask: Ask { body: Some(r#"{"text":"somebody began this and never came to its e"#), ..NOTES },
        weight: 13,
        reasons: &["unreadable-note"],
    },
    Habit { ask: Ask { method: "PUT", ..NOTES }, weight: 14, reasons: &["method-not-allowed"] },
    // By nobody, and the body is not looked at.
    Habit {
        ask: Ask { path: "/", route: "/", user: None, ..NOTES },
        weight: 42,
        reasons: &["method-not-allowed"],
    },
    Habit {
        ask: Ask { path: "/api/notes/1/summary", route: "/api/notes/{id}/summary", body: None, ..NOTES },
        weight: 5,
        reasons: &["budget-exhausted"],
    },
    // Up to 200 events: longer than the window.
    Habit {
        ask: Ask {
            method: "GET",
            path: "/api/admin/audit",
            route: "/api/admin/audit",
            user: Some("carol"),
            body: None,
        },
        weight: 1,
        reasons: &[],
    },
];

/// How far a client goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    HalfHead,
    HalfBody,
    Sent,
    AnswerBegan,
    AnswerEnded,
}

const ENDS: [Until; 5] =
    [Until::HalfHead, Until::HalfBody, Until::Sent, Until::AnswerBegan, Until::AnswerEnded];

/// Asks and goes away until it is told to stop.
pub(super) fn run(app: SocketAddr, tokens: &Tokens, stop: &AtomicBool) -> Ledger {
    thread::scope(|scope| {
        let asking: Vec<_> =
            (0..THREADS).map(|thread| scope.spawn(move || one_thread(thread, app, tokens, stop))).collect();
        let mut all = Ledger::default();
        for thread in asking {
            match thread.join() {
                Ok(ledger) => all.add(ledger),
                Err(_) => all.failure("an aborting client panicked"),
            }
        }
        all
    })
}

fn one_thread(thread: u8, app: SocketAddr, tokens: &Tokens, stop: &AtomicBool) -> Ledger {
    let mut ledger = Ledger::default();
    let mut chance = Chance::seeded(u64::from(thread));
    let mut pace = Pace::of(STEP);
    while !stop.load(Ordering::Relaxed) {
        let habit = habit(chance.below(100));
        if let Err(error) = one(habit, app, tokens, &mut chance, &mut ledger) {
            ledger.failure(format!("an aborting client: {} {}: {error:#}", habit.ask.method, habit.ask.path));
        }
        pace.step();
    }
    ledger
}

fn habit(mut drawn: u64) -> &'static Habit {
    for habit in HABITS {
        match drawn.checked_sub(habit.weight) {
            Some(rest) => drawn = rest,
            None => return habit,
        }
    }
    &HABITS[0]
}

fn one(
    habit: &Habit,
    app: SocketAddr,
    tokens: &Tokens,
    chance: &mut Chance,
    ledger: &mut Ledger,
) -> Result<()> {
    let until = ENDS[chance.below(5) as usize];
    let (head, body) = (habit.ask.head(app, tokens), habit.ask.body.unwrap_or_default().as_bytes());
    let mut stream = connect(app, until, chance)?;
    if until == Until::HalfHead {
        // Whatever of the head came: no request came.
        let _ = stream.write_all(&head[..1 + chance.below(head.len() as u64 - 4) as usize]);
        return leave(&stream, chance);
    }
    let sent = match until {
        Until::HalfBody => &body[..body.len() / 2],
        _ => body,
    };
    stream.write_all(&[&head, sent].concat())?;
    match until {
        Until::AnswerBegan => began(habit, &mut stream, ledger)?,
        Until::AnswerEnded => return ended(habit, stream, ledger),
        _ => {
            ledger.gave_up(&habit.ask);
            ledger.unseen(habit.reasons);
        }
    }
    leave(&stream, chance)
}

/// Waits for the first bytes only.
fn began(habit: &Habit, stream: &mut TcpStream, ledger: &mut Ledger) -> Result<()> {
    let mut first = [0; 12];
    stream.read_exact(&mut first)?;
    let first = String::from_utf8_lossy(&first);
    let Some(status) = http::status(&first) else { anyhow::bail!("no status line: {first:?}") };
    ledger.answered(habit.ask.method, habit.ask.route, status, 1);
    if status >= 400 {
        ledger.unseen(habit.reasons);
    }
    Ok(())
}

fn ended(habit: &Habit, stream: TcpStream, ledger: &mut Ledger) -> Result<()> {
    let answer = Answer::read(&mut BufReader::new(stream))?;
    ledger.answered(habit.ask.method, habit.ask.route, answer.status, 1);
    if let Some(slug) = answer.slug() {
        ledger.refused(slug, 1);
    }
    Ok(())
}

fn connect(app: SocketAddr, until: Until, chance: &mut Chance) -> Result<TcpStream> {
    let socket = socket_from(FIRST + chance.below(ADDRESSES) as u8)?;
    if until == Until::AnswerBegan {
        socket.set_recv_buffer_size(WINDOW)?;
    }
    socket.connect_timeout(&app.into(), PATIENCE)?;
    // Half of them end with a reset, whatever is on its way.
    if chance.below(2) == 0 {
        socket.set_linger(Some(Duration::ZERO))?;
    }
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Goes within twenty milliseconds, half of the time at once; sometimes only its sending half is closed before.
fn leave(stream: &TcpStream, chance: &mut Chance) -> Result<()> {
    if chance.below(4) == 0 {
        let _ = stream.shutdown(Shutdown::Write);
    }
    if chance.below(2) == 0 {
        rest(Duration::from_micros(chance.below(20_000)));
    }
    Ok(())
}

/// Numbers without a pattern, the same ones in every run.
struct Chance(u64);

impl Chance {
    fn seeded(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The next one, from 0 to `end` without `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn habits_make_a_hundred() {
        assert_eq!(HABITS.iter().map(|habit| habit.weight).sum::<u64>(), 100);
        assert_eq!(habit(99).ask.method, "GET");
        assert_eq!(habit(0).ask.method, "POST");
    }

    #[test]
    fn every_end_is_drawn() {
        let mut chance = Chance::seeded(0);
        let mut drawn = [0_u32; 5];
        for _ in 0..5_000 {
            drawn[chance.below(5) as usize] += 1;
        }
        assert!(drawn.iter().all(|count| (800..1_200).contains(count)), "{drawn:?}");
    }
}
