//! What else is said of findings that are common mistakes: which field, what is there, and the cure.

use crate::lint_samples::{said, text};

/// As the samples of all ids.
const MESSAGES: &[(&str, &str, &str)] = &[
    (
        "unknown-version",
        " version = \"1\"",
        "1:11: `version` is of type string [unknown-version]: write the number 1, without quotes",
    ),
    (
        "wrong-type",
        "[roles]\na = { deny = \"notes:write\" }",
        "7:14: `deny` in role `a` is of type string [wrong-type]: write a list, such as [\"notes:write\"]",
    ),
    (
        "wrong-type",
        "x = { attributes = { a = \"number\" } }\n[roles]\nr = { grants = [{ perm = \"x\", when = { a = { min = 1.5 } } }] }",
        "8:52: `min` in the condition on `a` is of type float [wrong-type]: write a whole number, such as 10; of money, in its smallest unit",
    ),
    (
        "wrong-type",
        "x = { attributes = { a = \"number\" } }\n[roles]\nr = { grants = [{ perm = \"x\", when = { a = { max = \"9\" } } }] }",
        "8:52: `max` in the condition on `a` is of type string [wrong-type]: write a whole number, such as 10; of money, in its smallest unit",
    ),
    (
        "wrong-type",
        "x = { attributes = { a = \"number\" } }\n[roles]\nr = { grants = [{ perm = \"x\", when = { a = 1.5 } }] }",
        "8:44: the condition on `a` is of type float [wrong-type]: write a whole number, such as 10; of money, in its smallest unit",
    ),
    (
        "condition",
        "x = { attributes = { a = \"number\" } }\n[roles]\nr = { grants = [{ perm = \"x\", when = { a = { min = 9, max = 3 } } }] }",
        "8:52: `min` in the condition on `a` is 9, and more than `max`, 3: nothing is both [condition]: make `max` at least as large as `min`",
    ),
    (
        "condition",
        "x = { attributes = { a = \"number\" } }\n[roles]\nr = { grants = [{ perm = \"x\", when = { a = { equals = 9223372036854775808 } } }] }",
        "8:55: `equals` in the condition on `a` is larger than 64 bits hold [condition]: write a whole number from -9223372036854775808 to 9223372036854775807",
    ),
    (
        "wrong-type",
        "[roles]\na = {}\nb = {}\n[[separation_of_duties]]\nname = \"n\"\nkind = \"static\"\nroles = [\"a\", \"b\"]\nmax = 1.5",
        "13:7: `max` in [[separation_of_duties]] is of type float [wrong-type]: write a whole number, such as 1",
    ),
    (
        "missing-key",
        "[roles]\na = {}\nb = {}\n[[separation_of_duties]]\nname = \"n\"\nkind = \"static\"\nroles = [\"a\", \"b\"]",
        "9:1: `max` is missing in [[separation_of_duties]] [missing-key]: write `max = 1`",
    ),
    (
        "public-without-reason",
        "[routes]\nfallback = { public = \" \" }",
        "7:1: `fallback` is public, and nobody says why [public-without-reason]: write the reason, such as { public = \"probe\" }",
    ),
];

#[test]
fn common_mistakes_are_said_with_line_field_and_cure() {
    for (id, sample, expected) in MESSAGES {
        assert_eq!(said(&text(sample), id), [*expected], "{sample}");
    }
}
