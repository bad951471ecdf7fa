//! An issuer on loopback that publishes its keys, for whoever fetches them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::json;

const LARGEST_HEAD: usize = 8_192;
const PATIENCE: Duration = Duration::from_secs(1);

/// Serves a discovery document and a key set until it is dropped.
pub(crate) struct KeyServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    issuer: String,
    jwks: Mutex<String>,
    asked: Mutex<Vec<Instant>>,
    stopped: AtomicBool,
}

impl KeyServer {
    /// Serves this key set on a free port.
    pub(crate) fn start(jwks: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            issuer: format!("http://{address}"),
            jwks: Mutex::new(jwks),
            asked: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            for stream in listener.incoming().map_while(|stream| serving.goes_on().then_some(stream)) {
                // Who goes away before the answer asks again.
                let _ = stream.and_then(|stream| serving.answer(stream));
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// Its name.
    pub(crate) fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// Where the key set is.
    pub(crate) fn keys(&self) -> String {
        format!("{}/jwks", self.shared.issuer)
    }

    /// Another key set from now on.
    pub(crate) fn publish(&self, jwks: String) {
        *held(&self.shared.jwks) = jwks;
    }

    /// When it was asked, for whatever.
    pub(crate) fn asked(&self) -> Vec<Instant> {
        held(&self.shared.asked).clone()
    }
}

impl Shared {
    fn goes_on(&self) -> bool {
        !self.stopped.load(Ordering::Relaxed)
    }

    /// One request, one answer, and the connection ends.
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let head = head(&mut stream)?;
        held(&self.asked).push(Instant::now());
        let target = head.split(' ').nth(1).unwrap_or_default();
        let (status, body) = match target.split('?').next().unwrap_or_default() {
            "/jwks" => ("200 OK", held(&self.jwks).clone()),
            "/.well-known/openid-configuration" => ("200 OK", self.document()),
            _ => ("404 Not Found", String::new()),
        };
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
    }

    fn document(&self) -> String {
        json!({"issuer": self.issuer, "jwks_uri": format!("{}/jwks", self.issuer)}).to_string()
    }
}

fn head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    let mut piece = [0; 1_024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < LARGEST_HEAD {
        let length = stream.read(&mut piece)?;
        if length == 0 {
            break;
        }
        head.extend_from_slice(piece.get(..length).unwrap_or_default());
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // The last connection wakes the thread, which sees that it is over.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
