//! What makes browsers keep an answer as a file.

use http::HeaderMap;
use http::header::{self, HeaderValue};

const PLAIN: HeaderValue = HeaderValue::from_static("attachment");

/// Makes the answer an attachment, under the name that the handler gave the file.
pub(super) fn attach(headers: &mut HeaderMap) {
    let mut given = headers.get_all(header::CONTENT_DISPOSITION).iter();
    let attachment = match (given.next(), given.next()) {
        (Some(one), None) if is_attachment(one) => return,
        (Some(one), None) => renamed(one),
        // Of two, nobody knows which a browser goes by.
        _ => PLAIN,
    };
    headers.insert(header::CONTENT_DISPOSITION, attachment);
}

fn is_attachment(value: &HeaderValue) -> bool {
    kind(value.as_bytes()).eq_ignore_ascii_case(b"attachment")
}

/// `attachment` with the parameters of another kind (RFC 6266 §4.1).
fn renamed(value: &HeaderValue) -> HeaderValue {
    let bytes = value.as_bytes();
    let parameters = bytes.iter().position(|byte| *byte == b';').and_then(|at| bytes.get(at..));
    match parameters {
        Some(parameters) => HeaderValue::from_bytes(&[b"attachment", parameters].concat()).unwrap_or(PLAIN),
        None => PLAIN,
    }
}

fn kind(value: &[u8]) -> &[u8] {
    value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}
