//! The result of a scan, and what tests ask of it.

use std::fmt::{self, Debug};

use bytes::Bytes;
use gambeson_core::{ProblemJson, Respond, Scheme};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use tower_layer::Layer;
use tower_service::Service;

use super::answer::Answer;
use super::asked::Asked;
use super::asvs;
use super::drive::Driver;
use super::observatory::{Grade, Observed, Step, observatory};
use super::oshp::{Oshp, oshp};
use super::reporting;
use crate::check::{Finding, Level, Silences};
use crate::{Edge, Peer, PeerLayer, TrustedProxies};

/// The name that is asked for where an edge declares no host.
const ANY_HOST: &str = "app.example.com";

/// What an app answered, and what graders would say about it. For tests only.
#[derive(Debug, Clone)]
pub struct Scan {
    host: String,
    pages: Vec<Page>,
    logout: Option<Answer>,
    http_counts: bool,
    silences: Silences,
    readable: Vec<String>,
}

/// One path's answers.
#[derive(Debug, Clone)]
struct Page {
    path: String,
    answer: Answer,
    preflight: Answer,
    over_http: Answer,
    steps: Vec<Step>,
    /// Where the answer has browsers report to, and what a report gets there.
    reports: Vec<(String, StatusCode)>,
}

impl Edge {
    /// Asks this app, behind this edge and a [`PeerLayer`], for these paths as graders would: over https, over http, and by a
    /// preflight of a stranger's page. Where its answers have browsers report to a path of the app, that gets an empty list of reports. `app` is the app without those layers, or with them: a service
    /// of requests with a [`Full`] body, as axum's `Router` is one. A path is a text, or [`Asked`] with the status that its answer has. For
    /// tests only.
    ///
    /// # Panics
    /// The app gave no answer, one of another status than asked for, a 4xx or 5xx where none was asked for, or a path is none.
    pub async fn scan<S, ResBody, P>(&self, app: S, paths: impl IntoIterator<Item = P>) -> Scan
    where
        S: Service<Request<Full<Bytes>>, Response = Response<ResBody>> + Clone,
        S::Error: Debug,
        ResBody: http_body::Body + From<Bytes>,
        ResBody::Error: Debug,
        ProblemJson: Respond<ResBody>,
        P: Into<Asked>,
    {
        let app: Peer<_> = PeerLayer::new(TrustedProxies::none()).layer(self.layer().layer(app));
        let host = self.public_host().unwrap_or(ANY_HOST);
        let (silences, readable) = (self.silences().clone(), self.readable_cookies());
        Scan { silences, readable, ..Scan::of(app, host, paths).await }
    }
}

impl Scan {
    /// Asks this app as it is, whatever layers it has, under the name of this host; see [`Edge::scan`]. For tests only.
    ///
    /// # Panics
    /// As [`Edge::scan`].
    pub async fn of<S, ResBody, P>(app: S, host: &str, paths: impl IntoIterator<Item = P>) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<ResBody>> + Clone,
        S::Error: Debug,
        ResBody: http_body::Body,
        ResBody::Error: Debug,
        P: Into<Asked>,
    {
        let driver = Driver { app, host: host.to_owned() };
        let mut pages = Vec::new();
        for path in paths {
            let page = Page::of(&driver, &path.into()).await;
            assert!(page.is_ok(), "the scan got no answer: {}", page.err().unwrap_or_default());
            pages.extend(page);
        }
        assert!(!pages.is_empty(), "a scan needs a path");
        Self {
            host: driver.host,
            pages,
            logout: None,
            http_counts: false,
            silences: Silences::default(),
            readable: Vec::new(),
        }
    }

    /// Counts what the app answers over plain http: a browser can reach it so, and nothing in front redirects it. Unless said, a
    /// listener for plain http counts as not there.
    #[must_use]
    pub fn counting_http(self) -> Self {
        Self { http_counts: true, ..self }
    }

    /// The answer to a log-out, for the test of `Clear-Site-Data`.
    #[must_use]
    pub fn logout(self, answer: impl Into<Answer>) -> Self {
        Self { logout: Some(answer.into()), ..self }
    }

    /// The answers over https, with their paths.
    pub fn answers(&self) -> impl Iterator<Item = (&str, &Answer)> {
        self.pages.iter().map(|page| (page.path.as_str(), &page.answer))
    }

    /// What MDN's HTTP Observatory would say about the path of which it would say the worst.
    #[must_use]
    pub fn observatory(&self) -> Grade {
        let grades = self.pages.iter().map(|page| self.grade(page));
        let worst = grades.min_by_key(|grade| grade.score);
        worst.unwrap_or_else(|| observatory(&Observed::new(&self.host, &Answer::from(HeaderMap::new()))))
    }

    fn grade(&self, page: &Page) -> Grade {
        let observed = Observed::new(&self.host, &page.answer).preflight(&page.preflight);
        match self.http_counts {
            true => observatory(&observed.over_http(&page.steps)),
            false => observatory(&observed),
        }
    }

    /// What the OWASP Secure Headers Project would say about the path of which it would say the worst.
    #[must_use]
    pub fn oshp(&self) -> Oshp {
        let all = self.pages.iter().map(|page| oshp(&page.answer, self.logout.as_ref()));
        let worst = all.max_by_key(|result| result.failing().count());
        worst.unwrap_or_else(|| oshp(&Answer::from(HeaderMap::new()), self.logout.as_ref()))
    }

    /// What of OWASP ASVS 5 the answers don't meet, under the ids of [`check`](crate::check). An edge's scan leaves out what the edge
    /// silences, and does not ask for `HttpOnly` of cookies that it calls readable.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let found = self.pages.iter().flat_map(|page| page.findings(&self.readable));
        found.filter(|finding| !self.silences.holds(finding.rule())).collect()
    }

    /// That the Observatory would give each path this score or a better one.
    ///
    /// # Panics
    /// It would not; the message is the table of its tests.
    pub fn assert_observatory(&self, score: u32) {
        for page in &self.pages {
            let grade = self.grade(page);
            assert!(grade.score >= score, "{}: less than {score}\n{grade}", page.path);
        }
    }

    /// That each path passes all tests of the OWASP Secure Headers Project that can be made.
    ///
    /// # Panics
    /// One does not; the message is the table of the tests.
    pub fn assert_oshp(&self) {
        for page in &self.pages {
            let result = oshp(&page.answer, self.logout.as_ref());
            assert!(result.passes(), "{}: {result}", page.path);
        }
    }

    /// That no answer falls short of a requirement of OWASP ASVS 5 of this level or a lower one, as far as answers show it.
    ///
    /// # Panics
    /// One does; the message lists what.
    pub fn assert_asvs(&self, level: Level) {
        let found: Vec<Finding> =
            self.findings().into_iter().filter(|finding| finding.level() <= level).collect();
        assert!(found.is_empty(), "OWASP ASVS 5 {level}: {}", Lines(&found));
    }
}

impl Page {
    async fn of<S, ResBody>(driver: &Driver<S>, asked: &Asked) -> Result<Self, String>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<ResBody>> + Clone,
        S::Error: Debug,
        ResBody: http_body::Body,
        ResBody::Error: Debug,
    {
        let path = asked.path();
        let answer = driver.ask(Scheme::Https, Method::GET, path, HeaderMap::new()).await?;
        asked.check(answer.status)?;
        let preflight = driver.preflight(path).await?;
        let (over_http, steps) = driver.over_http(path).await?;
        let mut reports = Vec::new();
        for target in reporting::targets(&answer) {
            let Some(taken) = driver.report(&target).await else { continue };
            reports.push((target, taken?.status));
        }
        Ok(Self { path: path.to_owned(), answer, preflight, over_http, steps, reports })
    }

    fn findings(&self, readable: &[String]) -> Vec<Finding> {
        let mut found = asvs::findings(&self.answer, &self.path, readable);
        let preflight = asvs::findings(&self.preflight, &format!("preflight of {}", self.path), readable);
        found.extend(preflight.into_iter().filter(|finding| finding.id() == crate::check::HH137.id()));
        found.extend(asvs::silent_redirect(&self.over_http, &self.answer, &self.path));
        found.extend(asvs::lost_reports(&self.reports, &self.path));
        found
    }
}

/// A finding a line.
struct Lines<'a>(&'a [Finding]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} findings", self.0.len())?;
        for finding in self.0 {
            write!(f, "\n  {}  {finding}", finding.level())?;
        }
        Ok(())
    }
}

/// All three results, as tables.
impl fmt::Display for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for page in &self.pages {
            let found = page.findings(&self.readable).into_iter();
            let (silenced, found): (Vec<_>, Vec<_>) =
                found.partition(|finding| self.silences.holds(finding.rule()));
            writeln!(f, "{} ({})", page.path, page.answer.status)?;
            writeln!(f, "{}", self.grade(page))?;
            writeln!(f, "{}", oshp(&page.answer, self.logout.as_ref()))?;
            writeln!(f, "OWASP ASVS 5: {}", Lines(&found))?;
            if !silenced.is_empty() {
                writeln!(f, "silenced: {}", Lines(&silenced))?;
            }
        }
        Ok(())
    }
}
