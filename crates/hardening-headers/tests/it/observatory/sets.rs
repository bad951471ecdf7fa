//! Header sets of all sorts, the same in each run.

/// A linear congruential generator: the same numbers in each run, on every machine.
pub(crate) struct Numbers(pub(crate) u64);

/// One header set, as the peer reads it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Set {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) preflight: Option<Vec<(String, String)>>,
    pub(crate) body: String,
    pub(crate) http: Option<Vec<(String, u16)>>,
}

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(end).unwrap()).unwrap()
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    /// The text in another case, sometimes.
    fn cased(&mut self, text: &str) -> String {
        match self.below(8) {
            0 => text.to_ascii_uppercase(),
            1 => text
                .chars()
                .enumerate()
                .map(|(at, c)| if at % 2 == 0 { c.to_ascii_uppercase() } else { c })
                .collect(),
            _ => text.to_owned(),
        }
    }
}

const DIRECTIVES: [&str; 22] = [
    "default-src",
    "default-src",
    "script-src",
    "script-src",
    "style-src",
    "style-src",
    "img-src",
    "object-src",
    "media-src",
    "connect-src",
    "font-src",
    "frame-src",
    "base-uri",
    "form-action",
    "frame-ancestors",
    "report-uri",
    "report-to",
    "worker-src",
    "script-src-elem",
    "style-src-attr",
    "manifest-src",
    "foo-src",
];

const SOURCES: [&str; 34] = [
    "'self'",
    "'self'",
    "'none'",
    "'none'",
    "'unsafe-inline'",
    "'unsafe-inline'",
    "'unsafe-eval'",
    "'nonce-abc'",
    "'nonce-abc'",
    "'sha256-abc='",
    "'sha384-abc'",
    "'sha512-abc'",
    "'strict-dynamic'",
    "'strict-dynamic'",
    "https:",
    "http:",
    "ftp:",
    "data:",
    "blob:",
    "*",
    "https://*",
    "http://*",
    "https://a.example",
    "http://a.example",
    "*.a.example",
    "a.example:443",
    "wss://a.example",
    "ws:",
    "'unsafe-hashes'",
    "'wasm-unsafe-eval'",
    "'report-sample'",
    "ftp://a.example",
    "none",
    "'sha1-abc'",
];

fn policy(numbers: &mut Numbers) -> String {
    if numbers.one_in(20) {
        return numbers
            .of(&["", "foo", ";", "; ; ; ;", "abcde", "upgrade-insecure-requests", "sandbox", "foo bar"])
            .to_owned();
    }
    let mut parts = Vec::new();
    if numbers.one_in(2) {
        parts.push(
            numbers
                .of(&["default-src 'none'", "default-src 'self'", "default-src 'NONE'", "object-src 'none'"])
                .to_owned(),
        );
    }
    for _ in 0..numbers.below(5) {
        let mut words = vec![numbers.of(&DIRECTIVES).to_owned()];
        for _ in 0..numbers.below(4) {
            let source = numbers.of(&SOURCES);
            words.push(numbers.cased(source));
        }
        parts.push(words.join(if numbers.one_in(9) { "  " } else { " " }));
    }
    parts.join(numbers.of(&["; ", "; ", ";", " ; ", ";; "]))
}

const COOKIES: [&str; 16] = [
    "a",
    "b",
    "theme",
    "session",
    "SESSIONID",
    "sid",
    "login_token",
    "csrf",
    "xsrf",
    "anticsrftoken",
    "__Host-id",
    "__Secure-a",
    "__Host-session",
    "heroku-session-affinity",
    "sessioncsrf",
    "",
];

fn cookie(numbers: &mut Numbers) -> String {
    let name = numbers.of(&COOKIES);
    let mut parts = vec![format!("{name}={}", numbers.of(&["b", "", "x y", "1=2"]))];
    let mut maybe = |numbers: &mut Numbers, chances: usize, choices: &[&str]| {
        if !numbers.one_in(chances) {
            let attribute = numbers.of(choices);
            parts.push(numbers.cased(attribute));
        }
    };
    maybe(numbers, 4, &["Secure", "Secure", "Secure=x"]);
    maybe(numbers, 3, &["HttpOnly"]);
    maybe(
        numbers,
        3,
        &["SameSite=Lax", "SameSite=Strict", "SameSite=None", "SameSite=Lax", "SameSite", "SameSite=foo"],
    );
    maybe(numbers, 2, &["Path=/", "Path=/", "Path=/x", "Path=x"]);
    if numbers.one_in(4) {
        parts.push(
            numbers
                .of(&[
                    "Domain=example.com",
                    "Domain=.example.com",
                    "Domain=app.example.com",
                    "Domain=other.example",
                    "Domain=com",
                    "Domain=",
                    "Domain=x.app.example.com",
                ])
                .to_owned(),
        );
    }
    if numbers.one_in(4) {
        parts.push(
            numbers
                .of(&[
                    "Max-Age=0",
                    "Max-Age=100",
                    "Expires=Thu, 01 Jan 2099 00:00:00 GMT",
                    "Priority=High",
                    "Partitioned",
                ])
                .to_owned(),
        );
    }
    parts.join(numbers.of(&["; ", "; ", ";"]))
}

fn page(numbers: &mut Numbers) -> String {
    let mut page = String::from("<!doctype html><html><head><title>a</title>");
    if numbers.one_in(8) {
        let content = numbers.of(&["no-referrer", "unsafe-url", "foo", "origin", "same-origin, unsafe-url"]);
        page.push_str(&format!("<meta name=\"{}\" content=\"{content}\">", numbers.cased("referrer")));
    }
    if numbers.one_in(8) {
        let policy = policy(numbers);
        page.push_str(&format!(
            "<meta http-equiv=\"{}\" content=\"{policy}\">",
            numbers.cased("content-security-policy")
        ));
    }
    page.push_str("</head><body>");
    for _ in 0..numbers.below(4) {
        let source = numbers.of(&[
            "",
            " src=\"/a.js\"",
            " src='a.js'",
            " src=/b.js",
            " src=\"https://app.example.com/a.js\"",
            " src=\"https://www.example.com/a.js\"",
            " src=\"https://cdn.other.example/a.js\"",
            " src=\"http://cdn.other.example/a.js\"",
            " src=\"//cdn.other.example/a.js\"",
            " src=\"http://app.example.com/a.js\"",
            " src=\"//app.example.com/a.js\"",
            " src=\"\"",
            " src",
            " src=\"https://cdn.other.example/a.js\"",
            " src=\"/c.js\"",
        ]);
        let integrity = numbers.of(&[
            "",
            "",
            " integrity=\"sha384-abc\"",
            " integrity",
            " integrity=\"\"",
            " INTEGRITY='sha256-x' crossorigin",
        ]);
        let tag = numbers.of(&["script", "script", "script", "SCRIPT"]);
        let attributes =
            if numbers.one_in(2) { format!("{source}{integrity}") } else { format!("{integrity}{source}") };
        let element = format!("<{tag}{attributes}>{}</{tag}>", numbers.of(&["", "", "let a = 1 < 2;"]));
        page.push_str(&match numbers.below(12) {
            0 => format!("<!-- {element} -->"),
            1 => format!("<noscript>{element}</noscript>"),
            2 => format!("<template>{element}</template>"),
            _ => element,
        });
    }
    page.push_str("<p>1 &lt; 2</p></body></html>");
    page
}

/// Fields with few values: what is right, and what is odd.
const FIELDS: [(&str, &[&str], &[&str]); 6] = [
    (
        "strict-transport-security",
        &["max-age=63072000; includeSubDomains", "max-age=31536000"],
        &[
            "max-age=300",
            "max-age=15552000",
            "max-age=15551999",
            "max-age=0",
            "max-age=",
            "max-age=\"63072000\"",
            "includeSubDomains",
            "",
            "MAX-AGE=63072000",
            "max-age=abc",
            "max-age = 5",
            "max-age=63072000, x",
            "preload; max-age=63072000",
            "max-age=1; max-age=63072000",
            "max-age=-1",
        ],
    ),
    (
        "referrer-policy",
        &["no-referrer", "same-origin", "strict-origin-when-cross-origin"],
        &[
            "unsafe-url",
            "origin",
            "foo",
            "",
            "no-referrer, unsafe-url",
            "unsafe-url, same-origin",
            "strict-origin",
            "no-referrer-when-downgrade",
            "Same-Origin",
            "no-referrer;",
            "foo,",
        ],
    ),
    ("x-content-type-options", &["nosniff"], &["NOSNIFF", "foo", "", "nosniff, nosniff", " nosniff "]),
    (
        "x-frame-options",
        &["DENY", "SAMEORIGIN"],
        &["deny", "ALLOW-FROM https://a.example", "ALLOWALL", "", "DENY, DENY", "allow-from"],
    ),
    (
        "cross-origin-resource-policy",
        &["same-origin", "same-site"],
        &["cross-origin", "foo", "Same-Origin", "", "same-origin, same-origin"],
    ),
    ("content-security-policy-report-only", &["default-src 'none'"], &["foo"]),
];

impl Set {
    pub(crate) fn next(numbers: &mut Numbers) -> Self {
        let mut set = Self::default();
        let kind = numbers.of(&[
            "text/html; charset=utf-8",
            "text/html; charset=utf-8",
            "text/html",
            "application/json",
            "TEXT/HTML",
            "application/xhtml+xml",
            "text/plain",
        ]);
        set.add(numbers, "content-type", kind.to_owned());
        for _ in 0..[0, 1, 1, 1, 1, 2][numbers.below(6)] {
            let policy = policy(numbers);
            set.add(numbers, "content-security-policy", policy);
        }
        set.fields(numbers);
        for _ in 0..[0, 0, 0, 1, 1, 2, 3][numbers.below(7)] {
            let cookie = cookie(numbers);
            set.add(numbers, "set-cookie", cookie);
        }
        if !numbers.one_in(3) {
            set.body = page(numbers);
        }
        set.preflight = (!numbers.one_in(3)).then(|| preflight(numbers));
        set.http = way(numbers);
        set
    }

    fn add(&mut self, numbers: &mut Numbers, name: &str, value: String) {
        self.headers.push((numbers.cased(name), value));
    }

    /// Fields with few values, each right more often than not, so that bonuses count for some.
    fn fields(&mut self, numbers: &mut Numbers) {
        for (name, right, odd) in FIELDS {
            let value = match numbers.below(8) {
                0 | 1 => continue,
                2 => numbers.of(odd),
                _ => numbers.of(right),
            };
            self.add(numbers, name, value.to_owned());
            if numbers.one_in(25) {
                let again = numbers.of(right);
                self.add(numbers, name, again.to_owned());
            }
        }
    }
}

fn preflight(numbers: &mut Numbers) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    if !numbers.one_in(2) {
        let origin = numbers.of(&[
            "*",
            "https://http-observatory.security.mozilla.org",
            "https://a.example",
            "null",
            "",
            "*, *",
        ]);
        fields.push(("Access-Control-Allow-Origin".to_owned(), origin.to_owned()));
    }
    if numbers.one_in(2) {
        let credentials = numbers.of(&["true", "TRUE", "false", ""]);
        fields.push(("access-control-allow-credentials".to_owned(), credentials.to_owned()));
    }
    fields
}

fn way(numbers: &mut Numbers) -> Option<Vec<(String, u16)>> {
    const STEPS: [&str; 8] = [
        "https://app.example.com/",
        "https://app.example.com/",
        "https://www.example.com/",
        "http://www.example.com/",
        "http://app.example.com/x",
        "https://other.example/",
        "https://app.example.com:8443/",
        "https://APP.example.com/",
    ];
    if numbers.one_in(2) {
        return None;
    }
    let mut steps = vec![("http://app.example.com/".to_owned(), 301)];
    for _ in 0..numbers.below(4) {
        steps.push((numbers.of(&STEPS).to_owned(), 302));
    }
    steps.last_mut().unwrap().1 = 200;
    Some(steps)
}
