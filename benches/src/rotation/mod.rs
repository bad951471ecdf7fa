//! What becomes of valid tokens when an issuer changes its keys, ours and the peers side by side.
//!
//! Each subject has an issuer on loopback, a thread and a runtime of its own, and is watched twice:
//!
//! - **quiet**: a hundred valid tokens a second by the old key, then the key set is swapped for another one, and a hundred a
//!   second by the new key.
//! - **flooded**: the same, and beside it ten thousand tokens a second that name keys which nobody has, from as many
//!   addresses, for eight seconds before the swap and four after it.
//!
//! Each token is another one, so that nothing is remembered. A token is valid from the moment in which its key is published;
//! tokens of the old key are sent before the swap only. All subjects run at the same time: the slowest takes as long as all.

mod flood;
mod guard;
mod seen;
mod watch;

use std::thread;
use std::time::Duration;

use self::guard::Gambeson;
use self::seen::Seen;
use self::watch::{Plan, watched};
use crate::Row;
use crate::peers::oidc_auth::{Guard, Huskarl, JwtAuthorizer, OauthResourceServer, TowerOauth2};

type Watch = fn(Plan) -> Seen;

const SUBJECTS: [(&str, Watch); 5] = [
    (Gambeson::NAME, watched::<Gambeson>),
    (Huskarl::NAME, watched::<Huskarl>),
    (OauthResourceServer::NAME, watched::<OauthResourceServer>),
    (TowerOauth2::NAME, watched::<TowerOauth2>),
    (JwtAuthorizer::NAME, watched::<JwtAuthorizer>),
];

/// Watches all subjects. Who has not accepted the new key after `longest` is reported with that time.
///
/// # Panics
/// When a subject does not accept the old key's tokens to begin with: then there is nothing to compare.
#[must_use]
pub fn measure(longest: Duration) -> Vec<Row> {
    let watching = SUBJECTS.map(|(name, watch)| {
        let quiet = thread::spawn(move || watch(Plan::quiet(longest)));
        let flooded = thread::spawn(move || watch(Plan::flooded(longest)));
        (name, quiet, flooded)
    });
    let rows = watching.map(|(name, quiet, flooded)| {
        let quiet = quiet.join().expect("the subject can be watched");
        let flooded = flooded.join().expect("the subject can be watched");
        [quiet.quiet_rows(name), flooded.flooded_rows(name)].concat()
    });
    rows.concat()
}
