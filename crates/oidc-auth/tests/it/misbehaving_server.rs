//! An issuer on loopback, over real HTTP, that misbehaves in one way, and counts what it could send.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gambeson_core::{Clock, Spawn, SystemClock, TokioSpawn};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misbehaviour {
    None,
    Hangs,
    Error500,
    /// Fifty megabytes in place of each document.
    Flood,
    /// As many, and it does not say so beforehand.
    Endless,
    Redirect,
    Html,
    EmptySet,
    /// Half of the keys can't be used.
    HalfBroken,
    OtherIssuer,
    /// Its clock is so many seconds ahead.
    Clock(i64),
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    way: Arc<Mutex<(Misbehaviour, &'static str)>>,
    answers: Arc<Mutex<BTreeMap<&'static str, Value>>>,
    forms: Arc<Mutex<Vec<String>>>,
    sent: Arc<AtomicUsize>,
}

const FLOOD: usize = 50 << 20;

impl Server {
    pub(crate) async fn start(keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let way = Arc::new(Mutex::new((Misbehaviour::None, "")));
        let (answers, forms, sent) = Default::default();
        let server = Self { address, way, answers, forms, sent };
        let (accepting, keys) = (server.clone(), Arc::new(keys));
        spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (server, keys) = (accepting.clone(), Arc::clone(&keys));
                spawn(async move { server.answer(stream, &keys).await.unwrap_or_default() });
            }
        });
        server
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn behave(&self, way: Misbehaviour) {
        self.behave_at("", way);
    }

    /// Misbehaves where the path begins so, and nowhere else.
    pub(crate) fn behave_at(&self, path: &'static str, way: Misbehaviour) {
        *self.way.lock().unwrap() = (way, path);
    }

    /// What it answers to this path when all is well, beside its document and its keys.
    pub(crate) fn answers(&self, path: &'static str, answer: Value) {
        self.answers.lock().unwrap().insert(path, answer);
    }

    /// How many forms came since it was asked last.
    pub(crate) fn forms(&self) -> usize {
        std::mem::take(&mut *self.forms.lock().unwrap()).len()
    }

    /// What its clock says.
    pub(crate) fn now(&self) -> i64 {
        let off = match *self.way.lock().unwrap() {
            (Misbehaviour::Clock(ahead), _) => ahead,
            _ => 0,
        };
        SystemClock::new().now().unix_seconds() + off
    }

    /// How many bytes of bodies went out since it was asked last.
    pub(crate) fn sent(&self) -> usize {
        self.sent.swap(0, Ordering::SeqCst)
    }

    async fn answer(&self, mut stream: TcpStream, keys: &[Value]) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let path = head.split(' ').nth(1).unwrap_or_default();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut form = vec![0; length.unwrap_or_default()];
        stream.read_exact(&mut form).await?;
        if !form.is_empty() {
            self.forms.lock().unwrap().push(String::from_utf8_lossy(&form).into_owned());
        }
        let (way, at) = *self.way.lock().unwrap();
        let way = if path.starts_with(at) { way } else { Misbehaviour::None };
        let wants_keys = path == "/jwks";
        let other = way == Misbehaviour::OtherIssuer;
        let name = if other { "https://other.example".to_owned() } else { self.issuer() };
        let (mut status, mut more) = ("200 OK", String::new());
        let mut body = match self.answers.lock().unwrap().get(path) {
            Some(answer) => answer.to_string(),
            None if wants_keys => json!({"keys": keys}).to_string(),
            None => self.document(&name).to_string(),
        };
        match way {
            Misbehaviour::Hangs => std::future::pending::<()>().await,
            Misbehaviour::Error500 => status = "500 Oops",
            Misbehaviour::Redirect => {
                (status, more) = ("302 Found", "Location: https://moved.example/\r\n".into());
            }
            Misbehaviour::Html => body = "<!doctype html><title>Sign in</title>".into(),
            Misbehaviour::EmptySet if wants_keys => body = json!({"keys": []}).to_string(),
            Misbehaviour::HalfBroken if wants_keys => {
                let broken = [json!({"kty": "EC", "kid": 7}), json!({"kty": "OKP", "crv": "X"}), json!(1)];
                body = json!({"keys": broken.iter().chain(keys).collect::<Vec<_>>()}).to_string();
            }
            _ => {}
        }
        let floods = matches!(way, Misbehaviour::Flood | Misbehaviour::Endless);
        let length = if floods { FLOOD } else { body.len() };
        if way != Misbehaviour::Endless {
            more.push_str(&format!("Content-Length: {length}\r\n"));
        }
        let date = http_date(self.now());
        let head = format!("HTTP/1.1 {status}\r\nDate: {date}\r\n{more}Connection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        let chunk = if floods { "[".repeat(64 << 10) } else { body };
        for _ in 0..length.div_ceil(chunk.len().max(1)) {
            stream.write_all(chunk.as_bytes()).await?;
            self.sent.fetch_add(chunk.len(), Ordering::SeqCst);
        }
        stream.shutdown().await
    }
}

impl Server {
    fn document(&self, issuer: &str) -> Value {
        let at = |path| format!("{}{path}", self.issuer());
        json!({
            "issuer": issuer, "jwks_uri": at("/jwks"), "token_endpoint": at("/token"),
            "authorization_endpoint": at("/authorize"),
        })
    }
}

fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    assert!(TokioSpawn::new().spawn(Box::pin(task)));
}

/// An IMF-fixdate (RFC 9110 §5.6.7).
fn http_date(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (mut year, mut rest) = (1970, days);
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while rest >= 365 + i64::from(leap(year)) {
        rest -= 365 + i64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while rest >= lengths[month] {
        rest -= lengths[month];
        month += 1;
    }
    let weekday = DAYS[usize::try_from(days.rem_euclid(7)).unwrap()];
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    format!("{weekday}, {:02} {} {year} {hour:02}:{minute:02}:{second:02} GMT", rest + 1, MONTHS[month])
}
