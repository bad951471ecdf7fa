//! The routes for people and programs that read OpenAPI.

use std::fmt::Write;

use gambeson_core::{Access, json_string};
use http::Method;

use crate::table::RouteEntry;

/// The routes as an OpenAPI 3.1 document: of each its parameters, `x-required-permissions`, and the refusals of this crate.
///
/// A public route has no permission in its list, and `"security": []`. Merge it into the document that tells of bodies and answers.
///
/// ```
/// use gambeson_core::Access;
/// use gambeson_rbac::{RouteEntry, openapi};
/// use http::Method;
///
/// let routes = [RouteEntry::new(Method::GET, "/notes/{id}", Access::Permission("notes:read".into()))];
/// let document = openapi("Notes", "1.0", &routes);
/// assert!(document.contains(r#""x-required-permissions":["notes:read"]"#));
/// ```
#[must_use]
pub fn openapi(title: &str, version: &str, routes: &[RouteEntry]) -> String {
    let mut out = String::from("{\"openapi\":\"3.1.0\",\"info\":{\"title\":");
    json_string(&mut out, title);
    out.push_str(",\"version\":");
    json_string(&mut out, version);
    out.push_str("},\"paths\":{");
    let known = |entry: &&RouteEntry| operation(&entry.method).is_some();
    let mut sorted: Vec<&RouteEntry> = routes.iter().filter(known).collect();
    sorted.sort_by_key(|entry| &entry.template);
    for (index, of_template) in sorted.chunk_by(|a, b| a.template == b.template).enumerate() {
        comma(&mut out, index);
        path_item(&mut out, of_template);
    }
    out.push_str("}}");
    out
}

fn comma(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

/// One template with its methods.
fn path_item(out: &mut String, routes: &[&RouteEntry]) {
    let Some(first) = routes.first() else { return };
    json_string(out, &first.template.replace("{*", "{"));
    out.push_str(":{\"parameters\":[");
    for (index, name) in parameters(&first.template).enumerate() {
        comma(out, index);
        out.push_str("{\"name\":");
        json_string(out, name);
        out.push_str(",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"}}");
    }
    out.push(']');
    for entry in routes {
        let _ = write!(out, ",\"{}\":{{", operation(&entry.method).unwrap_or_default());
        rule(out, &entry.access);
        out.push('}');
    }
    out.push('}');
}

fn rule(out: &mut String, access: &Access) {
    if let Access::Public(reason) = access {
        out.push_str("\"security\":[],\"x-required-permissions\":[],\"x-public\":");
        json_string(out, reason);
        out.push_str(",\"responses\":{\"default\":{\"description\":\"Public.\"}}");
        return;
    }
    out.push_str("\"x-required-permissions\":[");
    if let Access::Permission(name) = access {
        json_string(out, name);
    }
    out.push_str(
        "],\"responses\":{\"401\":{\"description\":\"No credential, or a log-in that is too weak or too old.\"},\
         \"403\":{\"description\":\"The caller may not do this.\"},\
         \"503\":{\"description\":\"It can't be decided right now.\"}}",
    );
}

/// The names of a template's parameters.
fn parameters(template: &str) -> impl Iterator<Item = &str> {
    template
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name.trim_start_matches('*'))
}

/// The name that OpenAPI has for a method; `None`: it has none.
fn operation(method: &Method) -> Option<&'static str> {
    [
        (Method::GET, "get"),
        (Method::PUT, "put"),
        (Method::POST, "post"),
        (Method::DELETE, "delete"),
        (Method::OPTIONS, "options"),
        (Method::HEAD, "head"),
        (Method::PATCH, "patch"),
        (Method::TRACE, "trace"),
    ]
    .into_iter()
    .find_map(|(known, name)| (known == *method).then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Value, read};

    #[test]
    fn each_route_has_its_permission_and_parameters() {
        let routes = [
            RouteEntry::new(Method::DELETE, "/notes/{id}", Access::Permission("notes:delete".into())),
            RouteEntry::new(Method::GET, "/files/{a}/{*path}", Access::Public("the \"shop\"".into())),
            RouteEntry::new(Method::GET, "/notes/{id}", Access::Permission("notes:read".into())),
            RouteEntry::new(Method::CONNECT, "/tunnel", Access::Public("none".into())),
            RouteEntry::new(Method::GET, "/metrics", Access::Management),
        ];
        let text = openapi("The \"API\"", "1.0", &routes);
        let document = read(&text).unwrap().value;
        let at = |path: &[&str]| path.iter().try_fold(&document, |here, step| here.get(step)).cloned();
        let list = |path: &[&str]| match at(path) {
            Some(Value::List(items)) => items.into_iter().map(|item| item.value).collect::<Vec<_>>(),
            other => unreachable!("{other:?}"),
        };
        assert_eq!(at(&["info", "title"]), Some(Value::Text("The \"API\"".into())));
        let asks = |method| list(&["paths", "/notes/{id}", method, "x-required-permissions"]);
        assert_eq!(asks("get"), [Value::Text("notes:read".into())]);
        assert_eq!(asks("delete"), [Value::Text("notes:delete".into())]);
        assert_eq!(list(&["paths", "/files/{a}/{path}", "get", "security"]), []);
        assert_eq!(
            at(&["paths", "/files/{a}/{path}", "get", "x-public"]),
            Some(Value::Text("the \"shop\"".into()))
        );
        let parameters = list(&["paths", "/files/{a}/{path}", "parameters"]);
        assert_eq!(parameters.iter().filter_map(|one| one.get("name")).count(), 2);
        assert_eq!(parameters[1].get("name"), Some(&Value::Text("path".into())));
        assert!(
            at(&["paths", "/tunnel"]).is_none()
                && at(&["paths", "/metrics", "get", "responses", "403"]).is_some()
        );
    }
}
