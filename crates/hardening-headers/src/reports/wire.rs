//! The two formats of reports, read without trust: what has a wrong type is left out, what is there twice is refused.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::clip;
use crate::report_post::ReportFormat;

/// Reports of one body that are looked at; the others are counted.
pub(super) const MOST: usize = 100;

/// Bytes of a text that are kept.
const LONGEST: usize = 1024;

/// The reports of one body.
#[derive(Debug, Default)]
pub(super) struct Reports {
    pub(super) taken: Vec<Report>,
    /// How many more there were.
    pub(super) more: u64,
}

/// One report.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) kind: Option<String>,
    /// The page's address, outside of the body.
    pub(super) url: Option<String>,
    pub(super) body: Body,
}

/// What a report says of a violation.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) document: Option<String>,
    pub(super) blocked: Option<String>,
    pub(super) effective: Option<String>,
    /// What older browsers say in place of `effective`: the directive with its value.
    pub(super) violated: Option<String>,
    pub(super) disposition: Option<String>,
    pub(super) source_file: Option<String>,
    pub(super) sample: Option<String>,
}

/// The reports in a body of this format; `None` when it is none.
pub(super) fn read(format: ReportFormat, body: &[u8]) -> Option<Reports> {
    match format {
        ReportFormat::Reports => serde_json::from_slice::<Read<Reports>>(body).ok().map(|read| read.0),
        ReportFormat::Csp => {
            let Read(Single(body)) = serde_json::from_slice(body).ok()?;
            let report = Report { kind: Some("csp-violation".to_owned()), url: None, body: body? };
            Some(Reports { taken: vec![report], more: 0 })
        }
    }
}

/// `{"csp-report": {…}}`.
#[derive(Default)]
struct Single(Option<Body>);

/// What is made of a value, whatever its type; the default of those that say nothing.
trait Lenient: Default {
    fn from_text(_: &str) -> Self {
        Self::default()
    }

    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn from_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

struct Read<T>(T);

struct Any<T>(PhantomData<T>);

impl<'de, T: Lenient> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Any(PhantomData)).map(Self)
    }
}

impl<'de, T: Lenient> Visitor<'de> for Any<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report")
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::from_text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::from_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_map(map)
    }
}

impl Lenient for Option<String> {
    fn from_text(text: &str) -> Self {
        Some(clip(text, LONGEST).to_owned())
    }
}

impl Lenient for Reports {
    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut reports = Self::default();
        while reports.taken.len() < MOST {
            match list.next_element::<Read<Report>>()? {
                Some(Read(report)) => reports.taken.push(report),
                None => return Ok(reports),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            reports.more += 1;
        }
        Ok(reports)
    }

    /// Not by the standard, but there are browsers that send one without the list.
    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Ok(Self { taken: vec![Report::from_map(map)?], more: 0 })
    }
}

/// Calls for each entry whose key is one of `Key`; the same key twice is an error.
macro_rules! entries {
    ($map:ident, $key:ty, $into:ident, { $($name:pat => $place:expr,)* }) => {{
        let mut seen = 0_u32;
        while let Some(key) = $map.next_key::<$key>()? {
            let bit = 1_u32 << (key as u32);
            match key {
                <$key>::Other => {
                    $map.next_value::<IgnoredAny>()?;
                    continue;
                }
                $($name => $place = $map.next_value::<Read<_>>()?.0,)*
            }
            if seen & bit != 0 {
                return Err(A::Error::custom("a member is there twice"));
            }
            seen |= bit;
        }
        Ok($into)
    }};
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(field_identifier)]
enum SingleKey {
    #[serde(rename = "csp-report")]
    Report,
    #[serde(other)]
    Other,
}

impl Lenient for Single {
    fn from_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut single = Self::default();
        entries!(map, SingleKey, single, { SingleKey::Report => single.0, })
    }
}

impl Lenient for Option<Body> {
    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Body::from_map(map).map(Some)
    }
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(field_identifier, rename_all = "kebab-case")]
enum ReportKey {
    Type,
    Url,
    Body,
    #[serde(other)]
    Other,
}

impl Lenient for Report {
    fn from_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut report = Self::default();
        entries!(map, ReportKey, report, {
            ReportKey::Type => report.kind,
            ReportKey::Url => report.url,
            ReportKey::Body => report.body,
        })
    }
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(field_identifier)]
enum BodyKey {
    #[serde(rename = "document-uri", alias = "documentURL")]
    Document,
    #[serde(rename = "blocked-uri", alias = "blockedURL")]
    Blocked,
    #[serde(rename = "effective-directive", alias = "effectiveDirective")]
    Effective,
    #[serde(rename = "violated-directive")]
    Violated,
    #[serde(rename = "disposition")]
    Disposition,
    #[serde(rename = "source-file", alias = "sourceFile")]
    SourceFile,
    #[serde(rename = "script-sample", alias = "sample")]
    Sample,
    #[serde(other)]
    Other,
}

impl Lenient for Body {
    fn from_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut body = Self::default();
        entries!(map, BodyKey, body, {
            BodyKey::Document => body.document,
            BodyKey::Blocked => body.blocked,
            BodyKey::Effective => body.effective,
            BodyKey::Violated => body.violated,
            BodyKey::Disposition => body.disposition,
            BodyKey::SourceFile => body.source_file,
            BodyKey::Sample => body.sample,
        })
    }
}
