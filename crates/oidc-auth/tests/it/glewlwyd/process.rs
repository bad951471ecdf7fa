//! Debian's glewlwyd as a process: a database and a configuration in a folder of its own, and its interface for administrators.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gambeson_client::Client;
use gambeson_core::{HttpTransport, TransportLimits};
use gambeson_testing::eventually;
use http::{Method, Request, Response, header};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Of letters only: what RFC 6749 §2.3.1 has encoded before it is joined, this provider does not decode.
pub(crate) const SECRET: &str = "enough-letters";

/// The running provider.
pub(crate) struct Glewlwyd {
    child: Child,
    url: String,
    client: Client,
    /// Who administers.
    cookie: String,
    _folder: TempDir,
}

impl Glewlwyd {
    pub(crate) async fn start() -> Self {
        let program = PathBuf::from(std::env::var_os("GAMBESON_GLEWLWYD").expect("cargo xtask test sets it"));
        let root = program.parent().and_then(Path::parent).unwrap().join("root");
        let folder = tempfile::tempdir().unwrap();
        fill(&root, &folder.path().join("db"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let configuration = folder.path().join("conf");
        fs::write(&configuration, text(&root.join("usr/lib/glewlwyd"), folder.path(), port)).unwrap();
        let child = Command::new(program)
            .arg(format!("--config-file={}", configuration.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let client = Client::builder().build().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let mut provider = Self { child, url, client, cookie: String::new(), _folder: folder };
        provider.sign_in().await;
        provider
            .post("/api/scope/", &json!({"name": "notes", "display_name": "notes", "description": "notes"}))
            .await;
        provider.post("/api/client/?source=database", &service()).await;
        provider
    }

    async fn sign_in(&mut self) {
        let up = || async { self.send(Method::GET, "/config", String::new()).await.ok().map(drop) };
        eventually(Duration::from_secs(20), up).await.expect("glewlwyd answers");
        let form = json!({"username": "admin", "password": "password"}).to_string();
        let answer = self.send(Method::POST, "/api/auth/", form).await.unwrap();
        let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
        self.cookie = cookie.split(';').next().unwrap().to_owned();
    }

    async fn send(&self, method: Method, path: &str, body: String) -> Result<Response<Bytes>, String> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let mut request = request.header(header::CONTENT_TYPE, "application/json");
        if !self.cookie.is_empty() {
            request = request.header(header::COOKIE, &self.cookie);
        }
        let limits = TransportLimits::default().allow_special_use_addresses(true);
        let request = request.body(Bytes::from(body)).unwrap();
        self.client.send(request, limits).await.map_err(|error| error.to_string())
    }

    async fn done(&self, method: Method, path: &str, body: String) {
        let answer = self.send(method, path, body).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}: {}", String::from_utf8_lossy(answer.body()));
    }

    async fn post(&self, path: &str, body: &Value) {
        self.done(Method::POST, path, body.to_string()).await;
    }

    /// An issuer in this provider, with a new key of this type; its name.
    pub(crate) async fn issuer(&self, name: &str, kind: &str) -> String {
        let issuer = format!("{}/api/{name}", self.url);
        self.post("/api/mod/plugin/", &plugin(name, &issuer, kind)).await;
        issuer
    }

    /// The issuer gets a new key, and forgets the old one.
    pub(crate) async fn rotate(&self, name: &str, kind: &str) {
        let issuer = format!("{}/api/{name}", self.url);
        let path = format!("/api/mod/plugin/{name}");
        self.done(Method::PUT, &path, plugin(name, &issuer, kind).to_string()).await;
        self.done(Method::PUT, &format!("{path}/reset"), String::new()).await;
    }

    /// What stands at a path, as JSON.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let answer = self.send(Method::GET, path, String::new()).await.unwrap();
        serde_json::from_slice(answer.body()).unwrap()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Glewlwyd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes the database of what the package ships.
fn fill(root: &Path, database: &Path) {
    let script = root.join("usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz");
    let sql = Command::new("gzip").arg("-dc").arg(script).output().unwrap().stdout;
    let mut sqlite = sqlite(root).arg(database).stdin(Stdio::piped()).spawn().unwrap();
    sqlite.stdin.take().unwrap().write_all(&sql).unwrap();
    assert!(sqlite.wait().unwrap().success());
}

/// The one that came with the provider, where the machine has none.
fn sqlite(root: &Path) -> Command {
    let own = root.join("usr/bin/sqlite3");
    if !own.is_file() {
        return Command::new("sqlite3");
    }
    let libraries = fs::read_dir(root.join("usr/lib")).unwrap().map(|entry| entry.unwrap().path());
    let libraries = libraries.filter(|path| path.to_string_lossy().contains("-linux-"));
    let mut command = Command::new(own);
    command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries).unwrap());
    command
}

/// The slash at the end of its address comes out doubled in what discovery says.
fn text(modules: &Path, folder: &Path, port: u16) -> String {
    let (modules, folder) = (modules.display(), folder.display());
    format!(
        r#"port={port}
bind_address="127.0.0.1"
external_url="http://127.0.0.1:{port}/"
login_url="login.html"
api_prefix="api"
log_mode="console"
log_level="ERROR"
cookie_secure=false
session_expiration=3600
session_key="session"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="{modules}/user"
user_middleware_module_path="{modules}/user_middleware"
client_module_path="{modules}/client"
user_auth_scheme_module_path="{modules}/scheme"
plugin_module_path="{modules}/plugin"
hash_algorithm="SHA512"
database = {{ type = "sqlite3" path = "{folder}/db" }};
"#
    )
}

/// A client that may have tokens of its own, for the scope `notes` or the resource.
fn service() -> Value {
    json!({
        "client_id": "service", "name": "service", "enabled": true, "confidential": true, "password": SECRET,
        "redirect_uri": ["https://app.example/"], "authorization_type": ["client_credentials"], "scope": ["notes"],
        "token_endpoint_auth_method": ["client_secret_basic", "client_secret_post"],
        "resource": ["https://api.example"],
    })
}

/// It publishes coordinates without the zeros that they begin with, which RFC 7518 §6.2.1.2 does not allow and which
/// the verifier refuses: one key of 128 has some.
fn key_without_leading_zeros() -> EcdsaKeyPair {
    loop {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        // A point is 4, x and y.
        let point = pair.public_key().as_ref();
        if point[1] != 0 && point[33] != 0 {
            return pair;
        }
    }
}

fn plugin(name: &str, issuer: &str, kind: &str) -> Value {
    let (private, public) = match kind {
        "ecdsa" => {
            let pair = key_without_leading_zeros();
            let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
            (pair.to_pkcs8v1().unwrap().as_ref().to_vec(), public.as_ref().to_vec())
        }
        _ => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
            let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
            let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
            (private.as_ref().to_vec(), public.as_ref().to_vec())
        }
    };
    json!({
        "module": "oidc", "name": name, "display_name": name, "enabled": true, "order_rank": 0,
        "parameters": {
            "iss": issuer, "jwt-type": kind, "jwt-key-size": "256",
            "key": pem("PRIVATE KEY", &private), "cert": pem("PUBLIC KEY", &public),
            "access-token-duration": 300, "refresh-token-duration": 3600, "code-duration": 60,
            "refresh-token-rolling": true, "session-cookie-name": "oidc", "session-cookie-expiration": 60,
            "allow-non-oidc": true, "auth-type-client-enabled": true, "auth-type-code-enabled": true,
            "auth-type-token-enabled": false, "auth-type-id-token-enabled": true, "auth-type-none-enabled": true,
            "auth-type-password-enabled": false, "auth-type-implicit-enabled": false, "auth-type-refresh-enabled": true,
            "jwks-show": true, "jwks-x5c": [], "subject-type": "public", "pkce-allowed": true,
            "introspection-revocation-allowed": true, "introspection-revocation-allow-target-client": true,
            "resource-allowed": true, "resource-client-property": "resource", "resource-scope": {},
            "oauth-dpop-allowed": true, "oauth-dpop-iat-duration": 60,
        },
    })
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
