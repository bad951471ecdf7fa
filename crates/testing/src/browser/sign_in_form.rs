//! The sign-in page of `DevIdp`, as far as the browser has to understand it.

use url::form_urlencoded::Serializer;

/// What pressing this person's button sends, if it is the page that asks who signs in.
pub(super) fn pressed(page: &str, person: &str) -> Option<String> {
    let form = page.split_once("action=\"/sign-in\"")?.1;
    let request = form.split_once("name=\"request\" value=\"")?.1.split('"').next()?;
    let mut out = Serializer::new(String::new());
    out.append_pair("request", &plain(request)).append_pair("user", person);
    Some(out.finish())
}

/// Text without the references that the page writes.
fn plain(text: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        .into_iter()
        .fold(text.to_owned(), |text, (reference, character)| text.replace(reference, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_carries_the_request_on() {
        let page = "<form method=\"post\" action=\"/sign-in\"><input type=\"hidden\" name=\"request\" value=\"a=b&amp;c=%26\">";
        assert_eq!(pressed(page, "alice").unwrap(), "request=a%3Db%26c%3D%2526&user=alice");
        assert_eq!(pressed("<form method=\"post\" action=\"/logout\">", "alice"), None);
        assert_eq!(plain("&amp;lt; &lt;"), "&lt; <");
    }
}
