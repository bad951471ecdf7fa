//! A policy of realistic size: what the tools say about it.

use std::collections::BTreeMap;

use gambeson_core::Principal;
use gambeson_rbac::{Matrix, Policy, Severity, lint};

const COMPANY: &str = include_str!("../fixtures/company.toml");

#[test]
fn it_has_the_size_that_it_promises() {
    let policy = Policy::parse(COMPANY).unwrap();
    assert_eq!(policy.permissions().count(), 60);
    assert_eq!(policy.roles().count(), 12 + 4);
    let matrix = Matrix::of_policy(&policy);
    assert_eq!(matrix.csv().lines().count(), 1 + 80);
    assert_eq!(matrix.markdown().lines().count(), 2 + 80);
    assert_eq!(matrix.html().matches("<tr>").count(), 2 + 80);
}

#[test]
fn every_cell_of_the_matrix_is_what_is_decided() {
    let policy = Policy::parse(COMPANY).unwrap();
    let csv = Matrix::of_policy(&policy).csv();
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let roles = lines.next().unwrap().split_off(2);
    for line in lines {
        for (role, cell) in roles.iter().zip(&line[2..]) {
            let caller = Principal::user("i", "s").role(*role).build();
            let asks = line[1].trim_end_matches(" (privileged)");
            let may = asks.starts_with("public") || policy.may(&caller, asks);
            assert_eq!(*cell == "yes", may, "{role} {line:?}");
            let why = policy.why(&caller, line[0]);
            assert_eq!(why.decision == gambeson_rbac::Decision::Allow, may, "{why}");
        }
    }
}

#[test]
fn its_rows_hold_and_its_doubts_are_known() {
    let report = Policy::parse(COMPANY).unwrap().run_tests();
    assert_eq!((report.passed, report.failures.len()), (20, 0), "{:?}", report.failures);
    let findings = lint(COMPANY);
    assert!(findings.iter().all(|finding| finding.severity == Severity::Warning));
    let mut counts = BTreeMap::new();
    findings.iter().for_each(|finding| *counts.entry(finding.id).or_insert(0) += 1);
    let expected = [("standing-privilege", 7), ("untested-rule", 33)];
    let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected, "{}", told.join("\n"));
}
