//! Where an answer has browsers report to.

use super::answer::Answer;

/// The addresses that its policies and its `Reporting-Endpoints` name (CSP 3 §6.5.1, Reporting API §3.2), each once.
pub(super) fn targets(answer: &Answer) -> Vec<String> {
    let mut targets: Vec<String> = Vec::new();
    for field in ["content-security-policy", "content-security-policy-report-only"] {
        for line in answer.lines(field) {
            let directives = line.split([';', ',']).map(str::split_ascii_whitespace);
            let told = directives.filter_map(|mut words| {
                words.next().filter(|name| name.eq_ignore_ascii_case("report-uri")).map(|_| words)
            });
            targets.extend(told.flatten().map(str::to_owned));
        }
    }
    for line in answer.lines("reporting-endpoints") {
        targets.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
    }
    targets.sort_unstable();
    targets.dedup();
    targets
}
