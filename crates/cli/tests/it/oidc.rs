//! `gambeson oidc …` against the development identity provider.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use gambeson_core::{Spawn, TokioSpawn};
use gambeson_testing::{DevIdp, Fault};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Exit code, standard output and standard error, with this standard input.
async fn oidc(profile: &str, arguments: &[&str], input: &str) -> (i32, String, String) {
    oidc_with(profile, &[], arguments, input).await
}

async fn oidc_with(
    profile: &str,
    variables: &[(&str, &str)],
    arguments: &[&str],
    input: &str,
) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gambeson"));
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    command.arg("oidc").args(arguments).env("GAMBESON_PROFILE", profile);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that needs no input may have ended before it came.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    // The provider answers on this runtime.
    let output = tokio::task::spawn_blocking(|| child.wait_with_output()).await.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn an_issuer_is_examined() {
    let idp = DevIdp::builder().start().await.unwrap();
    let (code, out, err) = oidc("development", &["doctor", idp.issuer()], "").await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("RSA with 2048 bits") && out.contains("healthy"), "{out}");
    let (code, out, _) = oidc("production", &["doctor", idp.issuer()], "").await;
    assert!(code == 1 && out.contains("cure: use https"), "{out}");
    for (path, code) in [("jwks", 0), ("none", 1)] {
        let url = format!("{}/{path}", idp.issuer());
        let (ended, out, _) = oidc("development", &["doctor", idp.issuer(), "--jwks-url", &url], "").await;
        assert_eq!(ended, code, "{out}");
    }
    idp.fault(Fault::EmptyJwks);
    let (code, out, _) = oidc("development", &["doctor", idp.issuer()], "").await;
    assert!(code == 1 && out.contains("no key can be used"), "{out}");
}

#[tokio::test]
async fn a_token_is_explained() {
    let idp = DevIdp::builder().audience("api").start().await.unwrap();
    let arguments = ["explain", idp.issuer(), "--audience", "api"];
    let token = idp.mint().user("alice").token();
    let (code, out, err) = oidc("development", &arguments, &format!("{token}\n")).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("user \"alice\"") && out.ends_with("accepted\n"), "{out}");
    assert!(token.split('.').all(|part| !out.contains(part)), "{out}");
    let other = idp.mint().user("alice").audience("other").expired().token();
    let (code, out, _) = oidc("development", &arguments, &other).await;
    assert!(code == 1 && out.contains("FAIL audience") && out.contains("FAIL times"), "{out}");
    let (code, out, _) = oidc("development", &arguments, "opaque").await;
    assert!(code == 1 && out.contains("opaque token"), "{out}");
    idp.fault(Fault::Down);
    let (code, _, err) = oidc("development", &arguments, &token).await;
    assert!(code == 1 && err.contains("oidc doctor"), "{err}");
    assert_eq!(oidc("production", &arguments, &token).await.0, 2, "the settings are refused");
    assert_eq!(oidc("development", &["explain", idp.issuer()], &token).await.0, 2, "no audience");
}

#[tokio::test]
async fn the_environment_s_proxy_is_used_and_its_exceptions_are_kept() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(String::new()));
    let heard = Arc::clone(&asked);
    let listening = async move {
        while let Ok((mut stream, _)) = proxy.accept().await {
            let mut head = vec![0; 1_024];
            let length = stream.read(&mut head).await.unwrap_or_default();
            heard.lock().unwrap().push_str(&String::from_utf8_lossy(&head[..length]));
            let _ = stream.write_all(b"HTTP/1.1 403 No\r\n\r\n").await;
        }
    };
    assert!(TokioSpawn::new().spawn(Box::pin(listening)));
    let arguments = ["doctor", "https://id.invalid"];
    let (code, out, _) = oidc_with("production", &[("HTTPS_PROXY", &address)], &arguments, "").await;
    assert!(code == 1 && out.contains("BAD  discovery"), "{out}");
    assert!(asked.lock().unwrap().starts_with("CONNECT id.invalid:443 "), "{asked:?}");
    asked.lock().unwrap().clear();
    let variables = [("HTTPS_PROXY", &*address), ("NO_PROXY", "id.invalid")];
    assert_eq!(oidc_with("production", &variables, &arguments, "").await.0, 1);
    assert_eq!(*asked.lock().unwrap(), "");
}
