//! Routes and their policy, declared together (feature `axum-router`).
//!
//! A router does not list its routes, so what is added to it can be forgotten in the policy. [`Routes`] builds the
//! axum router, the table that [`AuthorizeLayer`] enforces, the inventory and the matrix from one declaration.
//!
//! ```
//! use axum::http::{Request, StatusCode};
//! use gambeson_core::{Authentication, Challenges, Principal, RequestHead};
//! use gambeson_rbac::{PolicyHandle, Routes, need, public};
//! use tower::ServiceExt;
//!
//! let policy: PolicyHandle = r#"
//!     version = 1
//!     [permissions]
//!     "notes:read" = {}
//!     "notes:write" = {}
//!     [roles]
//!     viewer = { grants = ["notes:read"] }
//! "#.parse()?;
//! let app: axum::Router = Routes::new(&policy)
//!     .get("/notes", need("notes:read"), || async { "[]" })
//!     .post("/notes", need("notes:write"), || async { StatusCode::CREATED })
//!     .get("/livez", public("probe"), || async {})
//!     // In an app, an authentication layer outside of this one does that.
//!     .authorize(|layer| layer.authentication_from(|_: &RequestHead<'_>| {
//!         let bob = Principal::user("https://id.example", "bob").role("viewer").build();
//!         Some(Authentication::Verified(bob, Challenges::none()))
//!     }))
//!     .build()?;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let read = app.clone().oneshot(Request::get("/notes").body(axum::body::Body::empty())?).await?;
//! assert_eq!(read.status(), StatusCode::OK);
//! let write = app.oneshot(Request::post("/notes").body(axum::body::Body::empty())?).await?;
//! assert_eq!(write.status(), StatusCode::FORBIDDEN);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assets;
mod declared;
mod on_record;
mod page;

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::middleware::from_fn;
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, MethodRouter, on};
use gambeson_core::{Access, ConfigError, ConfigProblems, EndpointSpec, Profile};
use http::Method;
use tower_service::Service;

use self::declared::Declared;
pub use self::on_record::{OnRecord, TakesFirst};
use crate::authorize::AuthorizeLayer;
use crate::handle::PolicyHandle;
use crate::matrix::Matrix;
use crate::permission::NamedPermission;
use crate::requirement::Requirement;
use crate::scope::Scope;
use crate::table::{RouteEntry, RouteTable};

/// Who may call endpoints that are for operators only, on this listener.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ManagementAccess {
    /// They are not mounted here: they have a listener of their own.
    #[default]
    NotHere,
    /// Everyone: for development on loopback; refused in production.
    Open,
    /// Whoever has this permission.
    Permission(Cow<'static, str>),
}

/// Declares routes together with what they ask of their callers.
///
/// `HEAD` follows `GET`. What is wrong is told by [`Routes::build`], all at once.
pub struct Routes<S = ()> {
    policy: PolicyHandle,
    declared: Declared<S>,
    fallback: Option<Requirement>,
    router: Router<S>,
    merges: bool,
    expected: Vec<&'static str>,
    management: ManagementAccess,
    profile: Profile,
    configure: Vec<Configure>,
    listed: Arc<OnceLock<Vec<RouteEntry>>>,
}

type Configure = Box<dyn FnOnce(AuthorizeLayer) -> AuthorizeLayer + Send>;

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet, under this policy.
    #[must_use]
    pub fn new(policy: &PolicyHandle) -> Self {
        Self {
            policy: policy.clone(),
            declared: Declared::default(),
            fallback: None,
            router: Router::new(),
            merges: false,
            expected: Vec::new(),
            management: ManagementAccess::NotHere,
            profile: Profile::Production,
            configure: Vec::new(),
            listed: Arc::default(),
        }
    }

    /// `GET` and `HEAD` of a template.
    #[must_use]
    pub fn get<H: Handler<T, S>, T: 'static>(self, template: &str, ask: Requirement, handler: H) -> Self {
        self.on(Method::GET, MethodFilter::GET, template, ask, handler)
    }

    /// `POST` to a template.
    #[must_use]
    pub fn post<H: Handler<T, S>, T: 'static>(self, template: &str, ask: Requirement, handler: H) -> Self {
        self.on(Method::POST, MethodFilter::POST, template, ask, handler)
    }

    /// `PUT` to a template.
    #[must_use]
    pub fn put<H: Handler<T, S>, T: 'static>(self, template: &str, ask: Requirement, handler: H) -> Self {
        self.on(Method::PUT, MethodFilter::PUT, template, ask, handler)
    }

    /// `PATCH` of a template.
    #[must_use]
    pub fn patch<H: Handler<T, S>, T: 'static>(self, template: &str, ask: Requirement, handler: H) -> Self {
        self.on(Method::PATCH, MethodFilter::PATCH, template, ask, handler)
    }

    /// `DELETE` of a template.
    #[must_use]
    pub fn delete<H: Handler<T, S>, T: 'static>(self, template: &str, ask: Requirement, handler: H) -> Self {
        self.on(Method::DELETE, MethodFilter::DELETE, template, ask, handler)
    }

    fn on<H: Handler<T, S>, T: 'static>(
        mut self,
        method: Method,
        filter: MethodFilter,
        template: &str,
        ask: Requirement,
        handler: H,
    ) -> Self {
        self.declared.add(method, template, ask, on(filter, handler));
        self
    }

    /// A route whose permission depends on the record, which the handler reads and then decides upon.
    ///
    /// The handler's first argument is the [`OnRecord`] of the permission that the route asks for, so it can't be
    /// forgotten. The layer refuses who does not have the permission for any record.
    ///
    /// ```
    /// use gambeson_core::Access;
    /// use gambeson_rbac::{Attribute, OnRecord, PolicyHandle, Refusal, Routes, need, permissions};
    /// use http::Method;
    ///
    /// permissions! { Approve = "invoice:approve" }
    ///
    /// async fn approve(ask: OnRecord<Approve>) -> Result<&'static str, Refusal> {
    ///     let invoice = [("amount", Attribute::Number(9_900))]; // what the app has stored
    ///     ask.decide(&invoice).await?;
    ///     Ok("approved")
    /// }
    ///
    /// let policy: PolicyHandle = r#"
    ///     version = 1
    ///     [permissions]
    ///     "invoice:approve" = { attributes = { amount = "number" } }
    ///     [roles]
    ///     clerk = { grants = [{ perm = "invoice:approve", when = { amount = { max = 10000 } } }] }
    /// "#.parse()?;
    /// let app: axum::Router = Routes::new(&policy)
    ///     .on_record(Method::POST, "/invoices/{id}/approval", need(Approve), approve)
    ///     .build()?;
    /// # let _ = app;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn on_record<P, H, T>(mut self, method: Method, template: &str, ask: Requirement, handler: H) -> Self
    where
        P: NamedPermission,
        H: Handler<T, S>,
        T: TakesFirst<OnRecord<P>> + 'static,
    {
        // A method that axum does not route is told of by `build`.
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        self.declared.add(method, template, ask, on_record::deciding(filter, handler));
        self.declared.asks_on_record(P::NAME);
        self
    }

    /// An endpoint that another crate brings along.
    ///
    /// Only the method of `spec` is reachable, whatever else `endpoint` answers. Endpoints for operators follow
    /// [`Routes::management`].
    #[must_use]
    pub fn mount(mut self, spec: EndpointSpec, endpoint: MethodRouter<S>) -> Self {
        // Whatever else it answers would be in the way of other routes of the template.
        let endpoint = match MethodFilter::try_from(spec.method.clone()) {
            Ok(filter) => on(filter, endpoint),
            Err(_) => endpoint,
        };
        let ask = Requirement::of(spec.access, Scope::default());
        self.declared.add(spec.method, &spec.template, ask, endpoint);
        self
    }

    /// What answers where no route matches; without it that is 404, or 401 for nobody.
    #[must_use]
    pub fn fallback<H: Handler<T, S>, T: 'static>(mut self, ask: Requirement, handler: H) -> Self {
        self.fallback = Some(ask);
        self.router = self.router.fallback(handler);
        self
    }

    /// Files below a path, from a service such as tower-http's `ServeDir`: `GET` and `HEAD` of `{prefix}/{*path}`.
    ///
    /// The service sees the path without the prefix. The policy looks at the template only: who may have one of the files may
    /// have all of them.
    #[must_use]
    pub fn assets<F>(mut self, prefix: &str, ask: Requirement, files: F) -> Self
    where
        F: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        F::Response: IntoResponse,
        F::Future: Send,
    {
        let prefix = prefix.trim_end_matches('/');
        let template = format!("{prefix}/{{*path}}");
        self.declared.add(Method::GET, &template, ask, assets::below(prefix, files));
        self
    }

    /// The page of a single-page app, for each navigation of a browser to a path that no route has. It takes the place of
    /// [`Routes::fallback`].
    ///
    /// Whatever is no navigation gets 404 as without it: a script that asks for a route that is not there must not be
    /// answered with a page.
    #[must_use]
    pub fn spa<H: Handler<T, S>, T: 'static>(mut self, ask: Requirement, index: H) -> Self {
        self.fallback = Some(ask);
        self.router = self.router.fallback(assets::page(index));
        self
    }

    /// Takes in a router whose routes the policy declares in `[routes]`, such as one of an app that is older than its policy.
    ///
    /// A route of it that the policy in force does not declare answers 404, and 401 for nobody. So does what axum gives no
    /// template, such as a service put below a path with `nest_service`, whatever the fallback is: no policy can tell its
    /// routes apart. Rules of routes that are declared in code stay as they are there. [`Routes::inventory`] has the routes of the policy from now on.
    ///
    /// # Panics
    /// As `Router::merge`: both have the same route, or a fallback each.
    #[must_use]
    pub fn merge_declared(mut self, router: Router<S>) -> Self {
        self.router = self.router.merge(router.layer(from_fn(declared::only_routes)));
        self.merges = true;
        self
    }

    /// A page with the matrix of roles and routes, as the policy in force has it when it is asked for.
    #[must_use]
    pub fn matrix_page(self, template: &str, access: Access) -> Self {
        let page = page::matrix(self.policy.clone(), Arc::clone(&self.listed));
        self.mount(EndpointSpec::new(Method::GET, template.to_owned(), access), page)
    }

    /// Who may call endpoints that are for operators only; by default they are not mounted.
    #[must_use]
    pub fn management(mut self, access: ManagementAccess) -> Self {
        self.management = access;
        self
    }

    /// Which shortcuts are allowed: in development [`ManagementAccess::Open`] is. Default [`Profile::Production`].
    #[must_use]
    pub fn run_in(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Makes sure that the policy declares these permissions; give it the `PERMISSIONS` of
    /// [`permissions!`](crate::permissions).
    #[must_use]
    pub fn expects(mut self, permissions: &[&'static str]) -> Self {
        self.expected.extend(permissions);
        self
    }

    /// Turns knobs of the [`AuthorizeLayer`] that will be built.
    #[must_use]
    pub fn authorize(
        mut self,
        change: impl FnOnce(AuthorizeLayer) -> AuthorizeLayer + Send + 'static,
    ) -> Self {
        self.configure.push(Box::new(change));
        self
    }

    /// Every route that will be reachable, and who may call it; in the order of the templates.
    #[must_use]
    pub fn inventory(&self) -> Vec<RouteEntry> {
        let mut entries = self.declared.entries(&self.management);
        if self.merges {
            let known = |new: &RouteEntry| {
                entries.iter().any(|entry| entry.method == new.method && entry.template == new.template)
            };
            let merged: Vec<_> = RouteEntry::all_of(self.policy.policy().table())
                .into_iter()
                .filter(|new| !known(new))
                .collect();
            entries.extend(merged);
            entries.sort_by(|a, b| a.template.cmp(&b.template));
        }
        entries
    }

    /// The routes as a file of lines, for `gambeson rbac lint --routes`: [`inventory_text`](crate::inventory_text) of
    /// [`Routes::inventory`].
    #[must_use]
    pub fn inventory_text(&self) -> String {
        crate::inventory_text(&self.inventory())
    }

    /// The routes as an OpenAPI document; see [`openapi`](crate::openapi()).
    #[cfg(feature = "openapi")]
    #[must_use]
    pub fn openapi(&self, title: &str, version: &str) -> String {
        crate::openapi(title, version, &self.inventory())
    }

    /// Which role may call which route.
    #[must_use]
    pub fn matrix(&self) -> Matrix {
        Matrix::new(&self.policy.policy(), &self.inventory())
    }

    /// [`Matrix::markdown`] of these routes.
    #[must_use]
    pub fn matrix_markdown(&self) -> String {
        self.matrix().markdown()
    }

    /// [`Matrix::html`] of these routes.
    #[must_use]
    pub fn matrix_html(&self) -> String {
        self.matrix().html()
    }

    /// The router, with the [`AuthorizeLayer`] in place. Put authentication outside of it, with one `Router::layer`.
    ///
    /// A route that is added to the router afterwards is not covered.
    ///
    /// # Errors
    /// As [`Routes::into_parts`]; also a policy that asks for strict audit, and no sink.
    pub fn build(self) -> Result<Router<S>, ConfigError> {
        let (router, layer) = self.into_parts()?;
        layer.check()?;
        Ok(router.layer(layer))
    }

    /// The router and the layer, for a stack that puts the layer at its own place.
    ///
    /// # Errors
    /// Everything that is wrong: a template that is malformed, declared twice or in conflict with another; a
    /// permission that the policy does not declare; a route that the policy has and the code has not, or that both
    /// see differently; endpoints for operators left open in production.
    pub fn into_parts(self) -> Result<(Router<S>, AuthorizeLayer), ConfigError> {
        let mut problems = ConfigProblems::new();
        if self.management == ManagementAccess::Open && self.profile.is_production() {
            let cure = "operators' endpoints are open in development only: use a permission, or a listener of their own";
            problems.add("rbac.management", "open", cure);
        }
        if let Err(error) = self.policy.check_permissions(&self.expected) {
            problems.extend(error);
        }
        self.declared.check(&mut problems);
        if self.fallback.as_ref().is_some_and(|ask| !ask.scope().is_empty()) {
            problems.add("routes.fallback", "", "a fallback has no path parameters to be a scope");
        }
        let (entries, listed) = (self.declared.entries(&self.management), self.inventory());
        let table = self.policy.adopt(|universe| {
            let mut table = RouteTable::default();
            for entry in &entries {
                let ask = Requirement::of(entry.access.clone(), entry.scope.clone());
                if !table.add(&entry.method, &entry.template, &ask, universe) {
                    let field = format!("routes.\"{} {}\"", entry.method, entry.template);
                    problems.add(field, "", "declared twice: drop one of them");
                }
            }
            table.set_merges(self.merges);
            if let Some(ask) = &self.fallback {
                table.set_fallback(ask, universe);
            }
            for (method, template) in self.declared.on_record() {
                table.decide_on_record(method, template);
            }
            (table, problems)
        })?;
        let layer = AuthorizeLayer::axum(&self.policy).with_table(table);
        let layer = self.configure.into_iter().fold(layer, |layer, change| change(layer));
        // Set once: this value is the only one that can.
        let _ = self.listed.set(listed);
        Ok((self.declared.mount(self.router, &self.management), layer))
    }
}

impl<S> fmt::Debug for Routes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes")
            .field("policy", &self.policy)
            .field("declared", &self.declared)
            .finish_non_exhaustive()
    }
}
