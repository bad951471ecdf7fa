//! Sizes and times as people write them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gambeson_core::{Mode, Timestamp};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

/// A size: a number of bytes, or a text such as `"512KiB"`.
struct Size(Option<u64>);

struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size such as \"1MiB\" or \"500KB\", a number of bytes, or \"off\"")
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Size, E> {
        Ok(Size(Some(bytes)))
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Size, E> {
        u64::try_from(bytes)
            .map(|bytes| Size(Some(bytes)))
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(bytes), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
        match text {
            "off" => Ok(Size(None)),
            text => size(text)
                .map(|bytes| Size(Some(bytes)))
                .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}

fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "KB" | "kB" => 1_000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// A size, or none for `"off"`.
pub(crate) fn size_or_off<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    from.deserialize_any(SizeVisitor).map(|size| size.0)
}

/// A size in memory.
pub(crate) fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    let size = from.deserialize_any(SizeVisitor)?.0;
    size.and_then(|size| usize::try_from(size).ok())
        .ok_or_else(|| de::Error::custom("write a size such as \"512KiB\""))
}

/// A size in bytes that fits 32 bits.
pub(crate) fn bytes_u32<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let size = from.deserialize_any(SizeVisitor)?.0;
    size.and_then(|size| u32::try_from(size).ok())
        .ok_or_else(|| de::Error::custom("write a size such as \"1KiB\""))
}

/// A time such as `"30s"`, or none for `"off"`.
pub(crate) fn time_or_off<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    from.deserialize_any(TimeVisitor).map(|time| time.0)
}

/// A time: a text such as `"30s"`, or none for `"off"`.
struct Time(Option<Duration>);

struct TimeVisitor;

impl Visitor<'_> for TimeVisitor {
    type Value = Time;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time with its unit, such as \"30s\", \"5m\" or \"250ms\", or \"off\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
        match text {
            "off" => Ok(Time(None)),
            text => humantime_serde::deserialize(de::value::StrDeserializer::<E>::new(text))
                .map(|time| Time(Some(time)))
                .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}

/// Whether something refuses or observes.
pub(crate) fn mode<'de, D: Deserializer<'de>>(from: D) -> Result<Mode, D::Error> {
    from.deserialize_any(ModeVisitor)
}

struct ModeVisitor;

impl<'de> Visitor<'de> for ModeVisitor {
    type Value = Mode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "\"enforce\", or until when it only observes: { observe = { until = \"2027-01-31T00:00:00Z\" } }",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Mode, E> {
        match text {
            "enforce" => Ok(Mode::Enforce),
            text => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Mode, A::Error> {
        let Observing { observe } = Observing::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Mode::Observe { until: observe.until })
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Observing {
    observe: Until,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Until {
    #[serde(deserialize_with = "moment")]
    until: Timestamp,
}

/// A moment: a text as RFC 3339 has it, in UTC, or nanoseconds since 1970.
fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    from.deserialize_any(MomentVisitor)
}

struct MomentVisitor;

impl Visitor<'_> for MomentVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("date and time in UTC, such as \"2027-01-31T00:00:00Z\"")
    }

    fn visit_i64<E: de::Error>(self, nanos: i64) -> Result<Timestamp, E> {
        Ok(Timestamp::from_unix_nanos(nanos))
    }

    fn visit_u64<E: de::Error>(self, nanos: u64) -> Result<Timestamp, E> {
        let invalid = |_| E::invalid_value(de::Unexpected::Unsigned(nanos), &self);
        i64::try_from(nanos).map(Timestamp::from_unix_nanos).map_err(invalid)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        let invalid = || E::invalid_value(de::Unexpected::Str(text), &self);
        let read: Result<SystemTime, E> = humantime_serde::deserialize(de::value::StrDeserializer::new(text));
        let since = read.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let nanos = since.and_then(|since| i64::try_from(since.as_nanos()).ok());
        nanos.map(Timestamp::from_unix_nanos).ok_or_else(invalid)
    }
}

/// A time in whole seconds.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let time = from.deserialize_any(TimeVisitor)?.0;
    match time.map(|time| (u32::try_from(time.as_secs()), time.subsec_nanos())) {
        Some((Ok(seconds), 0)) => Ok(seconds),
        _ => Err(de::Error::custom("write whole seconds, such as \"1s\" or \"1m\"")),
    }
}

/// A number of things, or none for `"off"`.
#[cfg(feature = "serve")]
pub(crate) fn count_or_off<'de, D: Deserializer<'de>>(from: D) -> Result<Option<usize>, D::Error> {
    struct Count;

    impl Visitor<'_> for Count {
        type Value = Option<usize>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number or \"off\"")
        }

        fn visit_i64<E: de::Error>(self, count: i64) -> Result<Option<usize>, E> {
            let invalid = |_| E::invalid_value(de::Unexpected::Signed(count), &self);
            usize::try_from(count).map(Some).map_err(invalid)
        }

        fn visit_u64<E: de::Error>(self, count: u64) -> Result<Option<usize>, E> {
            let invalid = |_| E::invalid_value(de::Unexpected::Unsigned(count), &self);
            usize::try_from(count).map(Some).map_err(invalid)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<usize>, E> {
            let invalid = || E::invalid_value(de::Unexpected::Str(text), &self);
            (text == "off").then_some(None).ok_or_else(invalid)
        }
    }

    from.deserialize_any(Count)
}

/// A size that is given, or that it has none.
pub(crate) fn some_size_or_off<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<u64>>, D::Error> {
    size_or_off(from).map(Some)
}

/// A time that is given, or that it has none.
pub(crate) fn some_time_or_off<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<Duration>>, D::Error> {
    time_or_off(from).map(Some)
}

/// A size in bytes that is given and fits 32 bits.
pub(crate) fn some_bytes_u32<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    bytes_u32(from).map(Some)
}
