//! Which rule holds for which method and route template.

use std::fmt::Write;

use gambeson_core::{Access, ConfigProblems, MatchedRoute};
use http::{HeaderValue, Method};

use crate::bits::PermissionId;
use crate::by_name::ByName;
use crate::nearest::did_you_mean;
use crate::policy::{Policy, Terms, Universe};
use crate::requirement::Requirement;
use crate::scope::Scope;

/// Rules by template and method. Templates are looked up as the router matched them, never as a path.
#[derive(Debug, Default)]
pub(crate) struct RouteTable {
    templates: ByName<TemplateRules>,
    fallback: Option<Rule>,
    /// Whether any rule has terms: most policies have none, and look for none.
    has_terms: bool,
    /// Whether the policy in force may have routes beyond these, of a router that was merged.
    merges: bool,
}

/// The rules of one template.
#[derive(Debug)]
pub(crate) struct TemplateRules {
    pub(crate) route: MatchedRoute,
    rules: Vec<(Method, Rule)>,
    /// What the field `Allow` says (RFC 9110 §10.2.1).
    allow: HeaderValue,
}

/// The rule of one method of a template.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) access: Access,
    /// The number of the permission; `None` for a public route.
    pub(crate) permission: Option<PermissionId>,
    terms: Option<Box<Terms>>,
    pub(crate) scope: Scope,
    /// Whether the handler decides upon the record; its type says that it does.
    pub(crate) on_record: bool,
}

impl Rule {
    fn new(ask: &Requirement, universe: &Universe) -> Self {
        let permission = match ask.access() {
            Access::Permission(name) => universe.id(name),
            _ => None,
        };
        let (access, scope) = (ask.access().clone(), ask.scope().clone());
        Self { access, permission, terms: None, scope, on_record: false }
    }

    pub(crate) fn is_public(&self) -> bool {
        matches!(self.access, Access::Public(_))
    }
}

impl TemplateRules {
    /// The rule of a method; HEAD follows GET.
    pub(crate) fn rule(&self, method: &Method) -> Option<&Rule> {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        self.rules.iter().find(|(declared, _)| declared == method).map(|(_, rule)| rule)
    }

    pub(crate) fn allow(&self) -> &HeaderValue {
        &self.allow
    }

    pub(crate) fn all_public(&self) -> bool {
        self.rules.iter().all(|(_, rule)| rule.is_public())
    }

    pub(crate) fn any_public(&self) -> bool {
        self.rules.iter().any(|(_, rule)| rule.is_public())
    }

    /// The rules of this template's methods.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|(_, rule)| rule)
    }

    pub(crate) fn methods(&self) -> impl Iterator<Item = &Method> {
        self.rules.iter().map(|(method, _)| method)
    }

    fn add(&mut self, method: Method, rule: Rule) {
        self.rules.push((method, rule));
        let mut allow = String::new();
        for (method, _) in &self.rules {
            let comma = if allow.is_empty() { "" } else { ", " };
            let head = if *method == Method::GET { ", HEAD" } else { "" };
            let _ = write!(allow, "{comma}{method}{head}");
        }
        if let Ok(allow) = HeaderValue::from_str(&allow) {
            self.allow = allow;
        }
    }
}

impl RouteTable {
    /// Adds a rule; `false` when method and template have one already.
    pub(crate) fn add(
        &mut self,
        method: &Method,
        template: &str,
        ask: &Requirement,
        universe: &Universe,
    ) -> bool {
        let rules = self.templates.entry(template.into()).or_insert_with(|| TemplateRules {
            route: MatchedRoute::new(template),
            rules: Vec::new(),
            allow: HeaderValue::from_static(""),
        });
        if rules.rules.iter().any(|(declared, _)| declared == method) {
            return false;
        }
        rules.add(method.clone(), Rule::new(ask, universe));
        true
    }

    /// Leaves it to the handler of this route to decide upon its record.
    #[cfg(feature = "axum-router")]
    pub(crate) fn decide_on_record(&mut self, method: &Method, template: &str) {
        let rules = self.templates.get_mut(template).into_iter().flat_map(|rules| &mut rules.rules);
        rules.filter(|(declared, _)| declared == method).for_each(|(_, rule)| rule.on_record = true);
    }

    pub(crate) fn set_fallback(&mut self, ask: &Requirement, universe: &Universe) {
        self.fallback = Some(Rule::new(ask, universe));
    }

    /// Whether a rule asks for the value of a path parameter.
    pub(crate) fn has_scopes(&self) -> bool {
        self.entries().iter().any(|(_, _, rule)| !rule.scope.is_empty())
    }

    /// Whether the policy in force may have routes beyond these.
    pub(crate) fn merges(&self) -> bool {
        self.merges
    }

    #[cfg(feature = "axum-router")]
    pub(crate) fn set_merges(&mut self, merges: bool) {
        self.merges = merges;
    }

    /// Puts terms on a rule that is there.
    pub(crate) fn set_terms(&mut self, route: Option<(&Method, &str)>, terms: Terms) {
        if terms.is_empty() {
            return;
        }
        let rule = match route {
            None => self.fallback.as_mut(),
            Some((method, template)) => self.templates.get_mut(template).and_then(|rules| {
                rules.rules.iter_mut().find(|(declared, _)| declared == method).map(|(_, rule)| rule)
            }),
        };
        if let Some(rule) = rule {
            rule.terms = Some(Box::new(terms));
            self.has_terms = true;
        }
    }

    /// The terms of a route, or of the fallback where no route matched.
    pub(crate) fn terms(&self, template: Option<&str>, method: &Method) -> Option<&Terms> {
        if !self.has_terms {
            return None;
        }
        let rule = match template {
            Some(template) => self.find(template).and_then(|rules| rules.rule(method)),
            None => self.fallback.as_ref(),
        };
        rule.and_then(|rule| rule.terms.as_deref())
    }

    pub(crate) fn find(&self, template: &str) -> Option<&TemplateRules> {
        self.templates.get(template)
    }

    pub(crate) fn fallback(&self) -> Option<&Rule> {
        self.fallback.as_ref()
    }

    /// The rule of a route as a policy writes it.
    pub(crate) fn rule_named(&self, method: &str, template: &str) -> Option<&Rule> {
        let method = Method::from_bytes(method.as_bytes()).ok()?;
        self.find(template)?.rule(&method)
    }

    /// All rules, by template and then in the order of their declaration.
    pub(crate) fn entries(&self) -> Vec<(&Method, &str, &Rule)> {
        let mut entries: Vec<_> = self
            .templates
            .iter()
            .flat_map(|(template, rules)| {
                rules.rules.iter().map(move |(method, rule)| (method, &**template, rule))
            })
            .collect();
        entries.sort_by_key(|(_, template, _)| *template);
        entries
    }

    /// Notes everything in which this table, declared in code, and a policy don't fit.
    pub(crate) fn check_against(&self, policy: &Policy, problems: &mut ConfigProblems) {
        for (method, template, rule) in self.entries() {
            if let Access::Permission(name) = &rule.access {
                let field = format!("routes.\"{method} {template}\"");
                check_permission(&field, name, policy, problems);
                check_record(&field, name, rule, policy, problems);
                if rule.scope.subject().is_some() && policy.has_several_issuers() {
                    problems.add(&field, rule.scope.text(), SEVERAL_ISSUERS);
                }
            }
        }
        if let Some(Rule { access: Access::Permission(name), .. }) = &self.fallback {
            check_permission("routes.fallback", name, policy, problems);
        }
        for (method, template, declared) in policy.table().entries() {
            let in_code = self.find(template).and_then(|rules| rules.rule(method));
            if in_code.is_none() && self.merges {
                continue;
            }
            let field = format!("routes.\"{method} {template}\"");
            check_same(&field, declared, in_code, problems);
        }
        if let (Some(declared), in_code @ Some(_)) = (policy.table().fallback(), self.fallback()) {
            check_same("routes.fallback", declared, in_code, problems);
        }
    }
}

pub(crate) fn check_permission(field: &str, name: &str, policy: &Policy, problems: &mut ConfigProblems) {
    if policy.permission(name).is_none() {
        let near = did_you_mean(name, policy.permissions());
        problems.add(
            field,
            name,
            format!("the policy has no such permission: declare it in [permissions]; {near}"),
        );
    }
}

/// What to do where a subject alone would have to name somebody.
pub(crate) const SEVERAL_ISSUERS: &str = "the policy has several issuers, and a subject alone names nobody: compare issuer and subject in the handler (`Principal::full_subject`), or have a path parameter name the tenant";

/// A permission that depends on the record can't be decided before the handler has read it.
fn check_record(field: &str, name: &str, rule: &Rule, policy: &Policy, problems: &mut ConfigProblems) {
    let depends = rule.permission.is_some_and(|id| policy.depends_on_record(id));
    if depends && !rule.on_record {
        let cure = "who has it depends on the record: declare the route with `Routes::on_record`, or ask for another \
            permission here and for this one with `Authorizer::require_on`";
        problems.add(field, name, cure);
    }
}

fn check_same(field: &str, declared: &Rule, in_code: Option<&Rule>, problems: &mut ConfigProblems) {
    let written = access_text(&declared.access);
    let Some(in_code) = in_code else {
        problems.add(field, written, "no such route in code: declare it there, or drop it from the policy");
        return;
    };
    let same = match (&declared.access, &in_code.access) {
        (Access::Public(_), Access::Public(_)) => true,
        (a, b) => a == b,
    };
    if !same {
        let cure = format!("code says `{}`: make both the same", access_text(&in_code.access));
        problems.add(field, written, cure);
    } else if declared.scope != in_code.scope {
        let cure = match in_code.scope.is_empty() {
            true => format!("code has no scope: add `{}` there, or drop it here", declared.scope.calls()),
            false => format!("code says the scope is `{}`: make both the same", in_code.scope.text()),
        };
        problems.add(field, declared.scope.text(), cure);
    }
}

/// An access rule as people read it.
pub(crate) fn access_text(access: &Access) -> &str {
    match access {
        Access::Public(_) => "public",
        Access::Permission(name) => name,
        _ => "management",
    }
}

/// One route and who may call it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteEntry {
    /// The method.
    pub method: Method,
    /// The route template.
    pub template: Box<str>,
    /// Who may call it.
    pub access: Access,
    /// Which path parameters must name what is the caller's own.
    pub scope: Scope,
}

impl RouteEntry {
    /// A route and who may call it.
    pub fn new(method: Method, template: impl Into<Box<str>>, access: Access) -> Self {
        Self { method, template: template.into(), access, scope: Scope::default() }
    }

    /// The same route, within a scope.
    #[must_use]
    pub fn within(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    pub(crate) fn all_of(table: &RouteTable) -> Vec<Self> {
        let entries = table.entries().into_iter();
        entries
            .map(|(method, template, rule)| {
                Self::new(method.clone(), template, rule.access.clone()).within(rule.scope.clone())
            })
            .collect()
    }
}
