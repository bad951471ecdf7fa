//! Refusals of strangers, told once and then counted: however many come, they don't fill the disk.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gambeson_core::{AuditEvent, AuditKind, ConfigProblems, Monotonic, Outcome};

use crate::losses::Loss;

/// How refusals of strangers are put together.
///
/// The first refusal of a kind, action, reason, method, route and network (/24 of IPv4, /48 of IPv6) within a window is kept as
/// it is. Further ones are counted, and told by one record when the window ends.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Refusals {
    /// How long they are counted before they are told. Default one minute; zero keeps each of them.
    #[serde(with = "humantime_serde")]
    pub window: Duration,
    /// How many groups there may be in a window; what belongs to none is counted in one more. Default 256, at least 1.
    pub groups: usize,
}

impl Default for Refusals {
    fn default() -> Self {
        Self { window: Duration::from_secs(60), groups: 256 }
    }
}

impl Refusals {
    pub(crate) fn validate(&self, problems: &mut ConfigProblems) {
        if self.groups == 0 {
            problems.add("audit_trail.refusals.groups", "0", "set at least 1");
        }
    }
}

/// What anybody on the network can cause: it came with a request, and nobody said who they are.
///
/// What the app does on its own has no request. Whatever is told of its secrets, policies, configuration and results is its
/// own doing, also within one.
pub(crate) fn is_strangers(event: &AuditEvent) -> bool {
    let AuditEvent { kind, context, method, .. } = event;
    let asked = method.is_some()
        || context.address.is_some()
        || context.route.is_some()
        || context.request_id.is_some();
    let own = matches!(
        kind,
        AuditKind::SecretAccess
            | AuditKind::PolicyChange
            | AuditKind::ConfigurationChange
            | AuditKind::Provenance
    );
    asked && !own && context.subject.is_none() && context.actor.is_none()
}

/// What a trail keeps async, however surely it is asked to.
pub(crate) fn is_strangers_refusal(event: &AuditEvent) -> bool {
    is_strangers(event) && event.outcome != Outcome::Success
}

/// What refusals have in common that are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Group {
    pub(crate) kind: AuditKind,
    pub(crate) outcome: Outcome,
    pub(crate) action: Box<str>,
    pub(crate) reason: Option<Box<str>>,
    pub(crate) method: Option<Box<str>>,
    pub(crate) route: Option<Box<str>>,
    pub(crate) network: Option<Network>,
}

/// The network of a client, about as many addresses as one site has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(IpAddr);

impl Network {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << 8)).into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 80)).into(),
        })
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let length = if self.0.is_ipv4() { 24 } else { 48 };
        write!(f, "{}/{length}", self.0)
    }
}

impl Group {
    fn of(event: &AuditEvent) -> Self {
        let short = |text: &str| text.chars().take(128).collect::<String>().into_boxed_str();
        Self {
            kind: event.kind,
            outcome: event.outcome,
            action: short(&event.action),
            reason: event.reason.as_deref().map(short),
            method: event.method.as_ref().map(|method| short(method.as_str())),
            route: event.context.route.as_ref().map(|route| short(route.as_str())),
            network: event.context.address.map(Network::of),
        }
    }
}

/// Refusals that were counted and are to be told; no group: what fitted into none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) group: Option<Group>,
    pub(crate) count: Loss,
}

/// The refusals of the present window.
#[derive(Debug)]
pub(crate) struct Window {
    limits: Refusals,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    began: Option<Monotonic>,
    groups: HashMap<Group, Loss>,
    others: Option<Loss>,
    /// Nobody will tell what is counted from now on.
    over: bool,
}

impl Window {
    pub(crate) fn new(limits: Refusals) -> Self {
        Self { limits, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the refusal was counted, so that it need not be kept itself.
    pub(crate) fn counts(&self, event: &AuditEvent, now: Monotonic) -> bool {
        if self.limits.window.is_zero() {
            return false;
        }
        let group = Group::of(event);
        let mut state = self.state();
        if state.over {
            return false;
        }
        state.began.get_or_insert(now);
        let room = state.groups.len() < self.limits.groups;
        if let Some(count) = state.groups.get_mut(&group) {
            count.add(event.at);
            true
        } else if room {
            state.groups.insert(group, Loss::none(event.at));
            false
        } else {
            state.others.get_or_insert(Loss::none(event.at)).add(event.at);
            true
        }
    }

    /// How long the window is still open; `None` when none is.
    pub(crate) fn due_in(&self, now: Monotonic) -> Option<Duration> {
        let began = self.state().began?;
        Some(began.plus(self.limits.window).since(now))
    }

    /// Closes the window, for good if it is the `last`, and gives what it counted.
    pub(crate) fn close(&self, last: bool) -> Vec<Told> {
        let next = State { over: last, ..State::default() };
        let State { groups, others, .. } = std::mem::replace(&mut *self.state(), next);
        let told = groups.into_iter().map(|(group, count)| Told { group: Some(group), count });
        let mut told: Vec<Told> = told.filter(|told| told.count.count > 0).collect();
        told.sort_by_key(|told| told.count.first);
        told.extend(others.map(|count| Told { group: None, count }));
        told
    }
}

#[cfg(test)]
mod tests {
    use gambeson_core::{MatchedRoute, RequestId, Timestamp};

    use super::*;

    fn refusal(address: &str, second: i64) -> AuditEvent {
        let at = Timestamp::from_unix_seconds(second);
        let mut event = AuditEvent::new(AuditKind::Authentication, "token.verify", Outcome::Denied, at);
        event.context.address = Some(address.parse().unwrap());
        event
    }

    #[test]
    fn the_first_is_kept_and_further_ones_of_its_network_are_counted() {
        let window = Window::new(Refusals::default());
        let now = Monotonic::from_nanos(0);
        assert_eq!(window.due_in(now), None);
        assert!(!window.counts(&refusal("192.0.2.1", 1), now));
        assert!(window.counts(&refusal("192.0.2.9", 5), now.plus(Duration::from_secs(20))));
        assert!(window.counts(&refusal("::ffff:192.0.2.200", 3), now));
        assert!(!window.counts(&refusal("192.0.3.1", 1), now), "another network");
        assert!(!window.counts(&refusal("2001:db8:1:2::1", 1), now));
        assert!(window.counts(&refusal("2001:db8:1:ffff::2", 4), now));
        let mut other = refusal("192.0.2.1", 1);
        other.reason = Some("token-expired".into());
        assert!(!window.counts(&other, now), "another reason");
        assert_eq!(window.due_in(now.plus(Duration::from_secs(20))), Some(Duration::from_secs(40)));
        let told: Vec<_> = window
            .close(false)
            .into_iter()
            .map(|told| (told.group.unwrap().network.unwrap().to_string(), told.count))
            .collect();
        let at = Timestamp::from_unix_seconds;
        assert_eq!(
            told,
            [
                ("192.0.2.0/24".to_owned(), Loss { count: 2, first: at(3), last: at(5) }),
                ("2001:db8:1::/48".to_owned(), Loss { count: 1, first: at(4), last: at(4) }),
            ]
        );
        assert_eq!(window.due_in(now), None, "the next one opens another window");
        assert!(!window.counts(&refusal("192.0.2.1", 1), now));
        window.close(true);
        assert!((0..5).all(|n| !window.counts(&refusal("192.0.2.1", n), now)), "nobody would tell them");
    }

    #[test]
    fn groups_are_bounded_and_what_fits_into_none_is_counted() {
        let limits = Refusals { groups: 3, ..Refusals::default() };
        let window = Window::new(limits);
        let now = Monotonic::from_nanos(0);
        let kept = (0..200).filter(|n| !window.counts(&refusal(&format!("10.0.{n}.1"), *n), now)).count();
        assert_eq!(kept, 3);
        let told = window.close(false);
        assert_eq!((told.len(), &told[0].group, told[0].count.count), (1, &None, 197));
    }

    #[test]
    fn strangers_come_with_a_request_and_are_nobody() {
        let at = Timestamp::default();
        let of = |kind| AuditEvent::new(kind, "a", Outcome::Denied, at);
        let ways: [fn(&mut AuditEvent); 4] = [
            |event| event.method = Some(http::Method::GET),
            |event| event.context.address = Some([192, 0, 2, 1].into()),
            |event| event.context.route = Some(MatchedRoute::new("/notes")),
            |event| event.context.request_id = Some(RequestId::from_random([1; 16])),
        ];
        let whole = |kind| {
            ways.iter().fold(of(kind), |mut event, way| {
                way(&mut event);
                event
            })
        };
        use AuditKind::*;
        for (kind, strangers) in [
            (Authentication, true),
            (Authorization, true),
            (BudgetRefusal, true),
            (Application, true),
            (SecretAccess, false),
            (PolicyChange, false),
            (ConfigurationChange, false),
            (Provenance, false),
        ] {
            assert_eq!(is_strangers(&whole(kind)), strangers, "{kind:?}");
            assert!(!is_strangers(&of(kind)), "{kind:?} without a request");
        }
        for way in ways {
            let mut event = of(Authorization);
            way(&mut event);
            assert!(is_strangers(&event), "{event:?}");
            event.outcome = Outcome::Success;
            assert!(is_strangers(&event), "whatever came of it");
            let somebody = Some(gambeson_core::Subject { issuer: "i".into(), name: "n".into() });
            event.context.actor = somebody.clone();
            assert!(!is_strangers(&event), "somebody on behalf of nobody");
            (event.context.actor, event.context.subject) = (None, somebody);
            assert!(!is_strangers(&event));
        }
    }

    #[test]
    fn without_a_window_each_is_kept() {
        let window = Window::new(Refusals { window: Duration::ZERO, ..Refusals::default() });
        let now = Monotonic::from_nanos(0);
        assert!((0..5).all(|n| !window.counts(&refusal("192.0.2.1", n), now)));
        assert!(window.close(false).is_empty() && window.due_in(now).is_none());
    }
}
