//! What is wrong or weak about an edge, each under an id that stays.
//!
//! Errors fail [`Hardening::build`](crate::Hardening::build) and [`Config::layers`](crate::Config::layers), all of them at once; where a rule
//! stands behind one its cure begins with the id, as in `HH052 (ASVS 3.4.2): write https`. Slips of form, such as a path or a number that is none, have no id. Warnings and infos are values ([`Edge::findings`](crate::Edge::findings),
//! [`Layers::findings`](crate::Layers::findings)), and are logged once when the edge is built. What may stay is silenced by its id, for a reason:
//!
//! ```
//! use gambeson_hardening_headers::{Csrf, Hardening};
//!
//! let edge = Hardening::web().public_origin("https://app.example.com").csrf(Csrf::dangerously_off());
//! assert!(edge.clone().build()?.findings().iter().any(|finding| finding.id() == "HH063"));
//!
//! let edge = edge.silence("HH063", "the only client is a command-line tool");
//! assert!(!edge.build()?.findings().iter().any(|finding| finding.id() == "HH063"));
//! # Ok::<(), gambeson_core::ConfigError>(())
//! ```
//!
//! In a configuration file: `[hardening-headers] silence = { HH063 = "the only client is a command-line tool" }`. An error can't be
//! silenced; a silence without a reason, of no known id, or of nothing that was found is a finding itself.
//!
//! # The rules
//!
//! The third column is the requirement of OWASP ASVS 5.0.0, and the level from which on it counts.
//!
//! | id | severity | ASVS | what | cure |
//! |---|---|---|---|---|
//! | HH001 | error | 3.5.4 L2 | the public origin is none | write scheme, host and, if need be, port, and no slash |
//! | HH002 | error | 12.2.1 L1 | the public origin is http | write https; an app without TLS names its hosts instead |
//! | HH003 | error | 3.5.4 L2 | a host is none | write a host and, if need be, a port; no scheme, no wildcard |
//! | HH004 | warning | 3.5.4 L2 | every host name is answered | set hardening-headers.public-origin or hosts |
//! | HH005 | warning | 3.5.4 L2 | the host check only observes | take the mode out, or let its date come |
//! | HH006 | error | 3.7.2 L2 | a redirect has no aim | set hardening-headers.public-origin |
//! | HH007 | error | 15.1.5 L3 | an exempt endpoint is more than one path | write a path without parameters |
//! | HH008 | error | 3.1.1 L3 | two variants have one name | give each variant a name of its own |
//! | HH009 | warning | 16.5.1 L2 | bodies of 5xx answers reach clients as they are | leave scrub-5xx on |
//! | HH010 | error | 3.7.4 L3 | strict transport asks for the preload list without what that demands | at least a year, and subdomains |
//! | HH011 | info | 3.4.1 L1 | strict transport is promised for less than a year | raise it to a year when all works: hsts-days = 365, or Hsts::days(365) |
//! | HH012 | warning | 3.4.1 L1 | strict transport is never promised | leave hsts in; it is sent over https only |
//! | HH013 | info | 3.4.1 L2 | strict transport leaves subdomains out | hsts-subdomains = true beside hsts-days, or Hsts::include_subdomains(), once all of them speak https |
//! | HH014 | warning | 3.4.1 L1 | strict transport is promised for more than two years, which can't be taken back | hsts-days = 730 at most: each answer begins the time anew |
//! | HH020 | error | 3.4.3 L2 | a part of the content security policy can't be read | write directives and sources as CSP 3 has them |
//! | HH021 | warning | 3.4.3 L2 | any inline script runs: 'unsafe-inline' without nonce or hash | give inline scripts the nonce, or name their hashes |
//! | HH022 | warning | 3.4.3 L2 | strings become code: 'unsafe-eval' | take it out, and what needs it |
//! | HH023 | warning | 3.4.3 L2 | scripts load from everywhere: a whole scheme or every host | name origins, or give scripts the nonce |
//! | HH024 | warning | 3.4.3 L2 | scripts are not limited: neither script-src nor default-src | set script-src |
//! | HH025 | warning | 3.4.3 L2 | plug-ins are not shut out | set object-src 'none' |
//! | HH026 | warning | 3.4.3 L2 | a base element may lead relative addresses elsewhere | set base-uri 'none' |
//! | HH027 | warning | 3.4.3 L2 | 'strict-dynamic' without nonce or hash: no script runs | add Source::NONCE or hashes |
//! | HH028 | warning | 3.4.3 L2 | a script source is known for JSONP or Angular, by which injected markup runs scripts | give scripts the nonce in place of the host |
//! | HH029 | warning | 3.4.6 L2 | every page may frame documents: no frame-ancestors | set frame-ancestors |
//! | HH030 | info | 3.4.7 L3 | violations of the content security policy are reported nowhere | name a place for reports: reports = "/path", or Hardening::reports |
//! | HH031 | warning | 3.4.3 L2 | scripts load over http, which whoever is on the way can change | write https |
//! | HH040 | info | 3.1.1 L3 | no powerful feature is switched off for documents | PermissionsPolicy::none(), and allow what is used |
//! | HH041 | warning | 3.4.8 L3 | documents share their window with who opened them | OpenerPolicy::SameOrigin |
//! | HH042 | warning | 3.5.8 L3 | answers may be embedded by every page | ResourcePolicy::SameOrigin, and another for what is meant for others |
//! | HH043 | warning | 3.5.8 L3 | documents embed only what says who may embed it, and the app's own answers don't | ResourcePolicy::SameOrigin |
//! | HH044 | warning | 3.4.5 L2 | no-referrer makes browsers send Origin: null with forms of http pages, which the cross-site check refuses | ReferrerPolicy::SameOrigin |
//! | HH045 | error | 3.1.1 L3 | a part of the permissions policy can't be read | write a feature that browsers know, and origins |
//! | HH050 | error | 3.4.2 L1 | an origin that CORS can't take | write each origin with its scheme |
//! | HH051 | error | 3.4.2 L1 | CORS opens to every origin what only some may have | list the origins in place of public |
//! | HH052 | error | 3.4.2 L1 | CORS gives an http origin credentials | write https |
//! | HH053 | warning | 3.4.2 L1 | CORS takes http origins with credentials: whoever is on their network can speak for them | write https, and take dangerously-http out |
//! | HH054 | warning | 3.4.2 L1 | CORS takes the origin null: every page can have it, by a sandboxed frame | take dangerously-null out |
//! | HH055 | warning | 3.4.2 L1 | CORS lists an origin of the visitor's own machine in production | list it in development only |
//! | HH056 | error | 4.1.4 L3 | a method or field that CORS can't take | write its name; no wildcard |
//! | HH057 | error | 3.4.2 L1 | preflights are kept for no whole time of at most a day | write whole seconds, at most a day |
//! | HH060 | error | 3.5.1 L1 | a trusted origin is none | write scheme, host and, if need be, port; no patterns |
//! | HH061 | error | 3.5.1 L1 | a trusted origin is http | write https |
//! | HH062 | warning | 3.5.1 L1 | the cross-site check trusts http origins: whoever is on their network can speak for them | write https, and take dangerously-http out |
//! | HH063 | warning | 3.5.1 L1 | pages of every site can act in their visitors' names: the cross-site check is off | leave it on, and exempt single endpoints |
//! | HH064 | warning | 3.5.1 L1 | the cross-site check only observes | take the mode out, or let its date come |
//! | HH065 | error | 3.5.1 L1 | a session cookie's name is none | write the name of a cookie |
//! | HH066 | error | 3.5.1 L1 | an exemption from the cross-site check lacks a reason or a method | write both |
//! | HH067 | error | 3.3.4 L2 | a cookie can't be readable | write the name of a cookie without a prefix that demands HttpOnly |
//! | HH068 | warning | 3.3.1 L1 | cookies go out as the app writes them | leave cookies.dangerously-off out, and name those that scripts must read |
//! | HH069 | error | 3.3.2 L2 | a cookie can't be left without SameSite | write the name of a cookie |
//! | HH070 | warning | 3.5.1 L1 | the cross-site check is off, and what else it was told does not count | take csrf.dangerously-off out, or the rest |
//! | HH080 | error | 4.1.3 L2 | in production nobody said which proxies stand in front | ranges, hops or direct = true |
//! | HH081 | error | 4.1.3 L2 | a network of proxies is none | write networks such as "10.0.3.0/24" |
//! | HH082 | error | 15.3.4 L2 | the proxies' networks hold strangers | write the proxies' networks, or use hops |
//! | HH083 | error | 4.1.3 L2 | the proxies are declared in two ways | write one of direct, ranges and hops |
//! | HH084 | error | 15.3.4 L2 | more proxies than are looked at | write at most 32 hops |
//! | HH085 | error | 12.1.3 L2 | client certificates are believed of whom nobody knows | declare the proxies by ranges |
//! | HH086 | error | 4.1.3 L2 | a proxy is believed what it passes on from its clients | leave the setting out: this product writes no such field |
//! | HH087 | warning | 4.1.3 L2 | the list of a proxy's networks is over a year old | take a newer version of this crate, or declare the networks |
//! | HH090 | error | 15.2.2 L2 | a limit of nothing | give it some time, or leave it out |
//! | HH091 | warning | 15.2.2 L2 | bodies may be of any size | set limits.body |
//! | HH092 | warning | 15.2.2 L2 | bodies may take any time | set limits.body-deadline |
//! | HH093 | warning | 15.2.2 L2 | handlers may take any time | set limits.handler |
//! | HH094 | warning | 15.2.2 L2 | limits of size and time only observe | take the mode out, or let its date come |
//! | HH095 | warning | 15.2.2 L2 | a body may take longer than its handler, which ends first | raise handler over the times of the body, or lower those |
//! | HH100 | error | 2.4.1 L2 | a rate out of its range, or no random key for it | write count, period and burst under rate, or EdgeRate, not zero and so that the burst comes back within a day |
//! | HH102 | warning | 2.4.1 L2 | strangers may ask as often as they like: the edge limiter is off | take rate-off out |
//! | HH103 | warning | 2.4.1 L2 | parts of one line's IPv6 network count by themselves, and it has up to 2^64 of them | v6-prefix = 64 |
//! | HH104 | warning | 2.4.1 L2 | the edge limiter only observes | take the mode out, or let its date come |
//! | HH105 | warning | 2.4.1 L2 | the edge limiter is off, and the rate that it was told does not count | take rate-off out, or the rate |
//! | HH110 | error | 15.1.5 L3 | a finding can't be silenced so | write an id of a warning or info, and why it may stay |
//! | HH111 | warning | 15.1.5 L3 | what is silenced was not found | take the silence out |
//! | HH120 | warning | 3.4.3 L2 | an answer has two content security policies: browsers enforce only what both allow | send one |
//! | HH121 | warning | 3.4.3 L3 | a handler took the nonce and set a policy of its own, which does not name the nonce | leave the policy to the layer |
//! | HH122 | warning | 14.2.2 L2 | an answer with a nonce was meant for shared caches, whose readers would all know it: it is sent as private | leave public out |
//! | HH123 | warning | 3.4.6 L2 | an answer asks for frame ancestors and has a policy of its own, which is sent as it is | name them there |
//! | HH124 | warning | 3.4.6 L2 | an answer's own policy names no frame-ancestors and nothing else does: every page can frame it | name them there |
//! | HH125 | warning | 3.1.1 L3 | an answer asks for a header variant that nobody made, and gets the strictest headers | write a name of hardening-headers.variants, or make it: Hardening::named |
//! | HH126 | warning | 15.3.4 L2 | forwarding headers come from a neighbour that is not a declared proxy: all its clients share one bucket | declare it in hardening-headers.proxies |
//! | HH127 | warning | 15.3.4 L2 | requests carry no neighbour address: all clients share one bucket | serve with gambeson_hardening_headers::serve |
//! | HH130 | warning | 3.3.1 L1 | a cookie is not Secure, or its name begins with neither __Host- nor __Secure- | set Secure, and name it __Host-… |
//! | HH131 | warning | 3.3.2 L2 | a cookie says nothing of other sites' requests | set SameSite |
//! | HH132 | warning | 3.3.3 L2 | a cookie may come from, or go to, other hosts of the domain | name it __Host-… |
//! | HH133 | warning | 3.3.4 L2 | scripts can read a cookie | set HttpOnly |
//! | HH134 | warning | 3.3.5 L3 | a cookie is longer than browsers keep | name and value have 4096 bytes together |
//! | HH135 | warning | 3.4.1 L1 | an answer does not promise strict transport for a year | hsts-days = 365, or Hsts::days(365) |
//! | HH136 | warning | 3.4.1 L2 | an answer promises no strict transport for subdomains | hsts-subdomains = true beside hsts-days, or Hsts::include_subdomains(), once all of them speak https |
//! | HH137 | warning | 3.4.2 L1 | an answer may be read by an origin that nobody listed | list origins with Cors |
//! | HH138 | warning | 3.4.3 L2 | an answer has no policy with object-src 'none' and base-uri 'none' that limits scripts | leave the policy to the layer |
//! | HH139 | warning | 3.4.3 L3 | no nonce or hash picks a page's scripts | take the nonce: Hardening::strict() |
//! | HH140 | warning | 3.4.4 L2 | an answer's type may be guessed | leave X-Content-Type-Options to the layer |
//! | HH141 | warning | 3.4.5 L2 | an answer tells other sites its address | leave Referrer-Policy to the layer |
//! | HH142 | warning | 3.4.6 L2 | every page may frame an answer: no frame-ancestors | name them in the policy |
//! | HH143 | info | 3.4.7 L3 | violations of an answer's policy are reported nowhere | name a place for reports: reports = "/path", or Hardening::reports |
//! | HH144 | warning | 3.4.8 L3 | a page shares its window with who opened it | leave Cross-Origin-Opener-Policy to the layer |
//! | HH145 | warning | 3.5.8 L3 | every page may embed an answer | leave Cross-Origin-Resource-Policy to the layer |
//! | HH146 | warning | 4.1.1 L1 | an answer does not say its type, or a text not its charset | write both: text/html; charset=utf-8 |
//! | HH147 | warning | 4.1.2 L2 | what is no page is redirected from http to https, so that nobody notices what was sent in the clear | redirect pages only |
//! | HH148 | warning | 13.4.6 L3 | an answer tells what the app is made of | leave the field out |
//! | HH149 | warning | 3.4.7 L3 | browsers report to a path of the app that takes no reports | mount the collector there (reports::Reports), or leave the path out |

mod around;
mod edge;
mod finding;
mod injectable;
mod policy;
mod rule;
#[rustfmt::skip]
mod rules;
mod silence;

pub(crate) use around::{no_rate, rate_off};
pub(crate) use edge::Told;
pub use finding::Finding;
pub(crate) use rule::Part;
pub use rule::{Level, Rule, Severity};
pub(crate) use rules::*;
pub(crate) use silence::{Silences, log};

/// All rules, in the order of their ids.
#[must_use]
pub fn rules() -> &'static [&'static Rule] {
    ALL
}

/// The rule of this id, such as `HH063`.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.id == id)
}
