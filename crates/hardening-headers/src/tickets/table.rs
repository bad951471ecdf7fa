//! The tickets that are out, in a fixed number of places.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gambeson_core::{Monotonic, Principal, Subject};
use sha2::{Digest, Sha256};

use super::error::TicketErrorKind;

/// Random bytes of a ticket.
pub(super) const SECRET: usize = 20;
/// The number of the place, before them.
const NUMBER: usize = 4;
/// An end later than that of every ticket.
const NEVER: Monotonic = Monotonic::from_nanos(u64::MAX);

/// What a ticket is good for.
pub(super) struct Held {
    caller: Principal,
    path: Box<str>,
    until: Monotonic,
}

impl Held {
    pub(super) fn new(caller: Principal, path: &str, until: Monotonic) -> Self {
        Self { caller, path: path.into(), until }
    }

    /// Whom it lets in at this path and moment.
    pub(super) fn open(self, path: &str, now: Monotonic) -> Option<Principal> {
        (now < self.until && *self.path == *path).then_some(self.caller)
    }
}

/// A ticket that is out. Only its digest is kept.
struct Place {
    digest: [u8; 32],
    held: Held,
}

/// The places. A ticket says in which it is, so that nothing has to be looked for.
pub(super) struct Table {
    per_subject: usize,
    inner: Mutex<Inner>,
}

struct Inner {
    places: Box<[Option<Place>]>,
    free: Vec<u32>,
    of: HashMap<Subject, usize>,
    /// No ticket is over before this moment.
    first_end: Monotonic,
    #[cfg(test)]
    walks: usize,
}

impl Table {
    pub(super) fn new(places: usize, per_subject: usize) -> Self {
        let numbers = 0..u32::try_from(places).unwrap_or(u32::MAX);
        let free: Vec<u32> = numbers.rev().collect();
        let places = free.iter().map(|_| None).collect();
        let inner = Inner {
            places,
            free,
            of: HashMap::new(),
            first_end: NEVER,
            #[cfg(test)]
            walks: 0,
        };
        Self { per_subject, inner: Mutex::new(inner) }
    }

    /// The text of a ticket for what is held.
    pub(super) fn give(
        &self,
        held: Held,
        secret: &[u8; SECRET],
        now: Monotonic,
    ) -> Result<Box<str>, TicketErrorKind> {
        let mut inner = self.inner();
        let has_too_many = |inner: &Inner| {
            inner.of.get(held.caller.full_subject()).is_some_and(|count| *count >= self.per_subject)
        };
        // Tickets that are over are looked for only where they stand in somebody's way, and where there is one or was: who is refused
        // again and again must not have all places walked through each time.
        if (inner.free.is_empty() || has_too_many(&inner)) && inner.first_end <= now {
            inner.clear_out(now);
        }
        if has_too_many(&inner) {
            return Err(TicketErrorKind::TooMany);
        }
        let number = inner.free.pop().ok_or(TicketErrorKind::Full)?;
        inner.first_end = inner.first_end.min(held.until);
        *inner.of.entry(held.caller.full_subject().clone()).or_default() += 1;
        let mut bytes = [0; NUMBER + SECRET];
        let parts = number.to_be_bytes().into_iter().chain(*secret);
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        let digest = Sha256::digest(bytes).into();
        if let Some(place) = usize::try_from(number).ok().and_then(|number| inner.places.get_mut(number)) {
            *place = Some(Place { digest, held });
        }
        Ok(text(&bytes))
    }

    /// What the ticket was good for; it is out no more.
    pub(super) fn take(&self, ticket: &str) -> Option<Held> {
        let bytes = bytes(ticket)?;
        let number = bytes.iter().take(NUMBER).fold(0, |number, byte| number << 8 | u32::from(*byte));
        // Who compares digests learns nothing from how long that takes.
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        let mut inner = self.inner();
        let place = inner.places.get(usize::try_from(number).ok()?)?;
        if place.as_ref()?.digest != digest {
            return None;
        }
        inner.release(number)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn release(&mut self, number: u32) -> Option<Held> {
        let held = self.places.get_mut(usize::try_from(number).ok()?)?.take()?.held;
        self.free.push(number);
        if let Entry::Occupied(mut count) = self.of.entry(held.caller.full_subject().clone()) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        Some(held)
    }

    fn clear_out(&mut self, now: Monotonic) {
        #[cfg(test)]
        {
            self.walks += 1;
        }
        self.first_end = NEVER;
        for number in 0..u32::try_from(self.places.len()).unwrap_or(u32::MAX) {
            let place = usize::try_from(number).ok().and_then(|number| self.places.get(number));
            match place.and_then(Option::as_ref).map(|place| place.held.until) {
                Some(until) if until <= now => drop(self.release(number)),
                Some(until) => self.first_end = self.first_end.min(until),
                None => {}
            }
        }
    }
}

fn text(bytes: &[u8]) -> Box<str> {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text.into()
}

/// Exactly as many digits as a ticket has; capital ones are none.
fn bytes(text: &str) -> Option<[u8; NUMBER + SECRET]> {
    let mut bytes = [0; NUMBER + SECRET];
    let digits = text.as_bytes();
    if digits.len() != 2 * bytes.len() || digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            *byte = *byte << 4 | u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
        }
    }
    Some(bytes)
}

/// Shows how many are out, and none of them.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.inner();
        f.debug_struct("Table").field("out", &(inner.places.len() - inner.free.len())).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_is_refused_again_and_again_has_the_places_walked_once() {
        let table = Table::new(8, 2);
        let moment = |millis| Monotonic::from_nanos(0).plus(Duration::from_millis(millis));
        let give = |name: &str, millis| {
            let caller = Principal::user("https://id.example", name).build();
            let held = Held::new(caller, "/", moment(millis + 30_000));
            table.give(held, &[7; SECRET], moment(millis)).map(drop)
        };
        assert_eq!([give("alice", 0), give("alice", 1_000)], [Ok(()), Ok(())]);
        for millis in 1_000..3_000 {
            assert_eq!(give("alice", millis), Err(TicketErrorKind::TooMany));
        }
        assert_eq!(table.inner().walks, 0, "nothing can be over yet");
        assert_eq!(give("alice", 30_000), Ok(()), "the first is over");
        for millis in 30_000..31_000 {
            assert_eq!(give("alice", millis), Err(TicketErrorKind::TooMany));
        }
        assert_eq!(table.inner().walks, 1);
        assert_eq!(give("alice", 31_000), Ok(()), "at the very moment");
        assert_eq!(table.inner().walks, 2);
    }
}
