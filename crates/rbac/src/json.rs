//! JSON with the place of each value (RFC 8259): for claims, and for policies whose errors name a line.

use std::borrow::Cow;
use std::collections::HashSet;

/// Lists and objects within each other; what is deeper is refused, so that no text needs a deep stack.
const DEEPEST: u8 = 64;

/// A value and the bytes at which it starts and ends.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placed<'j> {
    pub(crate) value: Value<'j>,
    pub(crate) at: usize,
    pub(crate) end: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'j> {
    Null,
    Bool(bool),
    /// As it is written.
    Number(&'j str),
    Text(Cow<'j, str>),
    List(Vec<Placed<'j>>),
    Object(Vec<Member<'j>>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member<'j> {
    pub(crate) name: Cow<'j, str>,
    pub(crate) at: usize,
    pub(crate) value: Placed<'j>,
}

/// What is wrong, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// Reads one value that is the whole text. A member that is there twice is refused: readers differ in which one counts.
pub(crate) fn read(text: &str) -> Result<Placed<'_>, Malformed> {
    let mut reader = Reader { text, at: 0 };
    reader.blanks();
    let value = reader.value(DEEPEST)?;
    reader.blanks();
    match reader.peek() {
        None => Ok(value),
        Some(_) => reader.fail("something follows the value"),
    }
}

pub(crate) const TWICE: &str = "this name is there twice";

/// Where a name comes up again: readers differ in which one counts.
pub(crate) fn twice(members: &[Member<'_>]) -> Option<usize> {
    let mut seen = HashSet::with_capacity(members.len());
    members.iter().find(|member| !seen.insert(&*member.name)).map(|again| again.at)
}

impl<'j> Value<'j> {
    /// The member of this name; `None` too where this is no object.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|member| member.name == name).map(|member| &member.value.value)
    }
}

struct Reader<'j> {
    text: &'j str,
    at: usize,
}

impl<'j> Reader<'j> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fail<T>(&self, what: &'static str) -> Result<T, Malformed> {
        Err(Malformed { at: self.at, what })
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Goes on behind `byte`, if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let next = self.peek() == Some(byte);
        self.at += usize::from(next);
        next
    }

    fn since(&self, start: usize) -> &'j str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn value(&mut self, depth: u8) -> Result<Placed<'j>, Malformed> {
        let at = self.at;
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Placed { value, at, end: self.at })
    }

    fn word(&mut self) -> Result<Value<'j>, Malformed> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        for (word, value) in
            [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)]
        {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.fail("a value is missing here")
    }

    fn object(&mut self, depth: u8) -> Result<Value<'j>, Malformed> {
        let mut members = Vec::new();
        self.each(b'}', depth, |reader, depth| {
            let at = reader.at;
            if reader.peek() != Some(b'"') {
                return reader.fail("a name in quotes is missing here");
            }
            let name = reader.string()?;
            reader.blanks();
            if !reader.take(b':') {
                return reader.fail("a colon is missing here");
            }
            reader.blanks();
            members.push(Member { name, at, value: reader.value(depth)? });
            Ok(())
        })?;
        match twice(&members) {
            Some(at) => Err(Malformed { at, what: TWICE }),
            None => Ok(Value::Object(members)),
        }
    }

    fn list(&mut self, depth: u8) -> Result<Value<'j>, Malformed> {
        let mut items = Vec::new();
        self.each(b']', depth, |reader, depth| {
            items.push(reader.value(depth)?);
            Ok(())
        })?;
        Ok(Value::List(items))
    }

    /// Reads what stands between two brackets, with commas in between.
    fn each(
        &mut self,
        close: u8,
        depth: u8,
        mut one: impl FnMut(&mut Self, u8) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let Some(depth) = depth.checked_sub(1) else { return self.fail("this is nested too deep") };
        self.at += 1;
        self.blanks();
        if self.take(close) {
            return Ok(());
        }
        loop {
            self.blanks();
            one(self, depth)?;
            self.blanks();
            if self.take(close) {
                return Ok(());
            }
            if !self.take(b',') {
                return self.fail("a comma or the closing bracket is missing here");
            }
        }
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { self.fail("a digit is missing here") } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Value<'j>, Malformed> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(Value::Number(self.since(start)))
    }

    /// A string, whose opening quote is next.
    fn string(&mut self) -> Result<Cow<'j, str>, Malformed> {
        self.at += 1;
        let mut start = self.at;
        let mut unescaped: Option<String> = None;
        loop {
            match self.peek() {
                None => return self.fail("a closing quote is missing here"),
                Some(b'"') => {
                    let rest = self.since(start);
                    self.at += 1;
                    return Ok(match unescaped {
                        None => Cow::Borrowed(rest),
                        Some(text) => Cow::Owned(text + rest),
                    });
                }
                Some(b'\\') => {
                    let before = self.since(start);
                    let text = unescaped.get_or_insert_default();
                    text.push_str(before);
                    self.at += 1;
                    let c = self.escape()?;
                    text.push(c);
                    start = self.at;
                }
                Some(0..b' ') => return self.fail("a control character has to be escaped"),
                Some(_) => self.at += 1,
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<char, Malformed> {
        let simple = match self.peek() {
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return self.fail("there is no such escape"),
        };
        self.at += 1;
        Ok(simple)
    }

    /// Four digits, and four more for the second half of a pair.
    fn unicode(&mut self) -> Result<char, Malformed> {
        let first = self.four_digits()?;
        let code = match first {
            0xd800..=0xdbff if self.take(b'\\') && self.take(b'u') => match self.four_digits()? {
                second @ 0xdc00..=0xdfff => 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                _ => return self.fail("half a character"),
            },
            code => code,
        };
        char::from_u32(code).map_or_else(|| self.fail("half a character"), Ok)
    }

    fn four_digits(&mut self) -> Result<u32, Malformed> {
        let digits = self.text.get(self.at..self.at + 4).unwrap_or_default();
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return self.fail("four hexadecimal digits are missing here");
        }
        let Ok(code) = u32::from_str_radix(digits, 16) else {
            return self.fail("four hexadecimal digits are missing here");
        };
        self.at += 4;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_with_their_places() {
        let text = r#" {"a": [1, -0.5e+3, true, null], "b\u00e9\n": "\ud83d\ude00/\/"} "#;
        let read = read(text).unwrap();
        assert_eq!((read.at, read.end), (1, text.len() - 1));
        let Value::Object(members) = &read.value else { unreachable!("{read:?}") };
        assert_eq!(members[1].name, "bé\n");
        assert_eq!(members[1].value.value, Value::Text("😀//".into()));
        let Value::List(items) = &members[0].value.value else { unreachable!("{read:?}") };
        let places: Vec<&str> = items.iter().map(|item| &text[item.at..item.end]).collect();
        assert_eq!(places, ["1", "-0.5e+3", "true", "null"]);
        assert_eq!(items[1].value, Value::Number("-0.5e+3"));
        assert_eq!(read.value.get("a").unwrap().get("x"), None);
    }

    #[test]
    fn what_is_no_json_is_refused_at_its_place() {
        for (text, at) in [
            ("", 0),
            ("{", 1),
            ("{\"a\":1,}", 7),
            ("{\"a\" 1}", 5),
            ("{a:1}", 1),
            ("[1 2]", 3),
            ("[1],", 3),
            ("01", 1),
            ("1.", 2),
            ("-", 1),
            ("\"a", 2),
            ("\"\n\"", 1),
            ("\"\\x\"", 2),
            ("\"\\ud800\"", 7),
            ("\"\\ud800\\u0041\"", 13),
            ("\"\\u00+1\"", 3),
            ("nul", 0),
            ("{\"a\":1,\"\\u0061\":2}", 7),
            ("\u{feff}{}", 0),
        ] {
            assert_eq!(read(text).unwrap_err().at, at, "{text}");
        }
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(read(&deep(64)).is_ok() && read(&deep(65)).is_err());
    }

    /// The same value as another reader has it.
    fn other(value: &Value<'_>) -> serde_json::Value {
        match value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(flag) => (*flag).into(),
            Value::Number(number) => serde_json::from_str(number).unwrap(),
            Value::Text(text) => text.as_ref().into(),
            Value::List(items) => items.iter().map(|item| other(&item.value)).collect(),
            Value::Object(members) => {
                members.iter().map(|member| (member.name.to_string(), other(&member.value.value))).collect()
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn another_reader_agrees(parts in proptest::collection::vec(proptest::sample::select(&[
            "{", "}", "[", "]", ",", ":", "\"a\"", "\"b\":", "\"\\u00e9\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\", "1", "-0", "1.5",
            "1e-2", "01", ".", "true", "null", "nul", " ", "\n", "\"\t\"", "é", "\u{0}",
        ][..]), 0..12)) {
            let text = parts.concat();
            match (read(&text), serde_json::from_str::<serde_json::Value>(&text)) {
                (Ok(ours), Ok(theirs)) => proptest::prop_assert_eq!(other(&ours.value), theirs),
                // Another reader takes the last of two that have one name.
                (Err(error), Ok(_)) => proptest::prop_assert_eq!(error.what, TWICE, "{}", text),
                (Ok(_), Err(error)) => proptest::prop_assert!(false, "{} {}", text, error),
                (Err(_), Err(_)) => {}
            }
        }
    }
}
