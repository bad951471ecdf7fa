//! Clients that behave, each from an address of its own: what they ask passes the rate limit and goes all the way in.

use std::io::{BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use socket2::{Domain, Protocol, Socket, Type};

use super::clock::Pace;
use super::http::{Answer, Ask, PATIENCE, Tokens};
use super::ledger::Ledger;

const THREADS: u8 = 4;
const CONNECTIONS: u8 = 16;

/// Each connection sends at most 45 a second: the limit is 50 for one address.
const STEP: Duration = Duration::from_micros(1_000_000 / 45);

const HOME: Ask = Ask { method: "GET", path: "/", route: "/", user: None, body: None };
const LIST: Ask = Ask { path: "/api/notes", route: "/api/notes", ..HOME };
const DELETE: Ask = Ask { method: "DELETE", path: "/api/notes/999999999", route: "/api/notes/{id}", ..HOME };

/// What the first connections take turns with; the others ask for the page. Nobody's quota of 3,000 a minute is used up but
/// dave's, whom two connections ask for.
const ROLES: &[&[Ask]] = &[
    &[Ask { user: Some("dave"), ..LIST }],
    &[Ask { user: Some("dave"), ..LIST }],
    &[Ask { user: Some("bob"), ..LIST }, Ask { user: Some("bob"), ..DELETE }],
    &[
        Ask { user: Some("carol"), ..DELETE },
        Ask { path: "/nowhere", route: "", user: Some("carol"), ..HOME },
    ],
    &[LIST],
    // A failed credential costs a unit more: half of these are over the rate.
    &[Ask { user: Some(FORGED), ..LIST }],
];

/// Whose token nobody signed.
pub(super) const FORGED: &str = "forged";

/// A socket that connects from this loopback address.
pub(super) fn socket_from(host: u8) -> Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), 0)).into())?;
    Ok(socket)
}

/// Asks until it is told to stop; every request is seen to its end.
pub(super) fn run(app: SocketAddr, tokens: &Tokens, stop: &AtomicBool) -> Ledger {
    thread::scope(|scope| {
        let asking: Vec<_> =
            (0..THREADS).map(|thread| scope.spawn(move || one_thread(thread, app, tokens, stop))).collect();
        let mut all = Ledger::default();
        for thread in asking {
            match thread.join() {
                Ok(ledger) => all.add(ledger),
                Err(_) => all.failure("a steady client panicked"),
            }
        }
        all
    })
}

fn one_thread(thread: u8, app: SocketAddr, tokens: &Tokens, stop: &AtomicBool) -> Ledger {
    let mut ledger = Ledger::default();
    let mut clients: Vec<Client> =
        (0..CONNECTIONS).map(|slot| Client::new(slot * THREADS + thread)).collect();
    let mut pace = Pace::of(STEP);
    while !stop.load(Ordering::Relaxed) {
        for client in &mut clients {
            if let Err(error) = client.ask(app, tokens, &mut ledger) {
                client.connection = None;
                ledger.failure(format!("a steady client: {error:#}"));
            }
        }
        pace.step();
    }
    ledger
}

struct Client {
    /// The last part of its address.
    host: u8,
    asks: &'static [Ask],
    turn: usize,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    fn new(number: u8) -> Self {
        let asks = ROLES.get(usize::from(number)).copied().unwrap_or(&[HOME]);
        Self { host: 10 + number, asks, turn: 0, connection: None }
    }

    fn ask(&mut self, app: SocketAddr, tokens: &Tokens, ledger: &mut Ledger) -> Result<()> {
        let Some(ask) = self.asks.get(self.turn % self.asks.len()) else { return Ok(()) };
        self.turn += 1;
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(connect(self.host, app)?),
        };
        connection.get_mut().write_all(&ask.bytes(app, tokens))?;
        let answer = Answer::read(connection)?;
        ledger.answered(ask.method, ask.route, answer.status, 1);
        if let Some(slug) = answer.slug() {
            ledger.refused(slug, 1);
        }
        Ok(())
    }
}

fn connect(host: u8, app: SocketAddr) -> Result<BufReader<TcpStream>> {
    let socket = socket_from(host)?;
    socket.connect_timeout(&app.into(), PATIENCE)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}
