//! Which known name somebody probably meant.

/// The cure for an unknown name: the nearest known one if one is near, else all of them.
pub(crate) fn did_you_mean<'a>(got: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    let near = known.iter().map(|name| (distance(got, name), *name)).min();
    match near {
        Some((distance, name)) if distance <= 2.max(got.chars().count() / 3) => {
            format!("did you mean `{name}`?")
        }
        None => "none is declared".to_owned(),
        Some(_) => {
            const SHOWN: usize = 12;
            known.sort_unstable();
            let more = if known.len() > SHOWN { ", …" } else { "" };
            known.truncate(SHOWN);
            format!("known are `{}`{more}", known.join("`, `"))
        }
    }
}

/// How many characters must be added, dropped or changed to turn one name into the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let changed = diagonal + usize::from(x != *y);
            diagonal = *cell;
            left = changed.min(*cell + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (a, b, expected) in
            [("", "", 0), ("abc", "", 3), ("", "abc", 3), ("kitten", "sitting", 3), ("a", "a", 0)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn a_near_name_is_offered_alone() {
        assert_eq!(did_you_mean("notes:raed", ["notes:read", "audit:read"]), "did you mean `notes:read`?");
        assert_eq!(did_you_mean("x", ["notes", "audit"]), "known are `audit`, `notes`");
        assert_eq!(did_you_mean("x", []), "none is declared");
    }
}
