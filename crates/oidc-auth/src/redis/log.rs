//! A log that all instances read: a sorted set whose scores count up, and whose first member says which log it is.
//!
//! A member is `<end>:<text>`, its end in milliseconds by the server's clock, so that no instance's clock is asked. What is over goes from
//! the front with later additions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::redis::{Cmd, Value, cmd, pipe};

use super::link::{Ask, Link, LinkError};

/// So many entries are read at a time.
const PAGE: usize = 1_000;

/// Adds `ARGV[2], ARGV[3], …` (how long each counts in milliseconds, and its text) to the log `KEYS[1]`; `ARGV[1]` is what it is
/// called if it begins here. Other scripts begin with this, too.
pub(super) const APPEND: &str = r"
local function append(log, id, entries)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  if redis.call('EXISTS', log) == 0 then redis.call('ZADD', log, 0, 'log:' .. id) end
  local last = tonumber(redis.call('ZREVRANGE', log, 0, 0, 'WITHSCORES')[2])
  for _, entry in ipairs(entries) do
    last = last + 1
    redis.call('ZADD', log, last, string.format('%.0f:%s', now + entry[1], entry[2]))
  end
  for _ = 1, 64 do
    local first = redis.call('ZRANGE', log, 1, 1)[1]
    if not first or redis.call('ZCARD', log) < 3 then break end
    if tonumber(string.match(first, '^%d+') or 0) > now then break end
    redis.call('ZREM', log, first)
  end
end
";

const ADD: &str = r"
local entries = {}
for i = 2, #ARGV, 2 do entries[#entries + 1] = {tonumber(ARGV[i]), ARGV[i + 1]} end
append(KEYS[1], ARGV[1], entries)
return 1
";

/// One log.
#[derive(Debug, Clone)]
pub(super) struct Log {
    link: Link,
    key: String,
    ids: Ids,
}

/// Names for logs that begin here: one that was lost and began anew is another, also when the same instance begins it.
#[derive(Debug, Clone)]
pub(super) struct Ids(Arc<AtomicU64>);

impl Ids {
    /// Names from this random number on.
    pub(super) fn after(random: u64) -> Self {
        Self(Arc::new(AtomicU64::new(random)))
    }

    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) text: String,
    /// How long it still counts, in milliseconds; 0 when it is over.
    pub(super) left: u64,
}

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// Which log it is.
    pub(super) log: u64,
    pub(super) entries: Vec<Entry>,
    /// Whether entries between the last one that was read and the first of these are gone.
    pub(super) has_gap: bool,
    /// The number of the last entry.
    pub(super) end: u64,
    pub(super) has_more: bool,
}

impl Log {
    pub(super) fn new(link: Link, key: String, ids: Ids) -> Self {
        Self { link, key, ids }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// What the log is called if it begins now.
    pub(super) fn id(&self) -> String {
        format!("{:016x}", self.ids.next())
    }

    /// Adds texts, each with the milliseconds that it counts.
    pub(super) async fn append(&self, entries: &[(u64, String)]) -> Result<(), LinkError> {
        self.link.ask(Ask::One(self.adding(entries))).await.map(drop)
    }

    fn adding(&self, entries: &[(u64, String)]) -> Cmd {
        let mut command = cmd("EVAL");
        command.arg([APPEND, ADD].concat()).arg(1).arg(&self.key).arg(self.id());
        for (millis, text) in entries {
            command.arg(*millis).arg(text);
        }
        command
    }

    /// What came after this entry of this log; all, if it is another by now.
    pub(super) async fn read(&self, after: Option<(u64, u64)>) -> Result<Page, LinkError> {
        let page = self.page(after.map_or(0, |(_, entry)| entry)).await?;
        match (page, after) {
            (Some(page), Some((log, _))) if page.log != log => self.whole().await,
            (Some(page), _) => Ok(page),
            (None, _) => self.whole().await,
        }
    }

    /// Also begins a log where none is, so that its loss can be told from its absence.
    async fn whole(&self) -> Result<Page, LinkError> {
        if let Some(page) = self.page(0).await? {
            return Ok(page);
        }
        self.append(&[]).await?;
        self.page(0).await?.ok_or_else(|| LinkError::new("the log is not there"))
    }

    /// `None` when there is no log.
    async fn page(&self, after: u64) -> Result<Option<Page>, LinkError> {
        let ask = || {
            let mut pipeline = pipe();
            pipeline.cmd("TIME");
            let scores = pipeline.cmd("ZRANGEBYSCORE").arg(&self.key).arg(format!("({after}")).arg("+inf");
            scores.arg("WITHSCORES").arg("LIMIT").arg(0).arg(PAGE);
            // Asked for last: a log that began anew before this is noticed.
            pipeline.cmd("ZRANGE").arg(&self.key).arg(0).arg(0);
            Ask::Several(pipeline)
        };
        let answer = self.link.ask_again(ask).await?;
        let foreign = || LinkError::new("what stands under the log's key is not a log");
        let parts: Option<&[Value; 3]> = list(&answer).and_then(|parts| parts.try_into().ok());
        let [time, entries, first] = parts.ok_or_else(foreign)?;
        let now = millis(time).ok_or_else(foreign)?;
        let Some(first) = list(first).and_then(<[Value]>::first) else { return Ok(None) };
        let log = text(first).and_then(|text| text.strip_prefix("log:")).ok_or_else(foreign)?;
        let log = u64::from_str_radix(log, 16).map_err(|_| foreign())?;
        let pairs = list(entries).ok_or_else(foreign)?.chunks_exact(2);
        let count = pairs.len();
        let (mut read, mut end, mut has_gap) = (Vec::with_capacity(count), after, false);
        for (index, pair) in pairs.enumerate() {
            let [member, score] = pair else { continue };
            end = text(score).and_then(|text| text.parse().ok()).ok_or_else(foreign)?;
            has_gap |= index == 0 && end > after + 1;
            read.extend(text(member).and_then(|member| entry(member, now)));
        }
        Ok(Some(Page { log, entries: read, has_gap, end, has_more: count == PAGE }))
    }
}

/// The entry, if it is one.
fn entry(member: &str, now: u64) -> Option<Entry> {
    let (until, text) = member.split_once(':')?;
    Some(Entry { text: text.to_owned(), left: until.parse::<u64>().ok()?.saturating_sub(now) })
}

pub(super) fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

pub(super) fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        _ => None,
    }
}

pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::SimpleString(text) => Some(text),
        other => bytes(other).and_then(|bytes| std::str::from_utf8(bytes).ok()),
    }
}

/// What `TIME` answers: seconds, and microseconds of the second.
fn millis(value: &Value) -> Option<u64> {
    let [seconds, micros] = list(value)? else { return None };
    let number = |value| text(value)?.parse::<u64>().ok();
    Some(number(seconds)? * 1_000 + number(micros)? / 1_000)
}
