//! The table of all rules. An id that was given is never given to another rule.

use super::rule::{Level, Part, Rule, Severity};

macro_rules! rules {
    ($($name:ident $severity:ident $asvs:literal $level:ident $part:ident, $what:literal, $cure:literal;)*) => {
        $(pub(crate) const $name: &Rule = &Rule {
            id: stringify!($name),
            severity: Severity::$severity,
            asvs: $asvs,
            level: Level::$level,
            part: Part::$part,
            what: $what,
            cure: $cure,
        };)*
        pub(super) const ALL: &[&Rule] = &[$($name),*];
    };
}

rules! {
    HH001 Error "3.5.4" L2 Edge, "the public origin is none", "write scheme, host and, if need be, port, and no slash";
    HH002 Error "12.2.1" L1 Edge, "the public origin is http", "write https; an app without TLS names its hosts instead";
    HH003 Error "3.5.4" L2 Edge, "a host is none", "write a host and, if need be, a port; no scheme, no wildcard";
    HH004 Warning "3.5.4" L2 Edge, "every host name is answered", "set hardening-headers.public-origin or hosts";
    HH005 Warning "3.5.4" L2 Edge, "the host check only observes", "take the mode out, or let its date come";
    HH006 Error "3.7.2" L2 Edge, "a redirect has no aim", "set hardening-headers.public-origin";
    HH007 Error "15.1.5" L3 Edge, "an exempt endpoint is more than one path", "write a path without parameters";
    HH008 Error "3.1.1" L3 Edge, "two variants have one name", "give each variant a name of its own";
    HH009 Warning "16.5.1" L2 Edge, "bodies of 5xx answers reach clients as they are", "leave scrub-5xx on";

    HH010 Error "3.7.4" L3 Edge, "strict transport asks for the preload list without what that demands", "at least a year, and subdomains";
    HH011 Info "3.4.1" L1 Edge, "strict transport is promised for less than a year", "raise it to a year when all works: hsts-days = 365, or Hsts::days(365)";
    HH012 Warning "3.4.1" L1 Edge, "strict transport is never promised", "leave hsts in; it is sent over https only";
    HH013 Info "3.4.1" L2 Edge, "strict transport leaves subdomains out", "hsts-subdomains = true beside hsts-days, or Hsts::include_subdomains(), once all of them speak https";
    HH014 Warning "3.4.1" L1 Edge, "strict transport is promised for more than two years, which can't be taken back", "hsts-days = 730 at most: each answer begins the time anew";

    HH020 Error "3.4.3" L2 Edge, "a part of the content security policy can't be read", "write directives and sources as CSP 3 has them";
    HH021 Warning "3.4.3" L2 Edge, "any inline script runs: 'unsafe-inline' without nonce or hash", "give inline scripts the nonce, or name their hashes";
    HH022 Warning "3.4.3" L2 Edge, "strings become code: 'unsafe-eval'", "take it out, and what needs it";
    HH023 Warning "3.4.3" L2 Edge, "scripts load from everywhere: a whole scheme or every host", "name origins, or give scripts the nonce";
    HH024 Warning "3.4.3" L2 Edge, "scripts are not limited: neither script-src nor default-src", "set script-src";
    HH025 Warning "3.4.3" L2 Edge, "plug-ins are not shut out", "set object-src 'none'";
    HH026 Warning "3.4.3" L2 Edge, "a base element may lead relative addresses elsewhere", "set base-uri 'none'";
    HH027 Warning "3.4.3" L2 Edge, "'strict-dynamic' without nonce or hash: no script runs", "add Source::NONCE or hashes";
    HH028 Warning "3.4.3" L2 Edge, "a script source is known for JSONP or Angular, by which injected markup runs scripts", "give scripts the nonce in place of the host";
    HH029 Warning "3.4.6" L2 Edge, "every page may frame documents: no frame-ancestors", "set frame-ancestors";
    HH030 Info "3.4.7" L3 Edge, "violations of the content security policy are reported nowhere", "name a place for reports: reports = \"/path\", or Hardening::reports";
    HH031 Warning "3.4.3" L2 Edge, "scripts load over http, which whoever is on the way can change", "write https";

    HH040 Info "3.1.1" L3 Edge, "no powerful feature is switched off for documents", "PermissionsPolicy::none(), and allow what is used";
    HH041 Warning "3.4.8" L3 Edge, "documents share their window with who opened them", "OpenerPolicy::SameOrigin";
    HH042 Warning "3.5.8" L3 Edge, "answers may be embedded by every page", "ResourcePolicy::SameOrigin, and another for what is meant for others";
    HH043 Warning "3.5.8" L3 Edge, "documents embed only what says who may embed it, and the app's own answers don't", "ResourcePolicy::SameOrigin";
    HH044 Warning "3.4.5" L2 Edge, "no-referrer makes browsers send Origin: null with forms of http pages, which the cross-site check refuses", "ReferrerPolicy::SameOrigin";
    HH045 Error "3.1.1" L3 Edge, "a part of the permissions policy can't be read", "write a feature that browsers know, and origins";

    HH050 Error "3.4.2" L1 Edge, "an origin that CORS can't take", "write each origin with its scheme";
    HH051 Error "3.4.2" L1 Edge, "CORS opens to every origin what only some may have", "list the origins in place of public";
    HH052 Error "3.4.2" L1 Edge, "CORS gives an http origin credentials", "write https";
    HH053 Warning "3.4.2" L1 Edge, "CORS takes http origins with credentials: whoever is on their network can speak for them", "write https, and take dangerously-http out";
    HH054 Warning "3.4.2" L1 Edge, "CORS takes the origin null: every page can have it, by a sandboxed frame", "take dangerously-null out";
    HH055 Warning "3.4.2" L1 Edge, "CORS lists an origin of the visitor's own machine in production", "list it in development only";
    HH056 Error "4.1.4" L3 Edge, "a method or field that CORS can't take", "write its name; no wildcard";
    HH057 Error "3.4.2" L1 Edge, "preflights are kept for no whole time of at most a day", "write whole seconds, at most a day";

    HH060 Error "3.5.1" L1 Edge, "a trusted origin is none", "write scheme, host and, if need be, port; no patterns";
    HH061 Error "3.5.1" L1 Edge, "a trusted origin is http", "write https";
    HH062 Warning "3.5.1" L1 Edge, "the cross-site check trusts http origins: whoever is on their network can speak for them", "write https, and take dangerously-http out";
    HH063 Warning "3.5.1" L1 Edge, "pages of every site can act in their visitors' names: the cross-site check is off", "leave it on, and exempt single endpoints";
    HH064 Warning "3.5.1" L1 Edge, "the cross-site check only observes", "take the mode out, or let its date come";
    HH065 Error "3.5.1" L1 Edge, "a session cookie's name is none", "write the name of a cookie";
    HH066 Error "3.5.1" L1 Edge, "an exemption from the cross-site check lacks a reason or a method", "write both";
    HH067 Error "3.3.4" L2 Edge, "a cookie can't be readable", "write the name of a cookie without a prefix that demands HttpOnly";
    HH068 Warning "3.3.1" L1 Edge, "cookies go out as the app writes them", "leave cookies.dangerously-off out, and name those that scripts must read";
    HH069 Error "3.3.2" L2 Edge, "a cookie can't be left without SameSite", "write the name of a cookie";
    HH070 Warning "3.5.1" L1 Edge, "the cross-site check is off, and what else it was told does not count", "take csrf.dangerously-off out, or the rest";

    HH080 Error "4.1.3" L2 Proxies, "in production nobody said which proxies stand in front", "ranges, hops or direct = true";
    HH081 Error "4.1.3" L2 Proxies, "a network of proxies is none", "write networks such as \"10.0.3.0/24\"";
    HH082 Error "15.3.4" L2 Proxies, "the proxies' networks hold strangers", "write the proxies' networks, or use hops";
    HH083 Error "4.1.3" L2 Proxies, "the proxies are declared in two ways", "write one of direct, ranges and hops";
    HH084 Error "15.3.4" L2 Proxies, "more proxies than are looked at", "write at most 32 hops";
    HH085 Error "12.1.3" L2 Proxies, "client certificates are believed of whom nobody knows", "declare the proxies by ranges";
    HH086 Error "4.1.3" L2 Proxies, "a proxy is believed what it passes on from its clients", "leave the setting out: this product writes no such field";
    HH087 Warning "4.1.3" L2 Proxies, "the list of a proxy's networks is over a year old", "take a newer version of this crate, or declare the networks";

    HH090 Error "15.2.2" L2 Limits, "a limit of nothing", "give it some time, or leave it out";
    HH091 Warning "15.2.2" L2 Limits, "bodies may be of any size", "set limits.body";
    HH092 Warning "15.2.2" L2 Limits, "bodies may take any time", "set limits.body-deadline";
    HH093 Warning "15.2.2" L2 Limits, "handlers may take any time", "set limits.handler";
    HH094 Warning "15.2.2" L2 Limits, "limits of size and time only observe", "take the mode out, or let its date come";
    HH095 Warning "15.2.2" L2 Limits, "a body may take longer than its handler, which ends first", "raise handler over the times of the body, or lower those";

    HH100 Error "2.4.1" L2 Rate, "a rate out of its range, or no random key for it", "write count, period and burst under rate, or EdgeRate, not zero and so that the burst comes back within a day";
    HH102 Warning "2.4.1" L2 Rate, "strangers may ask as often as they like: the edge limiter is off", "take rate-off out";
    HH103 Warning "2.4.1" L2 Rate, "parts of one line's IPv6 network count by themselves, and it has up to 2^64 of them", "v6-prefix = 64";
    HH104 Warning "2.4.1" L2 Rate, "the edge limiter only observes", "take the mode out, or let its date come";
    HH105 Warning "2.4.1" L2 Rate, "the edge limiter is off, and the rate that it was told does not count", "take rate-off out, or the rate";

    HH110 Error "15.1.5" L3 Edge, "a finding can't be silenced so", "write an id of a warning or info, and why it may stay";
    HH111 Warning "15.1.5" L3 Edge, "what is silenced was not found", "take the silence out";

    HH120 Warning "3.4.3" L2 Traffic, "an answer has two content security policies: browsers enforce only what both allow", "send one";
    HH121 Warning "3.4.3" L3 Traffic, "a handler took the nonce and set a policy of its own, which does not name the nonce", "leave the policy to the layer";
    HH122 Warning "14.2.2" L2 Traffic, "an answer with a nonce was meant for shared caches, whose readers would all know it: it is sent as private", "leave public out";
    HH123 Warning "3.4.6" L2 Traffic, "an answer asks for frame ancestors and has a policy of its own, which is sent as it is", "name them there";
    HH124 Warning "3.4.6" L2 Traffic, "an answer's own policy names no frame-ancestors and nothing else does: every page can frame it", "name them there";
    HH125 Warning "3.1.1" L3 Traffic, "an answer asks for a header variant that nobody made, and gets the strictest headers", "write a name of hardening-headers.variants, or make it: Hardening::named";
    HH126 Warning "15.3.4" L2 Traffic, "forwarding headers come from a neighbour that is not a declared proxy: all its clients share one bucket", "declare it in hardening-headers.proxies";
    HH127 Warning "15.3.4" L2 Traffic, "requests carry no neighbour address: all clients share one bucket", "serve with gambeson_hardening_headers::serve";

    HH130 Warning "3.3.1" L1 Answers, "a cookie is not Secure, or its name begins with neither __Host- nor __Secure-", "set Secure, and name it __Host-…";
    HH131 Warning "3.3.2" L2 Answers, "a cookie says nothing of other sites' requests", "set SameSite";
    HH132 Warning "3.3.3" L2 Answers, "a cookie may come from, or go to, other hosts of the domain", "name it __Host-…";
    HH133 Warning "3.3.4" L2 Answers, "scripts can read a cookie", "set HttpOnly";
    HH134 Warning "3.3.5" L3 Answers, "a cookie is longer than browsers keep", "name and value have 4096 bytes together";
    HH135 Warning "3.4.1" L1 Answers, "an answer does not promise strict transport for a year", "hsts-days = 365, or Hsts::days(365)";
    HH136 Warning "3.4.1" L2 Answers, "an answer promises no strict transport for subdomains", "hsts-subdomains = true beside hsts-days, or Hsts::include_subdomains(), once all of them speak https";
    HH137 Warning "3.4.2" L1 Answers, "an answer may be read by an origin that nobody listed", "list origins with Cors";
    HH138 Warning "3.4.3" L2 Answers, "an answer has no policy with object-src 'none' and base-uri 'none' that limits scripts", "leave the policy to the layer";
    HH139 Warning "3.4.3" L3 Answers, "no nonce or hash picks a page's scripts", "take the nonce: Hardening::strict()";
    HH140 Warning "3.4.4" L2 Answers, "an answer's type may be guessed", "leave X-Content-Type-Options to the layer";
    HH141 Warning "3.4.5" L2 Answers, "an answer tells other sites its address", "leave Referrer-Policy to the layer";
    HH142 Warning "3.4.6" L2 Answers, "every page may frame an answer: no frame-ancestors", "name them in the policy";
    HH143 Info "3.4.7" L3 Answers, "violations of an answer's policy are reported nowhere", "name a place for reports: reports = \"/path\", or Hardening::reports";
    HH144 Warning "3.4.8" L3 Answers, "a page shares its window with who opened it", "leave Cross-Origin-Opener-Policy to the layer";
    HH145 Warning "3.5.8" L3 Answers, "every page may embed an answer", "leave Cross-Origin-Resource-Policy to the layer";
    HH146 Warning "4.1.1" L1 Answers, "an answer does not say its type, or a text not its charset", "write both: text/html; charset=utf-8";
    HH147 Warning "4.1.2" L2 Answers, "what is no page is redirected from http to https, so that nobody notices what was sent in the clear", "redirect pages only";
    HH148 Warning "13.4.6" L3 Answers, "an answer tells what the app is made of", "leave the field out";
    HH149 Warning "3.4.7" L3 Answers, "browsers report to a path of the app that takes no reports", "mount the collector there (reports::Reports), or leave the path out";
}
