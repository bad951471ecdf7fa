//! The routes as they were declared.

use std::collections::BTreeMap;
use std::fmt;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use gambeson_core::{Access, ConfigProblems};
use http::{Method, StatusCode, header};

use super::ManagementAccess;
use crate::requirement::Requirement;
use crate::table::{RouteEntry, access_text};

/// Declared routes with what answers them.
pub(super) struct Declared<S>(Vec<Route<S>>);

struct Route<S> {
    method: Method,
    template: String,
    ask: Requirement,
    /// For a handler that decides upon its record: the permission that it asks for.
    on_record: Option<&'static str>,
    endpoint: MethodRouter<S>,
}

impl<S> Default for Declared<S> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<S: Clone + Send + Sync + 'static> Declared<S> {
    pub(super) fn add(
        &mut self,
        method: Method,
        template: &str,
        ask: Requirement,
        endpoint: MethodRouter<S>,
    ) {
        self.0.push(Route { method, template: template.to_owned(), ask, on_record: None, endpoint });
    }

    /// Says that the handler of the latest route asks for this permission upon its record.
    pub(super) fn asks_on_record(&mut self, permission: &'static str) {
        self.0.iter_mut().last().into_iter().for_each(|route| route.on_record = Some(permission));
    }

    /// The routes whose handlers decide.
    pub(super) fn on_record(&self) -> impl Iterator<Item = (&Method, &str)> {
        let deciding = self.0.iter().filter(|route| route.on_record.is_some());
        deciding.map(|route| (&route.method, route.template.as_str()))
    }

    /// The routes that will be mounted, in the order of their templates.
    pub(super) fn entries(&self, management: &ManagementAccess) -> Vec<RouteEntry> {
        let entry = |route: &Route<S>| {
            let access = resolve(route.ask.access(), management)?;
            let entry = RouteEntry::new(route.method.clone(), route.template.as_str(), access);
            Some(entry.within(route.ask.scope().clone()))
        };
        let mut entries: Vec<RouteEntry> = self.0.iter().filter_map(entry).collect();
        entries.sort_by(|a, b| a.template.cmp(&b.template));
        entries
    }

    /// Notes templates and methods that the router would panic about.
    pub(super) fn check(&self, problems: &mut ConfigProblems) {
        let mut tree = matchit::Router::new();
        let mut seen: Vec<&str> = Vec::new();
        for route in &self.0 {
            let template = route.template.as_str();
            let field = format!("routes.\"{} {template}\"", route.method);
            if route.method == Method::HEAD {
                problems.add(&field, "", "HEAD follows the rule of GET: declare GET only");
            }
            if axum::routing::MethodFilter::try_from(route.method.clone()).is_err() {
                problems.add(
                    &field,
                    route.method.as_str(),
                    "axum routes the methods of RFC 9110 and PATCH only",
                );
            }
            check_ask(route, &field, problems);
            if seen.contains(&template) {
                continue;
            }
            seen.push(template);
            if let Some(cure) = malformed(template) {
                problems.add(field, template, cure);
            } else if let Err(error) = tree.insert(template, ()) {
                problems.add(field, template, format!("{error}: give one of them another template"));
            }
        }
    }

    /// Adds the routes to the router.
    pub(super) fn mount(self, router: Router<S>, management: &ManagementAccess) -> Router<S> {
        let mut by_template: BTreeMap<String, (Vec<Method>, MethodRouter<S>)> = BTreeMap::new();
        for route in self.0 {
            if resolve(route.ask.access(), management).is_none() {
                continue;
            }
            let (mut methods, endpoint) = match by_template.remove(&route.template) {
                Some((methods, others)) => (methods, others.merge(route.endpoint)),
                None => (Vec::new(), route.endpoint),
            };
            methods.push(route.method);
            by_template.insert(route.template, (methods, endpoint));
        }
        by_template.into_iter().fold(router, |router, (template, (methods, endpoint))| {
            router.route(&template, other_methods(&methods).merge(endpoint))
        })
    }
}

/// A scope needs a caller and a parameter; a handler that decides must decide what the route asks for.
fn check_ask<S>(route: &Route<S>, field: &str, problems: &mut ConfigProblems) {
    route.ask.scope().check(&route.template, field, problems);
    if matches!(route.ask.access(), Access::Public(_)) && !route.ask.scope().is_empty() {
        problems.add(field, route.ask.scope().text(), "a public route has no caller to be the scope of");
    }
    if let Some(handler) = route.on_record
        && *route.ask.access() != Access::Permission(handler.into())
    {
        let cure = format!("the handler decides on `{handler}`: ask for that, or give it another OnRecord");
        problems.add(field, access_text(route.ask.access()), cure);
    }
}

/// What answers other methods, when the layer in front only observes. It says `Allow` itself: axum would add the field
/// outside of every layer, also to a 401, and so tell nobody in particular which routes there are.
fn other_methods<S: Clone + Send + Sync + 'static>(methods: &[Method]) -> MethodRouter<S> {
    let head = methods.contains(&Method::GET).then_some("HEAD");
    let names: Vec<&str> = methods.iter().map(Method::as_str).chain(head).collect();
    let allow = names.join(", ");
    axum::routing::any(|| async { (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, allow)]) })
}

/// Answers 404 to what axum matched to no route.
pub(super) async fn only_routes(request: Request, next: Next) -> Response {
    match request.extensions().get::<MatchedPath>() {
        Some(_) => next.run(request).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The rule that holds on this listener; `None`: not mounted here.
fn resolve(access: &Access, management: &ManagementAccess) -> Option<Access> {
    match (access, management) {
        (Access::Management, ManagementAccess::NotHere) => None,
        (Access::Management, ManagementAccess::Open) => {
            Some(Access::Public("management, open in development".into()))
        }
        (Access::Management, ManagementAccess::Permission(name)) => Some(Access::Permission(name.clone())),
        (other, _) => Some(other.clone()),
    }
}

fn malformed(template: &str) -> Option<&'static str> {
    if !template.starts_with('/') {
        return Some("a template starts with a slash");
    }
    if template.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        return Some("no path has a blank in it: write %20");
    }
    let old_style = |segment: &str| segment.starts_with(':') || segment.starts_with('*');
    template
        .split('/')
        .any(old_style)
        .then_some("write a parameter as {name}, and the rest of a path as {*name}")
}

impl<S> fmt::Debug for Declared<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|route| (&route.method, &route.template, &route.ask)))
            .finish()
    }
}
