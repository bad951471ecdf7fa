//! What the app counted, beside what its clients saw.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use super::ledger::{Ledger, Series};

/// The app's metrics at one moment.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) requests: BTreeMap<Series, u64>,
    pub(super) refused: BTreeMap<String, u64>,
    /// Requests that have not ended, the one for the metrics included.
    pub(super) active: i64,
    /// Requests that ended without their client.
    pub(super) cancelled: u64,
}

/// One count of both sides.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) what: String,
    /// What was seen.
    pub(super) clients: u64,
    /// What may be counted besides: given up before an answer was seen.
    pub(super) perhaps: u64,
    pub(super) app: u64,
}

impl Row {
    pub(super) fn holds(&self) -> bool {
        (self.clients..=self.clients + self.perhaps).contains(&self.app)
    }
}

impl Counted {
    /// Reads OpenMetrics text.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut counted = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            counted.line(line).with_context(|| format!("a line of /metrics: {line}"))?;
        }
        Ok(counted)
    }

    fn line(&mut self, line: &str) -> Result<()> {
        let Some((name, rest)) = line.split_once('{') else { return Ok(()) };
        let (labels, value) = rest.rsplit_once("} ").context("no value")?;
        match name {
            "http_server_request_duration_seconds_count" => {
                let labels = labels_of(labels)?;
                let text = |name: &str| labels.get(name).copied().unwrap_or_default();
                let status = text("http_response_status_code");
                let status = if status.is_empty() { 0 } else { status.parse()? };
                let (method, route) = (text("http_request_method").into(), text("http_route").into());
                let value: u64 = value.parse()?;
                *self.requests.entry(Series { method, route, status }).or_default() += value;
                if text("error_type") == "cancelled" {
                    self.cancelled += value;
                }
            }
            "http_server_active_requests" => self.active += value.parse::<i64>()?,
            "gambeson_rejections_total" => {
                let slug = labels_of(labels)?.get("slug").copied().unwrap_or("(overflow)").to_owned();
                *self.refused.entry(slug).or_default() += value.parse::<u64>()?;
            }
            _ => {}
        }
        Ok(())
    }

    /// What was counted since.
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            requests: less(&self.requests, &before.requests),
            refused: less(&self.refused, &before.refused),
            active: self.active,
            cancelled: self.cancelled - before.cancelled,
        }
    }

    /// Requests by method, route and status; and those of one method and route together.
    pub(super) fn series(&self, ledger: &Ledger) -> Vec<Row> {
        let is_ours = |series: &Series| series.route == "/metrics";
        let all: BTreeSet<&Series> =
            self.requests.keys().chain(ledger.answered.keys()).filter(|series| !is_ours(series)).collect();
        let mut rows: Vec<Row> = all.iter().map(|series| self.one(series, ledger)).collect();
        for (group, perhaps) in &ledger.perhaps {
            let sum = |counts: &BTreeMap<Series, u64>| -> u64 {
                counts.iter().filter(|(series, _)| series.group() == *group).map(|(_, count)| count).sum()
            };
            let (clients, app) = (sum(&ledger.answered), sum(&self.requests));
            rows.push(Row { what: format!("{} {} all", group.0, group.1), clients, perhaps: *perhaps, app });
        }
        rows
    }

    fn one(&self, series: &Series, ledger: &Ledger) -> Row {
        let count = |counts: &BTreeMap<Series, u64>| counts.get(series).copied().unwrap_or_default();
        let route = if series.route.is_empty() { "(no route)" } else { &series.route };
        let status = if series.status == 0 { "unanswered".to_owned() } else { series.status.to_string() };
        Row {
            what: format!("{} {route} {status}", series.method),
            clients: count(&ledger.answered),
            perhaps: ledger.perhaps.get(&series.group()).copied().unwrap_or_default(),
            app: count(&self.requests),
        }
    }

    /// Refusals by their reason.
    pub(super) fn refusals(&self, ledger: &Ledger) -> Vec<Row> {
        let all: BTreeSet<&String> = self.refused.keys().chain(ledger.refused.keys()).collect();
        let row = |slug: &&String| {
            let count = |counts: &BTreeMap<String, u64>| counts.get(*slug).copied().unwrap_or_default();
            Row {
                what: (*slug).clone(),
                clients: count(&ledger.refused),
                perhaps: count(&ledger.perhaps_refused),
                app: count(&self.refused),
            }
        };
        all.iter().map(row).collect()
    }

    /// Requests that ended, those for the metrics left out.
    pub(super) fn all(&self) -> u64 {
        self.requests.iter().filter(|(series, _)| series.route != "/metrics").map(|(_, count)| count).sum()
    }

    /// Requests that the log has a line of: probes that were answered as meant are told only when asked for.
    pub(super) fn logged(&self) -> u64 {
        let is_probe =
            |series: &Series| matches!(series.route.as_str(), "/livez" | "/readyz") && series.status == 200;
        let probes: u64 =
            self.requests.iter().filter(|(series, _)| is_probe(series)).map(|(_, count)| count).sum();
        self.all() - probes
    }
}

fn less<K: Ord + Clone>(now: &BTreeMap<K, u64>, before: &BTreeMap<K, u64>) -> BTreeMap<K, u64> {
    let since = |(key, count): (&K, &u64)| {
        let before = before.get(key).copied().unwrap_or_default();
        (*count > before).then(|| (key.clone(), count - before))
    };
    now.iter().filter_map(since).collect()
}

/// The labels of a line; none of ours holds an escaped quotation mark.
fn labels_of(text: &str) -> Result<BTreeMap<&str, &str>> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while let Some((name, more)) = rest.split_once("=\"") {
        let Some((value, more)) = more.split_once('"') else { bail!("a label without an end") };
        labels.insert(name, value);
        rest = more.trim_start_matches(',');
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# TYPE http_server_request_duration_seconds histogram
http_server_request_duration_seconds_bucket{http_request_method="GET",le="+Inf"} 9
http_server_request_duration_seconds_count{http_request_method="GET",url_scheme="http",http_route="/n/{id}",http_response_status_code="404"} 9
http_server_request_duration_seconds_count{http_request_method="GET",url_scheme="http",http_route="/n/{id}",http_response_status_code="404",error_type="cancelled"} 1
http_server_request_duration_seconds_count{http_request_method="GET",url_scheme="http",http_route="/n/{id}",error_type="cancelled"} 2
http_server_active_requests{http_request_method="GET",url_scheme="http"} 1
gambeson_rejections_total{class="permission",package="gambeson-rbac",slug="not-found"} 10
# EOF
"#;

    fn counted() -> Counted {
        Counted::parse(TEXT).expect("metrics")
    }

    #[test]
    fn metrics_are_read() {
        let counted = counted();
        let series = Series { method: "GET".into(), route: "/n/{id}".into(), status: 404 };
        assert_eq!(counted.requests.get(&series), Some(&10));
        assert_eq!((counted.all(), counted.cancelled, counted.active), (12, 3, 1));
        assert_eq!(counted.refused.get("not-found"), Some(&10));
        assert_eq!(counted.since(&counted).all(), 0);
    }

    #[test]
    fn a_request_that_nobody_sent_is_found() {
        let mut ledger = Ledger::default();
        ledger.answered("GET", "/n/{id}", 404, 10);
        let failing = |ledger: &Ledger| counted().series(ledger).iter().filter(|row| !row.holds()).count();
        assert_eq!(failing(&ledger), 1, "two were given up, says the app");
        ledger.perhaps.insert(("GET".into(), "/n/{id}".into()), 2);
        assert_eq!(failing(&ledger), 0);
    }

    #[test]
    fn a_refusal_that_is_not_counted_is_found() {
        let mut ledger = Ledger::default();
        ledger.refused("not-found", 11);
        assert!(counted().refusals(&ledger).iter().any(|row| !row.holds()));
    }
}
