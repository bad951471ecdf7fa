//! Where heads are kept that the app can't take back.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use gambeson_core::{BoxFuture, HttpTransport, TransportError, TransportLimits};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use serde::{Deserialize, Serialize};

use crate::aside::Aside;
use crate::digest::Head;
use crate::segment;

/// A head as it is published: one JSON object.
///
/// ```text
/// {"instance":"<32 hex>","head":"41:<64 hex>","at":"2026-11-23T08:15:30.250Z"}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PublishedHead {
    /// The chain's random id.
    pub instance: String,
    /// Its last record that is on stable storage.
    #[serde(with = "as_text")]
    pub head: Head,
    /// When it was published, RFC 3339 in UTC.
    pub at: String,
}

/// A head is written as `SEQ:HASH`.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::digest::Head;

    pub(super) fn serialize<S: Serializer>(head: &Head, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(head)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Head, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl PublishedHead {
    pub(crate) fn new(instance: &str, head: Head, at: String) -> Self {
        Self { instance: instance.into(), head, at }
    }

    fn line(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{json}\n")
    }
}

/// Why a head could not be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// A file or a stream.
    #[error("can't write the head")]
    Io(#[from] io::Error),
    /// No answer came.
    #[error("the anchor can't be reached")]
    Transport(#[from] TransportError),
    /// The answer is not one of success.
    #[error("the anchor answered {0}")]
    Refused(StatusCode),
    /// It took too long.
    #[error("the anchor did not answer in time")]
    Deadline,
    /// It still writes an earlier head, since longer than its deadline.
    #[error("the anchor still hangs with an earlier head")]
    Busy,
    /// The trail could not sync, so there is no head that may be published.
    #[error("the trail can't sync")]
    NotSynced,
}

/// Keeps heads out of the app's reach: best somewhere that only takes more, and forgets nothing.
pub trait Anchor: Send + Sync + fmt::Debug {
    /// The anchor's name, stable, for health and logs.
    fn name(&self) -> &str;

    /// Keeps `head`. Called off the write path, and again after a failure; perhaps twice. Polled by the app's runtime, so it may not
    /// block: what does belongs in a thread of its own.
    fn publish(&self, head: &PublishedHead) -> BoxFuture<Result<(), AnchorError>>;
}

/// Writes heads to the standard output, one JSON object a line: for platforms that collect it elsewhere. Written in a thread of its
/// own: a reader that hangs holds up neither the trail nor the app, and shows in the publisher's health.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct StdoutAnchor;

impl StdoutAnchor {
    /// The process's standard output.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Anchor for StdoutAnchor {
    fn name(&self) -> &str {
        "stdout"
    }

    fn publish(&self, head: &PublishedHead) -> BoxFuture<Result<(), AnchorError>> {
        /// The process has one standard output, so one thread at most waits for it.
        static ASIDE: LazyLock<Aside> = LazyLock::new(Aside::default);
        let line = head.line();
        ASIDE.run(move || {
            let mut out = io::stdout().lock();
            out.write_all(line.as_bytes())?;
            out.flush()
        })
    }
}

/// Appends heads to a file, one JSON object a line, and syncs it. On a disk of the same machine it proves little: mount one
/// that the app's user can only append to. Written in a thread of its own, as [`StdoutAnchor`] does.
#[derive(Debug, Clone)]
pub struct FileAnchor {
    path: PathBuf,
    aside: Aside,
}

impl FileAnchor {
    /// The file; it is created for its owner only.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), aside: Aside::default() }
    }

    /// Opens the file once, and makes it if need be: that it can't be written is known before a head is. Blocks.
    ///
    /// # Errors
    /// It can't be written.
    pub fn prepare(&self) -> io::Result<()> {
        append(&self.path, "")
    }
}

impl Anchor for FileAnchor {
    fn name(&self) -> &str {
        "file"
    }

    fn publish(&self, head: &PublishedHead) -> BoxFuture<Result<(), AnchorError>> {
        let (path, line) = (self.path.clone(), head.line());
        self.aside.run(move || append(&path, &line))
    }
}

/// Appends a line; one that a crash left unfinished is ended first.
fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = segment::private().create(true).read(true).append(true).open(path)?;
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let end = if last == *b"\n" { "" } else { "\n" };
    file.write_all(format!("{end}{line}").as_bytes())?;
    file.sync_all()
}

/// Sends heads to an HTTP endpoint, each as the JSON body of a POST. An answer of 2xx keeps it.
#[derive(Debug, Clone)]
pub struct HttpAnchor {
    endpoint: Uri,
    transport: Arc<dyn HttpTransport>,
    limits: TransportLimits,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl HttpAnchor {
    /// The endpoint, and what sends to it. Addresses of special use are refused unless `limits` allow them.
    pub fn new(endpoint: Uri, transport: Arc<dyn HttpTransport>) -> Self {
        Self { endpoint, transport, limits: TransportLimits::default(), headers: Vec::new() }
    }

    /// Another deadline, or other addresses. Default [`TransportLimits::default`].
    #[must_use]
    pub fn limits(self, limits: TransportLimits) -> Self {
        Self { limits, ..self }
    }

    /// Sends this field too, for example `Authorization`. It is never shown.
    #[must_use]
    pub fn header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.headers.push((name, value));
        self
    }
}

impl Anchor for HttpAnchor {
    fn name(&self) -> &str {
        "http"
    }

    fn publish(&self, head: &PublishedHead) -> BoxFuture<Result<(), AnchorError>> {
        let mut request = Request::new(Bytes::from(head.line()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(http::header::CONTENT_TYPE, json);
        for (name, value) in &self.headers {
            request.headers_mut().insert(name, value.clone());
        }
        let sent = self.transport.send(request, self.limits);
        Box::pin(async move {
            let status = sent.await?.status();
            status.is_success().then_some(()).ok_or(AnchorError::Refused(status))
        })
    }
}

/// Reads the heads that a [`FileAnchor`] wrote, or that were collected elsewhere, one JSON object a line. A line that was not
/// finished is passed over.
///
/// # Errors
/// The file can't be read, a whole line is no head, or there is none at all: a trail held against nothing would pass.
pub fn read_heads(path: impl AsRef<Path>) -> io::Result<Vec<PublishedHead>> {
    let mut text = String::new();
    File::open(path)?.read_to_string(&mut text)?;
    let lines = text.lines().enumerate().filter(|(_, line)| line.trim_end().ends_with('}'));
    let read = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("line {} is no head: {error}", number + 1))
        })
    };
    let heads: Vec<PublishedHead> = lines.map(read).collect::<io::Result<_>>()?;
    match heads.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::InvalidData, "it holds no published head")),
        false => Ok(heads),
    }
}
