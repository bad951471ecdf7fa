//! A log that all instances read: a sorted set whose scores count up, and whose first member says which log it is.
//!
//! A member is `<end>:<mark>:<mark before>:<text>`, its end in milliseconds by the server's clock, so that no instance's clock is asked.
//! A mark is of one addition, so that mark and score name it for good; by the mark before it each says whom it follows. A reader
//! sees by them that the log is not the one it has read: a server that came back with an older state has others under the same scores. What is
//! over goes from the front with later additions; the last one stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::redis::{Cmd, Value, cmd, pipe};

use super::link::{Ask, Link, LinkError};

/// So many entries are read at a time.
const PAGE: usize = 1_000;

/// Adds `ARGV[2], ARGV[3], …` (how long each counts in milliseconds, and its text) to the log `KEYS[1]`; `ARGV[1]` is what it is
/// called if it begins here, and the mark of the addition. Other scripts begin with this, too.
pub(super) const APPEND: &str = r"
local function append(log, id, entries)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  if redis.call('EXISTS', log) == 0 then redis.call('ZADD', log, 0, 'log:' .. id) end
  local newest = redis.call('ZREVRANGE', log, 0, 0, 'WITHSCORES')
  local last = tonumber(newest[2])
  local before = string.match(newest[1], '^log:(%x+)$') or string.match(newest[1], '^%d+:(%x+):') or '0'
  for _, entry in ipairs(entries) do
    last = last + 1
    redis.call('ZADD', log, last, string.format('%.0f:%s:%s:%s', now + entry[1], id, before, entry[2]))
    before = id
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

/// A place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Which log it is.
    pub(super) log: u64,
    /// The number of the last entry that was read, and its mark.
    pub(super) entry: u64,
    pub(super) mark: u64,
}

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) entries: Vec<Entry>,
    /// Whether it does not go on where the reader was: the log is another, went back, or lacks entries between. Then it is its beginning.
    pub(super) is_anew: bool,
    pub(super) end: Place,
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

    /// What came after this place; all, if the log is not the one that was read up to there.
    pub(super) async fn read(&self, after: Option<Place>) -> Result<Page, LinkError> {
        match self.page(after).await? {
            Some(page) if !page.is_anew => Ok(page),
            _ => Ok(Page { is_anew: after.is_some(), ..self.whole().await? }),
        }
    }

    /// Also begins a log where none is, so that its loss can be told from its absence.
    async fn whole(&self) -> Result<Page, LinkError> {
        if let Some(page) = self.page(None).await? {
            return Ok(page);
        }
        self.append(&[]).await?;
        self.page(None).await?.ok_or_else(|| LinkError::new("the log is not there"))
    }

    /// `None` when there is no log.
    async fn page(&self, after: Option<Place>) -> Result<Option<Page>, LinkError> {
        // With the last one that was read, to see whether it is still the same.
        let from = after.map_or(0, |after| after.entry);
        let ask = || {
            let mut pipeline = pipe();
            pipeline.cmd("TIME");
            let scores = pipeline.cmd("ZRANGEBYSCORE").arg(&self.key).arg(from).arg("+inf");
            scores.arg("WITHSCORES").arg("LIMIT").arg(0).arg(PAGE + 1);
            // Asked for last: a log that began anew before this is noticed.
            pipeline.cmd("ZRANGE").arg(&self.key).arg(0).arg(0);
            Ask::Several(pipeline)
        };
        let answer = self.link.ask_again(ask).await?;
        page(&answer, after)
    }
}

fn page(answer: &Value, after: Option<Place>) -> Result<Option<Page>, LinkError> {
    let foreign = || LinkError::new("what stands under the log's key is not a log");
    let parts: Option<&[Value; 3]> = list(answer).and_then(|parts| parts.try_into().ok());
    let [time, members, first] = parts.ok_or_else(foreign)?;
    let now = millis(time).ok_or_else(foreign)?;
    let Some(first) = list(first).and_then(<[Value]>::first) else { return Ok(None) };
    let log =
        text(first).and_then(|first| first.strip_prefix("log:")).and_then(number).ok_or_else(foreign)?;
    let members: Option<Vec<Member>> =
        list(members).ok_or_else(foreign)?.chunks_exact(2).map(|pair| Member::read(pair, now)).collect();
    let members = members.ok_or_else(foreign)?;
    let begin = after.unwrap_or(Place { log, entry: 0, mark: log });
    let last = members.last().map(|last| Place { log, entry: last.number, mark: last.mark });
    Ok(Some(Page {
        is_anew: after.is_some_and(|after| {
            after.log != log || !members.first().is_some_and(|first| first.follows(after))
        }),
        end: last.unwrap_or(begin),
        has_more: members.len() > PAGE,
        entries: members
            .into_iter()
            .filter(|member| member.number > begin.entry)
            .filter_map(|member| member.entry)
            .collect(),
    }))
}

/// What stands in the log, with its number.
struct Member {
    number: u64,
    mark: u64,
    /// The mark of the one before.
    before: u64,
    /// `None`: it is the one that says which log it is.
    entry: Option<Entry>,
}

impl Member {
    fn read(pair: &[Value], now: u64) -> Option<Self> {
        let [member, score] = pair else { return None };
        let (member, score) = (text(member)?, text(score)?.parse().ok()?);
        if let Some(log) = member.strip_prefix("log:") {
            let mark = number(log)?;
            return Some(Self { number: score, mark, before: mark, entry: None });
        }
        let mut parts = member.splitn(4, ':');
        let (until, mark, before, text) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let left = until.parse::<u64>().ok()?.saturating_sub(now);
        let entry = Some(Entry { text: text.to_owned(), left });
        Some(Self { number: score, mark: number(mark)?, before: number(before)?, entry })
    }

    /// Whether it is the last one that was read, or the next after it (which is over then, and gone).
    fn follows(&self, after: Place) -> bool {
        match self.number.checked_sub(after.entry) {
            Some(0) => self.mark == after.mark,
            Some(1) => self.before == after.mark,
            _ => false,
        }
    }
}

/// A mark, or what a log is called.
fn number(digits: &str) -> Option<u64> {
    u64::from_str_radix(digits, 16).ok()
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
