//! The order in which inheritance can be resolved.

/// Roles such that each comes after all that it inherits from.
///
/// Iterative, so that a chain of ten thousand roles needs no deep stack.
///
/// # Errors
/// A cycle, as the roles along it.
pub(super) fn parents_first(inherits: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut missing: Vec<usize> = inherits.iter().map(Vec::len).collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); inherits.len()];
    for (child, parents) in inherits.iter().enumerate() {
        for parent in parents {
            if let Some(list) = children.get_mut(*parent) {
                list.push(child);
            }
        }
    }
    let mut order: Vec<usize> = (0..inherits.len()).filter(|role| missing.get(*role) == Some(&0)).collect();
    let mut next = 0;
    while let Some(done) = order.get(next).copied() {
        next += 1;
        for child in children.get(done).into_iter().flatten() {
            if let Some(count) = missing.get_mut(*child) {
                *count -= 1;
                if *count == 0 {
                    order.push(*child);
                }
            }
        }
    }
    if order.len() == inherits.len() {
        return Ok(order);
    }
    Err(cycle(inherits, &missing))
}

/// Walks along unresolved parents until a role comes up again.
fn cycle(inherits: &[Vec<usize>], missing: &[usize]) -> Vec<usize> {
    let open = |role: &usize| missing.get(*role).is_some_and(|count| *count > 0);
    let mut path = Vec::new();
    let mut seen = vec![false; inherits.len()];
    let mut here = (0..inherits.len()).find(open);
    while let Some(role) = here {
        if seen.get(role) == Some(&true) {
            let start = path.iter().position(|on_path| *on_path == role).unwrap_or(0);
            path.drain(..start);
            break;
        }
        if let Some(mark) = seen.get_mut(role) {
            *mark = true;
        }
        path.push(role);
        here = inherits.get(role).and_then(|parents| parents.iter().copied().find(open));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_first() {
        let order = parents_first(&[vec![1, 2], vec![2], vec![]]).unwrap();
        assert_eq!(order, [2, 1, 0]);
    }

    #[test]
    fn a_cycle_is_named_without_its_tail() {
        assert_eq!(parents_first(&[vec![1], vec![2], vec![1]]).unwrap_err(), [1, 2]);
        assert_eq!(parents_first(&[vec![0]]).unwrap_err(), [0]);
    }
}
