//! Tokens that were verified a moment ago.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::digest;
use gambeson_core::{ConfigProblems, Timestamp};

use crate::binding::Verified;

const SHARDS: usize = 16;

/// The verified-token cache: how long, how many.
///
/// What is kept under the SHA-256 of the token, for one policy, is the principal, never the token. An entry is served only before
/// the token's `exp` and while the key that signed it is published; refusals are never kept. A principal holds the
/// token's claims, so the default capacity is a few megabytes with usual tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields, rename_all = "kebab-case"))]
#[non_exhaustive]
pub struct CacheConfig {
    /// How long an entry is served at most. Default 60 s; zero switches the cache off.
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub ttl: Duration,
    /// How many entries there are at most. Default 4096.
    pub capacity: usize,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(60), capacity: 4_096 }
    }
}

impl CacheConfig {
    /// No cache: every token is verified each time.
    #[must_use]
    pub const fn off() -> Self {
        Self { ttl: Duration::ZERO, capacity: 0 }
    }

    /// Another longest time.
    #[must_use]
    pub const fn ttl(self, ttl: Duration) -> Self {
        Self { ttl, ..self }
    }

    /// Another number of entries.
    #[must_use]
    pub const fn capacity(self, capacity: usize) -> Self {
        Self { capacity, ..self }
    }

    pub(crate) fn validate(&self, problems: &mut ConfigProblems) {
        if self.ttl > Duration::from_secs(3_600) {
            problems.add(
                "cache.ttl",
                format!("{:?}", self.ttl),
                "at most one hour: a revoked right lives so long",
            );
        }
        if self.capacity > 1 << 20 {
            problems.add("cache.capacity", self.capacity.to_string(), "at most 1048576 entries");
        }
    }
}

/// The name of an entry: the token's SHA-256, marked with the policy. Two tokens of one policy, or one token under two
/// policies, never share it. A cache belongs to one verifier, so to one policy: the mark is a second bolt, and to digest
/// token and policy in one piece would cost a copy of the token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheKey([u8; 32]);

impl CacheKey {
    pub(crate) fn new(policy: &[u8; 32], token: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, token);
        let mut key = *policy;
        key.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to ^= *from);
        Self(key)
    }
}

impl std::hash::Hash for CacheKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

/// The first bytes of a digest are as good as any hash of it.
#[derive(Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) verified: Verified,
    pub(crate) key: [u8; 32],
    from: Timestamp,
    until: Timestamp,
}

#[derive(Default)]
struct Shard {
    entries: HashMap<CacheKey, Entry, BuildHasherDefault<FirstBytes>>,
    /// What was kept, and until when; oldest first. What was kept anew stands here twice, and the newer line counts.
    order: VecDeque<(CacheKey, Timestamp)>,
}

impl Shard {
    /// Lets go of what is over at the head of the line, and of the oldest where there is no place for one more.
    fn make_room(&mut self, now: Timestamp, places: usize) {
        while let Some((key, until)) = self.order.front().copied() {
            if now < until && self.order.len() < places {
                break;
            }
            self.order.pop_front();
            if self.entries.get(&key).is_some_and(|entry| entry.until == until) {
                self.entries.remove(&key);
            }
        }
    }
}

/// Bounded, in shards; each lock is held for one look.
pub(crate) struct Cache {
    ttl: Duration,
    per_shard: usize,
    shards: [RwLock<Shard>; SHARDS],
}

impl Cache {
    /// `None` when it is switched off.
    pub(crate) fn new(config: CacheConfig) -> Option<Self> {
        (config.ttl > Duration::ZERO && config.capacity > 0).then(|| Self {
            ttl: config.ttl,
            per_shard: config.capacity.div_ceil(SHARDS),
            shards: Default::default(),
        })
    }

    /// The entry, if it may be served now and `published` still holds of its key. A wall clock that was set back ends
    /// what was kept, as it would else live longer than it should.
    pub(crate) fn get(
        &self,
        key: &CacheKey,
        now: Timestamp,
        published: impl FnOnce(&[u8; 32]) -> bool,
    ) -> Option<Verified> {
        let shard = self.shard(key)?.read().unwrap_or_else(PoisonError::into_inner);
        let entry = shard.entries.get(key)?;
        (entry.from <= now && now < entry.until && published(&entry.key)).then(|| entry.verified.clone())
    }

    /// Keeps a success; never beyond the token's `exp`, for which there is no leeway here.
    pub(crate) fn put(&self, key: CacheKey, verified: &Verified, signed_by: [u8; 32], now: Timestamp) {
        let ttl_end = now.plus(self.ttl);
        let until = verified.principal.expires_at().map_or(now, |exp| exp.min(ttl_end));
        if until <= now {
            return;
        }
        let entry = Entry { verified: verified.clone(), key: signed_by, from: now, until };
        let Some(lock) = self.shard(&key) else { return };
        let mut shard = lock.write().unwrap_or_else(PoisonError::into_inner);
        shard.make_room(now, self.per_shard);
        shard.entries.insert(key, entry);
        shard.order.push_back((key, until));
    }

    pub(crate) fn len(&self) -> usize {
        let count =
            |shard: &RwLock<Shard>| shard.read().unwrap_or_else(PoisonError::into_inner).entries.len();
        self.shards.iter().map(count).sum()
    }

    fn shard(&self, key: &CacheKey) -> Option<&RwLock<Shard>> {
        let last = key.0.last().copied().unwrap_or_default();
        self.shards.get(usize::from(last) % SHARDS)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("ttl", &self.ttl).field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use gambeson_core::Principal;

    use super::*;
    use crate::binding::Binding;

    fn principal(exp: i64) -> Verified {
        let exp = Timestamp::from_unix_seconds(exp);
        let principal = Principal::user("i", "alice").expires_at(exp).build();
        Verified { principal, binding: Binding::default(), marks: None }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn a_name_is_of_one_token_under_one_policy() {
        let digest = digest::digest(&digest::SHA256, b"t");
        assert_eq!(CacheKey::new(&[0; 32], b"t").0, digest.as_ref());
        assert!(CacheKey::new(&[1; 32], b"t") != CacheKey::new(&[2; 32], b"t"));
        assert!(CacheKey::new(&[1; 32], b"t") != CacheKey::new(&[1; 32], b"u"));
    }

    #[test]
    fn never_beyond_its_end_nor_before_its_start() {
        let cache = Cache::new(CacheConfig::default()).unwrap();
        let key = CacheKey::new(&[0; 32], b"t");
        cache.put(key, &principal(130), [1; 32], at(100));
        let served = |now| cache.get(&key, at(now), |_| true).is_some();
        assert!(served(100) && served(129));
        assert!(!served(130) && !served(99));
        assert!(cache.get(&key, at(100), |_| false).is_none(), "its key is withdrawn");
        cache.put(key, &principal(1_000), [1; 32], at(100));
        assert!(served(159) && !served(160));
    }

    #[test]
    fn what_is_over_is_not_kept_and_nothing_grows() {
        let cache = Cache::new(CacheConfig::default().capacity(64)).unwrap();
        cache.put(CacheKey::new(&[0; 32], b"over"), &principal(100), [1; 32], at(100));
        assert_eq!(cache.len(), 0);
        for n in 0..1_000 {
            cache.put(CacheKey::new(&[0; 32], n.to_string().as_bytes()), &principal(1_000), [1; 32], at(100));
        }
        assert!(cache.len() <= 64);
        assert!(Cache::new(CacheConfig::off()).is_none());
    }

    #[test]
    fn what_is_over_leaves_when_another_comes() {
        let cache = Cache::new(CacheConfig::default()).unwrap();
        let names = (0..).map(|n| CacheKey::new(&[0; 32], n.to_string().as_bytes()));
        let mut of_one_shard = names.filter(|name| usize::from(name.0[31]) % SHARDS == 0);
        let [kept, left, new] = std::array::from_fn(|_| of_one_shard.next().unwrap());
        let put = |name, now| cache.put(name, &principal(1_000), [1; 32], at(now));
        put(kept, 100);
        put(left, 100);
        put(kept, 170);
        assert_eq!(cache.len(), 1, "one left, one was kept anew");
        put(new, 200);
        assert_eq!(cache.len(), 2, "neither is over");
        assert!(cache.get(&kept, at(200), |_| true).is_some());
    }
}
