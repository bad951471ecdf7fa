//! What a record must be like for a grant or a denial to hold.

use std::fmt;

/// One value of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attribute<'a> {
    /// A whole number; of money, in its smallest unit.
    Number(i64),
    /// A text, compared byte for byte.
    Text(&'a str),
    /// Yes or no.
    Flag(bool),
}

/// What conditions may look at: the values of one record, by name.
///
/// ```
/// use gambeson_rbac::{Attribute, Attributes};
///
/// struct Invoice { cents: i64, currency: String }
///
/// impl Attributes for Invoice {
///     fn attribute(&self, name: &str) -> Option<Attribute<'_>> {
///         match name {
///             "amount" => Some(self.cents.into()),
///             "currency" => Some(self.currency.as_str().into()),
///             _ => None,
///         }
///     }
/// }
/// ```
///
/// A list of pairs is one too. A value that is not there, or is of another type than the policy declares, makes the
/// decision [`Indeterminate`](crate::Decision::Indeterminate), never allowed.
pub trait Attributes {
    /// The value of this name; `None`: the record has none.
    fn attribute(&self, name: &str) -> Option<Attribute<'_>>;
}

impl<const N: usize> Attributes for [(&str, Attribute<'_>); N] {
    fn attribute(&self, name: &str) -> Option<Attribute<'_>> {
        self.as_slice().attribute(name)
    }
}

impl Attributes for [(&str, Attribute<'_>)] {
    fn attribute(&self, name: &str) -> Option<Attribute<'_>> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

impl From<i64> for Attribute<'_> {
    fn from(value: i64) -> Self {
        Self::Number(value)
    }
}

impl<'a> From<&'a str> for Attribute<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl From<bool> for Attribute<'_> {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}

impl Attribute<'_> {
    pub(crate) fn kind(self) -> AttributeType {
        match self {
            Self::Number(_) => AttributeType::Number,
            Self::Text(_) => AttributeType::Text,
            Self::Flag(_) => AttributeType::Flag,
        }
    }
}

/// The type that a policy declares for an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttributeType {
    Number,
    Text,
    Flag,
}

impl AttributeType {
    pub(crate) const NAMES: [&'static str; 3] = ["number", "text", "flag"];

    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "number" => Some(Self::Number),
            "text" => Some(Self::Text),
            "flag" => Some(Self::Flag),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Text => "text",
            Self::Flag => "flag",
        }
    }
}

/// Decides whether a record is as it must be. The typed conditions of the policy are one; another engine would be too.
pub(crate) trait Condition: fmt::Debug + fmt::Display + Send + Sync {
    /// Whether it holds; `None`: that can't be told.
    fn holds(&self, record: &dyn Attributes) -> Option<bool>;
}

/// Typed comparisons, all of which must hold.
#[derive(Debug, Clone)]
pub(crate) struct Typed(pub(crate) Vec<Comparison>);

/// One attribute and what it must be.
#[derive(Debug, Clone)]
pub(crate) struct Comparison {
    pub(crate) attribute: Box<str>,
    pub(crate) wanted: Wanted,
}

/// What an attribute must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// At least and at most.
    Range(Option<i64>, Option<i64>),
    /// One of these.
    OneOf(Vec<Box<str>>),
    Is(bool),
}

impl Condition for Typed {
    fn holds(&self, record: &dyn Attributes) -> Option<bool> {
        // All are looked at, so that what can't be told does not depend on the order.
        self.0.iter().try_fold(true, |all, comparison| Some(comparison.holds(record)? && all))
    }
}

impl Comparison {
    fn holds(&self, record: &dyn Attributes) -> Option<bool> {
        match (&self.wanted, record.attribute(&self.attribute)?) {
            (Wanted::Range(min, max), Attribute::Number(value)) => {
                Some(min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max))
            }
            (Wanted::OneOf(texts), Attribute::Text(value)) => Some(texts.iter().any(|text| **text == *value)),
            (Wanted::Is(wanted), Attribute::Flag(value)) => Some(*wanted == value),
            _ => None,
        }
    }
}

impl Wanted {
    /// The type that an attribute must have to be compared so.
    pub(crate) fn kind(&self) -> AttributeType {
        match self {
            Self::Range(..) => AttributeType::Number,
            Self::OneOf(_) => AttributeType::Text,
            Self::Is(_) => AttributeType::Flag,
        }
    }
}

/// As people say it, for example `amount is at most 10000 and currency is EUR`.
impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, comparison) in self.0.iter().enumerate() {
            let and = if number == 0 { "" } else { " and " };
            write!(f, "{and}{} is {}", comparison.attribute, comparison.wanted)?;
        }
        Ok(())
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(Some(min), Some(max)) if min == max => write!(f, "{min}"),
            Self::Range(Some(min), Some(max)) => write!(f, "from {min} to {max}"),
            Self::Range(Some(min), None) => write!(f, "at least {min}"),
            Self::Range(None, Some(max)) => write!(f, "at most {max}"),
            Self::Range(None, None) => f.write_str("a number"),
            Self::OneOf(texts) => f.write_str(&texts.join(" or ")),
            Self::Is(wanted) => f.write_str(if *wanted { "true" } else { "false" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(wanted: Wanted) -> Typed {
        Typed(vec![Comparison { attribute: "a".into(), wanted }])
    }

    #[test]
    fn bounds_are_part_of_a_range() {
        let range = typed(Wanted::Range(Some(1), Some(3)));
        for (value, expected) in [(0, false), (1, true), (3, true), (4, false)] {
            assert_eq!(range.holds(&[("a", Attribute::Number(value))]), Some(expected), "{value}");
        }
        let texts = typed(Wanted::OneOf(vec!["x".into(), "y".into()]));
        assert_eq!(texts.holds(&[("a", "y".into())]), Some(true));
        assert_eq!(texts.holds(&[("a", "Y".into())]), Some(false));
        assert_eq!(typed(Wanted::Is(false)).holds(&[("a", false.into())]), Some(true));
    }

    #[test]
    fn what_is_missing_or_of_another_type_cannot_be_told_in_any_order() {
        let one = Comparison { attribute: "a".into(), wanted: Wanted::Is(true) };
        let other = Comparison { attribute: "b".into(), wanted: Wanted::Range(None, Some(1)) };
        for both in [[one.clone(), other.clone()], [other, one]] {
            let condition = Typed(both.into());
            assert_eq!(condition.holds(&[("a", false.into())]), None);
            assert_eq!(condition.holds(&[("a", false.into()), ("b", "1".into())]), None);
            assert_eq!(condition.holds(&[("a", false.into()), ("b", 1.into())]), Some(false));
        }
    }

    #[test]
    fn conditions_read_as_people_say_them() {
        let condition = Typed(vec![
            Comparison { attribute: "amount".into(), wanted: Wanted::Range(None, Some(10)) },
            Comparison {
                attribute: "currency".into(),
                wanted: Wanted::OneOf(vec!["EUR".into(), "CHF".into()]),
            },
        ]);
        assert_eq!(condition.to_string(), "amount is at most 10 and currency is EUR or CHF");
    }
}
