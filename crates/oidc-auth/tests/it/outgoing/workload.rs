//! Tokens that the platform gives: in a file, or for a job.

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gambeson_core::CredentialSource;
use gambeson_oidc_auth::ClientAuth;
use gambeson_oidc_auth::outgoing::{ClonedBody, TokenSource};
use serde_json::json;

use super::api::{Api, REFUSED, UNAVAILABLE, to_api};
use super::provider::{Mood, Scene, issuer};
use crate::fake_issuer::{START, settle};

/// A folder that goes when it is dropped.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn token(&self) -> PathBuf {
        self.0.path().join("token")
    }

    /// As the kubelet does: a new file takes the place of the old one.
    fn write(&self, text: &str) {
        let new = self.0.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.token()).unwrap();
    }
}

fn jwt(name: &str, ends_in: i64) -> String {
    let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.c2ln", part(json!({"alg": "RS256"})), part(json!({"sub": name, "exp": START + ends_in})))
}

#[tokio::test]
async fn a_file_that_the_platform_renews_is_read_again() {
    let (scene, api, folder) = (Scene::new(), Api::default(), Folder::new());
    let (first, second) = (jwt("first", 3_600), jwt("second", 7_200));
    folder.write(&format!("{first}\n"));
    let layer = to_api(&scene.on(TokenSource::workload_file(folder.token())).build().unwrap());
    assert_eq!(api.get(&layer).await, Ok(200));
    folder.write(&second);
    scene.pass_seconds(59).await;
    api.get(&layer).await.unwrap();
    scene.pass_seconds(2).await;
    api.get(&layer).await.unwrap();
    settle().await;
    api.get(&layer).await.unwrap();
    let bearer = |token: &str| format!("Bearer {token}");
    assert_eq!(api.seen(), [bearer(&first), bearer(&first), bearer(&first), bearer(&second)]);
    assert_eq!(scene.provider.count(), 0);
}

#[tokio::test]
async fn a_401_reads_it_at_once() {
    let (scene, api, folder) = (Scene::new(), Api::default(), Folder::new());
    folder.write("opaque-1");
    let layer = to_api(&scene.on(TokenSource::workload_file(folder.token())).build().unwrap())
        .repeat_with(ClonedBody);
    assert_eq!(api.get(&layer).await, Ok(200));
    api.refuse("opaque-1");
    folder.write("opaque-2");
    assert_eq!(api.get(&layer).await, Ok(200));
    assert_eq!(api.seen().last().unwrap(), "Bearer opaque-2");
}

#[tokio::test]
async fn what_is_no_token_is_an_error_and_a_good_one_is_used_to_its_end() {
    let (scene, api, folder) = (Scene::new(), Api::default(), Folder::new());
    folder.write(&jwt("first", 300));
    let layer = to_api(&scene.on(TokenSource::workload_file(folder.token())).build().unwrap());
    assert_eq!(api.get(&layer).await, Ok(200));
    for (seconds, text) in [(70, ""), (70, "two words"), (70, "line\nbreak"), (70, &*"x".repeat(100_000))] {
        folder.write(text);
        scene.pass_seconds(seconds).await;
        assert_eq!(api.get(&layer).await, Ok(200), "it is still good");
        settle().await;
    }
    fs::remove_file(folder.token()).unwrap();
    scene.pass_seconds(30).await;
    assert_eq!(api.get(&layer).await, UNAVAILABLE);
    folder.write(&jwt("ended", 10));
    scene.pass_seconds(61).await;
    assert_eq!(api.get(&layer).await, UNAVAILABLE, "it has ended already");
    folder.write(&jwt("good", 3_600));
    scene.pass_seconds(61).await;
    assert_eq!(api.get(&layer).await, Ok(200));
}

#[tokio::test]
async fn a_workload_s_token_is_exchanged_as_the_jwt_it_is() {
    let (scene, folder) = (Scene::new(), Folder::new());
    folder.write(&jwt("billing", 3_600));
    let subject = scene.on(TokenSource::workload_file(folder.token())).build().unwrap();
    let source =
        scene.on(TokenSource::exchange(issuer(), ClientAuth::public("billing"), subject)).build().unwrap();
    source.credential().wait().await.unwrap();
    let asked = scene.provider.last();
    assert_eq!(asked.field("subject_token_type"), Some("urn:ietf:params:oauth:token-type:jwt"));
    assert_eq!(asked.field("subject_token"), Some(&*jwt("billing", 3_600)));
}

fn job(scene: &Scene) -> TokenSource {
    job_at(scene, "https://actions.example/token?api-version=2.0")
}

fn job_at(scene: &Scene, url: &str) -> TokenSource {
    let lookup = |name: &str| match name {
        "ACTIONS_ID_TOKEN_REQUEST_URL" => Some(url.to_owned()),
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN" => Some("job-secret".to_owned()),
        _ => None,
    };
    scene.on(TokenSource::github_actions_from_lookup("https://orders.example.com", lookup)).build().unwrap()
}

#[tokio::test]
async fn a_job_asks_for_a_token_for_its_audience() {
    let (scene, api) = (Scene::new(), Api::default());
    let token = jwt("repo:acme/orders", 600);
    let source = job(&scene);
    scene.provider.edit(|state| state.answer = json!({"count": 1, "value": token}));
    let layer = to_api(&source);
    assert_eq!(api.get(&layer).await, Ok(200));
    assert_eq!(api.seen(), [format!("Bearer {token}")]);
    let url = scene.provider.edit(|state| state.urls.last().cloned()).unwrap();
    assert_eq!(
        url,
        "https://actions.example/token?api-version=2.0&audience=https%3A%2F%2Forders.example.com"
    );
    assert_eq!(scene.provider.last().authorization.as_deref(), Some("Bearer job-secret"));
    assert!(!format!("{source:?}").contains("job-secret"));
    scene.pass_seconds(300).await;
    api.get(&layer).await.unwrap();
    assert_eq!(scene.provider.count(), 1, "it ends in 300 s more");
}

#[tokio::test]
async fn a_job_asks_inside_the_network_only_where_its_address_says_so() {
    let token = jwt("repo:acme/orders", 600);
    for (url, inside) in [
        ("https://actions.example/token", false),
        ("https://10.0.0.7.example/token", false),
        ("https://10.0.0.7/token", true),
    ] {
        let scene = Scene::new();
        scene.provider.edit(|state| state.answer = json!({"value": token}));
        assert_eq!(Api::default().get(&to_api(&job_at(&scene, url))).await, Ok(200), "{url}");
        assert_eq!(scene.provider.edit(|state| state.special_use), inside, "{url}");
    }
}

#[tokio::test]
async fn a_job_without_the_permission_is_told_so() {
    for (mood, refused) in [
        (Mood::Says(403, ""), REFUSED),
        (Mood::Says(500, ""), UNAVAILABLE),
        (Mood::Says(200, "<html>"), UNAVAILABLE),
        (Mood::Long(1 << 20), UNAVAILABLE),
    ] {
        let (scene, api) = (Scene::new(), Api::default());
        scene.provider.mood(mood);
        assert_eq!(api.get(&to_api(&job(&scene))).await, refused, "{mood:?}");
    }
}
