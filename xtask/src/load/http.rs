//! Just enough HTTP/1.1 to see what a client sees.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// Longer than anything that is asked here may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The longest answer that is read.
const LONGEST: usize = 16 << 20;

/// What people send in place of a password, by their names.
pub(super) type Tokens = BTreeMap<&'static str, String>;

/// A request that is sent over and over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// The route's template as the app's metrics name it; empty: no route is there.
    pub(super) route: &'static str,
    /// Whose token goes with it.
    pub(super) user: Option<&'static str>,
    /// JSON.
    pub(super) body: Option<&'static str>,
}

impl Ask {
    /// The request's head, its end included.
    pub(super) fn head(&self, app: SocketAddr, tokens: &Tokens) -> Vec<u8> {
        let Self { method, path, .. } = self;
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {app}\r\n");
        if let Some(token) = self.user.and_then(|user| tokens.get(user)) {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        if let Some(body) = self.body {
            head.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// Head and body.
    pub(super) fn bytes(&self, app: SocketAddr, tokens: &Tokens) -> Vec<u8> {
        let mut bytes = self.head(app, tokens);
        bytes.extend_from_slice(self.body.unwrap_or_default().as_bytes());
        bytes
    }
}

/// An answer that was read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answer {
    /// Reads one; the connection can be used on.
    pub(super) fn read(from: &mut impl BufRead) -> Result<Self> {
        let first = line(from)?;
        let status = status(&first).with_context(|| format!("no status line: {first:?}"))?;
        let mut length = None;
        loop {
            let line = line(from)?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse::<usize>()?);
            }
        }
        let length = length.with_context(|| format!("an answer of {status} without content-length"))?;
        if length > LONGEST {
            bail!("an answer of {length} bytes");
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        Ok(Self { status, body: String::from_utf8_lossy(&body).into_owned() })
    }

    /// Which refusal it is.
    pub(super) fn slug(&self) -> Option<&str> {
        (self.status >= 400).then(|| slug(&self.body)).flatten()
    }
}

/// The status of an answer whose first line begins so.
pub(super) fn status(first: &str) -> Option<u16> {
    first.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// The code in problem details.
pub(super) fn slug(body: &str) -> Option<&str> {
    let (_, rest) = body.split_once("\"code\":\"")?;
    rest.split_once('"').map(|(slug, _)| slug)
}

fn line(from: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    if from.take(16 << 10).read_line(&mut line)? == 0 {
        bail!("the connection was closed before the answer ended");
    }
    Ok(line.trim_end().to_owned())
}

/// Sends one request over a connection of its own.
pub(super) fn once(to: SocketAddr, request: &[u8]) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    Answer::read(&mut BufReader::new(stream))
}

/// What is there under a path, if it is answered with 200.
pub(super) fn get(from: SocketAddr, path: &str) -> Result<String> {
    let answer = once(from, format!("GET {path} HTTP/1.1\r\nHost: {from}\r\n\r\n").as_bytes())?;
    match answer.status {
        200 => Ok(answer.body),
        status => bail!("{path} answered {status}: {}", answer.body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_it_says() {
        let mut bytes: &[u8] =
            b"HTTP/1.1 403 Forbidden\r\ncontent-length: 20\r\n\r\n{\"code\":\"forbidden\"}HTTP/1.1 ";
        let answer = Answer::read(&mut bytes).expect("an answer");
        assert_eq!((answer.status, answer.slug()), (403, Some("forbidden")));
        assert_eq!(bytes, b"HTTP/1.1 ");
        assert!(Answer::read(&mut bytes).is_err());
    }

    #[test]
    fn a_request_says_how_long_it_is() {
        let ask = Ask { method: "POST", path: "/x", route: "/x", user: Some("bob"), body: Some("{}") };
        let app = "127.0.0.1:3000".parse().expect("an address");
        let bytes = ask.bytes(app, &Tokens::from([("bob", "t".to_owned())]));
        let text = String::from_utf8(bytes).expect("text");
        assert!(text.starts_with("POST /x HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nAuthorization: Bearer t\r\n"));
        assert!(text.ends_with("Content-Length: 2\r\n\r\n{}"));
    }
}
