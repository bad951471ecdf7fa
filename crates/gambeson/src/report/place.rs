//! Each place, asked.

use std::fmt::Write;
use std::time::Duration;

use gambeson_core::{Clock, Mode, SystemClock, Timestamp};
use gambeson_hardening_headers::check::Finding;
use gambeson_hardening_headers::{HardeningLayer, Limits};
use gambeson_oidc_auth::CertificateLayer;
use gambeson_rbac::AuthorizeLayer;

use super::{PlaceReport, PlaceState};
use crate::Stack;

/// What is the same for all places of one report.
#[derive(Clone, Copy)]
struct Scene {
    now: Timestamp,
}

/// All places, from the outermost to the innermost.
pub(super) fn all(stack: &Stack) -> Vec<PlaceReport> {
    let scene = Scene { now: SystemClock::new().now() };
    let mut places = Vec::from(edge(stack, scene));
    places.extend(callers(stack, scene));
    places.extend(rights(stack, scene));
    places
}

fn edge(stack: &Stack, scene: Scene) -> [PlaceReport; 6] {
    let (limits, rate) = (&stack.limits, &stack.edge_limit);
    [
        scene
            .place(0, "PeerLayer", false, Mode::Enforce)
            .settings(stack.peer.summary())
            .weak(left(&stack.peer.findings(scene.now), &stack.hardening)),
        scene
            .place(1, "TelemetryLayer", stack.telemetry.is_off(), Mode::Enforce)
            .needed("nothing is measured or logged")
            .settings(stack.telemetry.summary()),
        scene
            .place(2, "HardeningLayer", stack.hardening.is_off(), stack.hardening.current_mode())
            .needed("answers carry no security headers, hosts and cross-site requests are not checked")
            .settings(stack.hardening.summary())
            .observed(stack.hardening.observed())
            .weak(stack.hardening.weaknesses())
            .notes(stack.hardening.notes()),
        scene
            .place(2, "AuditLayer", stack.outcomes.is_off(), Mode::Enforce)
            .settings(stack.outcomes.summary()),
        scene
            .place(2, "LimitsLayer", limits.is_off(), limits.current_mode())
            .needed("bodies and handlers may be endless")
            .settings(limits_text(limits.limits()))
            .observed(limits.observed())
            .weak(left(&limits.findings(), &stack.hardening)),
        scene
            .place(3, "EdgeLimitLayer", rate.is_off(), rate.current_mode())
            .needed("strangers may ask as often as they like")
            .settings(rate.rate().map_or_else(String::new, |rate| {
                format!("{} per {} s, burst {}", rate.count, rate.period_seconds, rate.burst)
            }))
            .observed(rate.observed())
            .weak(left(&rate.findings(), &stack.hardening)),
    ]
}

fn callers(stack: &Stack, scene: Scene) -> [PlaceReport; 4] {
    let tokens = &stack.authentication;
    let (mut login, mut login_weak) = (String::new(), None);
    if let Some(found) = stack.login.login() {
        login = format!("signs in at {}, comes back to {}", found.paths().login, found.redirect_uri());
        let ends_none = found.denylist().is_none() && !tokens.is_off();
        login_weak = ends_none.then(|| "logging out ends no access tokens: give it a denylist".to_owned());
        if found.denylist().is_some() {
            login.push_str(", ends access tokens too");
        }
    }
    let (mut settings, mut weak) = (String::new(), Vec::new());
    if let Some(verifier) = tokens.verifier() {
        let audiences: Vec<&str> = verifier.audiences().collect();
        settings = format!("issuer {}, audience {}", verifier.issuer(), audiences.join(" "));
        if verifier.is_lenient() {
            weak.push("tokens pass that don't say that they are access tokens (jwt-lenient)".to_owned());
        }
        if verifier.issuer().starts_with("http://") {
            weak.push("the issuer is asked over plain http".to_owned());
        }
    }
    let quota: Vec<&str> = stack.quota.scopes().collect();
    let authentication = scene.place(4, "AuthLayer", tokens.is_off(), Mode::Enforce);
    // Whom a log-in or a certificate brings needs no token.
    let authentication = match stack.login.is_off() && stack.certificates.is_off() {
        true => authentication.needed("nobody is asked who they are"),
        false => authentication,
    };
    [
        scene.place(4, "LoginLayer", stack.login.is_off(), Mode::Enforce).settings(login).weak(login_weak),
        scene
            .place(4, "CertificateLayer", stack.certificates.is_off(), Mode::Enforce)
            .settings(certificates_text(&stack.certificates)),
        authentication.settings(settings).weak(weak),
        scene
            .place(5, "QuotaLayer", stack.quota.is_off(), stack.quota.current_mode())
            .observing()
            .settings(if quota.is_empty() { "no quotas".to_owned() } else { quota.join(", ") })
            .observed(stack.quota.observed()),
    ]
}

fn certificates_text(certificates: &CertificateLayer) -> String {
    let mut names: Vec<&str> = certificates.names().collect();
    names.sort_unstable();
    let required = if certificates.is_required() { "required, " } else { "" };
    format!("{required}knows {}", names.join(" "))
}

fn rights(stack: &Stack, scene: Scene) -> [PlaceReport; 2] {
    let authorize = &stack.authorization;
    let budgets: Vec<&str> = stack.cost.budgets().collect();
    [
        scene
            .place(6, "AuthorizeLayer", authorize.is_off(), authorize.current_mode())
            .observing()
            .needed("everybody may do everything that handlers don't refuse")
            .settings(rights_text(authorize))
            .observed(authorize.observed())
            .weak(authorize.weaknesses()),
        scene
            .place(7, "CostLayer", stack.cost.is_off(), stack.cost.current_mode())
            .observing()
            .settings(if budgets.is_empty() { "no budgets".to_owned() } else { budgets.join(", ") }),
    ]
}

fn rights_text(authorize: &AuthorizeLayer) -> String {
    let mut text = authorize.summary();
    if let Some(beside) = authorize.shadow_report() {
        let (differing, compared) = (beside.differing(), beside.compared);
        let _ = write!(text, ", the next policy differs in {differing} of {compared} decisions");
    }
    text
}

impl Scene {
    fn place(self, place: u8, layer: &'static str, off: bool, mode: Mode) -> PlaceReport {
        let state = PlaceState::of(off, mode, self.now);
        let mut report = PlaceReport {
            place,
            layer,
            state,
            settings: String::new(),
            observed: None,
            weaknesses: vec![],
            notes: vec![],
        };
        if let (PlaceState::On, Mode::Observe { until }) = (state, mode) {
            report.weaknesses.push(format!("observed until {until} and refuses since: take the date out"));
        }
        report
    }
}

impl PlaceReport {
    /// What is to be feared while this layer is off.
    fn needed(mut self, fear: &str) -> Self {
        if self.state == PlaceState::Off {
            self.weaknesses.push(format!("off: {fear}"));
        }
        self
    }

    fn settings(mut self, settings: String) -> Self {
        if self.state != PlaceState::Off {
            self.settings = settings;
        }
        self
    }

    /// Says until when it refuses nothing, for a layer that has no finding about that.
    fn observing(mut self) -> Self {
        if let PlaceState::Observing { until } = self.state {
            self.weaknesses.push(format!("refuses nothing until {until}"));
        }
        self
    }

    fn observed(self, count: u64) -> Self {
        Self { observed: Some(count), ..self }
    }

    fn notes(mut self, notes: Vec<String>) -> Self {
        if self.state != PlaceState::Off {
            self.notes = notes;
        }
        self
    }

    fn weak(mut self, weaknesses: impl IntoIterator<Item = String>) -> Self {
        if self.state != PlaceState::Off {
            self.weaknesses.extend(weaknesses);
        }
        self
    }
}

fn limits_text(limits: Limits) -> String {
    let time =
        |limit: Option<Duration>| limit.map_or_else(|| "unlimited".to_owned(), |time| format!("{time:?}"));
    let mut text =
        limits.body.map_or_else(|| "body unlimited".to_owned(), |bytes| format!("body {}", size(bytes)));
    let _ = write!(text, " within {}, handler {}", time(limits.body_deadline), time(limits.handler));
    text
}

fn size(bytes: u64) -> String {
    [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
        .into_iter()
        .find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit))
        .map_or_else(|| format!("{bytes} B"), |(unit, name)| format!("{} {name}", bytes / unit))
}

/// What of these findings is not silenced.
fn left(found: &[Finding], hardening: &HardeningLayer) -> Vec<String> {
    let left = found.iter().filter(|finding| !hardening.is_silenced(finding.id()));
    left.map(ToString::to_string).collect()
}
