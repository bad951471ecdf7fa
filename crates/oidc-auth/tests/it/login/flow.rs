//! What people do: sign in, go on, sign out.

use std::sync::Arc;

use gambeson_core::{Health, HealthCheck, Negotiated};
use gambeson_oidc_auth::{AuthLayer, Issuer, Login, LoginLayer};
use http::{Method, Request, header};
use tower::{Layer, ServiceExt, service_fn};

use super::browser::{Browser, ORIGIN, Scene, location, parameter, refusal, who};
use crate::fake_issuer::{House, ISSUER, Mood, claims, static_verifier};
use crate::signer::Signer;

#[tokio::test]
async fn alice_signs_in_and_out() {
    let scene = Scene::new().await;
    let (app, mut browser) = (scene.app(), Browser::default());
    assert_eq!(browser.who(&app).await, "nobody");

    let url = browser.leave(&app, "/login?return_to=%2Fnotes%3Fpage%3D2").await;
    assert!(url.starts_with(scene.idp.issuer()), "{url}");
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "notes-web"),
        ("redirect_uri", "http://127.0.0.1:3000/login/callback"),
        ("scope", "openid profile"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(parameter(&url, name).as_deref(), Some(value));
    }
    assert_ne!(parameter(&url, "state"), parameter(&url, "nonce"));

    let back = scene.idp.sign_in(&url, "alice").unwrap();
    let answer = browser.get(&app, &back).await;
    assert_eq!(location(&answer), format!("{ORIGIN}/notes?page=2"));
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["session"], "the attempt is used up");
    assert_eq!(browser.who(&app).await, "alice");

    let answer = browser.post(&app, "/logout").await;
    assert_eq!(
        answer.headers()["clear-site-data"],
        "\"cache\"",
        "nor does the browser's memory show her pages"
    );
    let out = location(&answer);
    assert!(out.starts_with(&format!("{}/logout?", scene.idp.issuer())), "{out}");
    assert_eq!(parameter(&out, "post_logout_redirect_uri").as_deref(), Some("http://127.0.0.1:3000/"));
    assert!(parameter(&out, "id_token_hint").is_some());
    assert!(browser.cookies.is_empty());
    assert_eq!(browser.who(&app).await, "nobody");
    assert!(scene.store.is_empty());
    assert_eq!(scene.events(), ["login success", "logout success"]);
    let events = scene.audit.events();
    assert!(events.iter().all(|event| event.context.subject.as_ref().unwrap().name.as_ref() == "alice"));
}

#[tokio::test]
async fn a_refresh_token_that_outlives_the_visit_is_asked_for_with_consent() {
    let scene = Scene::new().await;
    for (scopes, prompt) in [
        (vec!["profile"], None),
        (vec!["profile", "offline_access"], Some("consent")),
        (vec!["offline_access_x"], None),
    ] {
        let app = super::browser::App(LoginLayer::new(scene.builder().scopes(scopes).build().unwrap()));
        let url = Browser::default().leave(&app, "/login").await;
        assert_eq!(parameter(&url, "prompt").as_deref(), prompt, "{url}");
    }
}

#[tokio::test]
async fn the_principal_is_mapped_as_from_a_bearer_token() {
    let scene = Scene::new().await;
    let (app, mut browser) = (scene.app(), Browser::default());
    browser.sign_in(&scene, &app, "alice").await;
    let inner = service_fn(async |request: Request<()>| {
        let facts = gambeson_core::RequestFacts::of(request.extensions()).unwrap().clone();
        let alice = facts.principal().unwrap();
        assert_eq!((alice.issuer(), alice.tenant()), (scene.idp.issuer(), Some("acme")));
        assert_eq!(alice.roles().collect::<Vec<_>>(), ["editor"]);
        assert!(alice.session_id().is_some() && alice.auth_time().is_some());
        let end = gambeson_core::Timestamp::from_unix_seconds(crate::fake_issuer::START + 8 * 3_600);
        assert_eq!(alice.expires_at(), Some(end), "long answers live as long as the session");
        Ok::<_, std::convert::Infallible>(http::Response::new(bytes::Bytes::new()))
    });
    app.0.layer(inner).oneshot(browser.request(Method::GET, "/")).await.unwrap();
}

#[tokio::test]
async fn cookies_have_every_mark() {
    let scene = Scene::new().await;
    let (app, mut browser) = (scene.app(), Browser::default());
    let answer = browser.get(&app, "/login").await;
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("session-login-"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600"), "{cookie}");
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(answer.headers()[header::REFERRER_POLICY], "no-referrer");
    assert!(answer.headers()[header::LOCATION].is_sensitive(), "state and nonce are in it");
    let back = scene.idp.sign_in(&location(&answer), "bob").unwrap();
    let answer = browser.get(&app, &back).await;
    let mut cookies =
        answer.headers().get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
    let session = cookies.next().unwrap();
    assert!(
        session.starts_with("session=") && session.ends_with("; Path=/; HttpOnly; SameSite=Lax"),
        "{session}"
    );
    assert_eq!(session.split(['=', ';']).nth(1).unwrap().len(), 43, "256 bits");
    assert!(cookies.next().unwrap().contains("; Max-Age=0"));
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
}

#[tokio::test]
async fn several_tabs_at_once_and_not_too_many() {
    let scene = Scene::new().await;
    let (app, mut browser) = (scene.app(), Browser::default());
    let mut urls = Vec::new();
    for tab in 0..7 {
        urls.push(browser.leave(&app, &format!("/login?return_to=/notes/{tab}")).await);
        scene.clock.advance(std::time::Duration::from_secs(1));
    }
    assert_eq!(browser.cookies.len(), 5);
    for (tab, url) in urls.iter().enumerate().rev() {
        let back = scene.idp.sign_in(url, "alice").unwrap();
        let answer = browser.get(&app, &back).await;
        if tab < 2 {
            assert_eq!(refusal(&answer), (400, "login-not-started".into()), "the oldest were given up");
        } else {
            assert_eq!(location(&answer), format!("{ORIGIN}/notes/{tab}"));
        }
    }
    assert_eq!(scene.store.len(), 1, "each log-in ends the session before it");
}

#[tokio::test]
async fn a_browser_without_a_credential_is_sent_to_the_log_in() {
    let signer = Signer::es256("k");
    let verifier = static_verifier(&[&signer]).build().unwrap();
    let tokens = AuthLayer::required(verifier).respond_with(Negotiated::new().log_in("/login"));
    let scene = Scene::new().await;
    let layer = LoginLayer::new(scene.builder().build().unwrap()).beside(&tokens);
    let ask = |request| layer.layer(tokens.layer(service_fn(who))).oneshot(request);
    let mut browser = Browser::default();
    let mut request = browser.request(Method::GET, "/notes");
    request.headers_mut().insert("sec-fetch-mode", "navigate".parse().unwrap());
    assert_eq!(location(&ask(request).await.unwrap()), "/login");
    let answer = ask(browser.request(Method::GET, "/notes")).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[header::WWW_AUTHENTICATE]),
        (401, &"Bearer".parse().unwrap())
    );

    // A session stands before the layer of tokens; a token stands before the session.
    browser
        .sign_in(&scene, &super::browser::App(LoginLayer::new(scene.builder().build().unwrap())), "bob")
        .await;
    assert_eq!(ask(browser.request(Method::GET, "/notes")).await.unwrap().body(), "bob");
    let mut request = browser.request(Method::GET, "/notes");
    let bearer = format!("Bearer {}", signer.token(&claims()));
    request.headers_mut().insert(header::AUTHORIZATION, bearer.parse().unwrap());
    assert_eq!(ask(request).await.unwrap().body(), "alice");
    let mut request = browser.request(Method::GET, "/notes");
    request.headers_mut().insert(header::AUTHORIZATION, "Bearer junk".parse().unwrap());
    assert_eq!(ask(request).await.unwrap().status(), 401, "the cookie does not save a bad token");
}

#[tokio::test]
async fn on_https_the_cookies_stay_with_their_host() {
    let house = House::with(&[]);
    house.issuer.edit(|state| {
        state.metadata["authorization_endpoint"] = "https://id.example/authorize?tenant=acme".into();
        state.metadata["token_endpoint"] = "https://id.example/token".into();
    });
    let login = Login::builder(Issuer::discover(ISSUER), "notes-web")
        .public_origin("https://notes.example.com")
        .transport(Arc::new(house.issuer.clone()))
        .build()
        .unwrap();
    let app = super::browser::App(LoginLayer::new(login));
    let answer = Browser::default().get(&app, "/login").await;
    assert!(location(&answer).starts_with("https://id.example/authorize?tenant=acme&response_type=code&"));
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-session-login-"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600"), "{cookie}");
}

#[tokio::test]
async fn a_provider_that_names_plain_http_or_knows_no_pkce_is_not_gone_to() {
    for (name, value) in [
        ("authorization_endpoint", serde_json::json!("http://id.example/authorize")),
        ("token_endpoint", serde_json::json!("http://id.example/token")),
        ("token_endpoint", serde_json::Value::Null),
        ("code_challenge_methods_supported", serde_json::json!(["plain"])),
    ] {
        let house = House::with(&[]);
        house.issuer.edit(|state| {
            state.metadata["authorization_endpoint"] = "https://id.example/authorize".into();
            state.metadata["token_endpoint"] = "https://id.example/token".into();
            state.metadata[name] = value;
        });
        let builder = Login::builder(Issuer::discover(ISSUER), "notes-web");
        let builder =
            builder.public_origin("https://notes.example.com").transport(Arc::new(house.issuer.clone()));
        let app = super::browser::App(LoginLayer::new(builder.build().unwrap()));
        let answer = Browser::default().get(&app, "/login").await;
        assert_eq!(refusal(&answer), (503, "login-unavailable".into()), "{name}");
    }
}

#[tokio::test]
async fn off_is_not_there() {
    let app = super::browser::App(LoginLayer::off());
    assert_eq!(Browser::default().get(&app, "/login").await.body(), "nothing");
}

#[tokio::test]
async fn where_forms_lead_is_known_once_the_provider_was_asked() {
    let house = House::with(&[&Signer::es256("k")]);
    house.issuer.edit(|state| {
        for (name, host) in
            [("authorization_endpoint", "pages"), ("token_endpoint", "id"), ("end_session_endpoint", "bye")]
        {
            state.metadata[name] = format!("https://{host}.example/path").into();
        }
    });
    let login = Login::builder(Issuer::discover(ISSUER), "notes-web")
        .public_origin("https://notes.example.com")
        .form_action(["https://declared.example"])
        .clock(Arc::new(house.clock.clone()))
        .timer(Arc::new(house.clock.clone()))
        .transport(Arc::new(house.issuer.clone()))
        .build()
        .unwrap();
    house.issuer.mood(Mood::Down);
    let declared = ["'self'", ISSUER, "https://declared.example"];
    assert_eq!(login.form_action_sources(), declared);
    let error = login.ready().await.unwrap_err();
    assert!(error.to_string().contains("keys") && format!("{error:?}").contains(ISSUER), "{error:?}");
    assert!(matches!(login.check().ready().ok().unwrap(), Health::Degraded(_)));
    assert!(login.status().last_error.is_some() && login.status().discovered.is_none());
    house.issuer.mood(Mood::Up);
    house.pass_seconds(30).await;
    login.ready().await.unwrap();
    assert_eq!(
        login.form_action_sources(),
        ["'self'", "https://pages.example", "https://bye.example", ISSUER, "https://declared.example"]
    );
    let status = login.status();
    assert!(status.last_error.is_none() && status.discovered.is_some() && status.keys.keys == 1);
    assert_eq!(login.check().ready().ok().unwrap(), Health::Healthy);
}

#[tokio::test]
async fn it_says_what_to_register_and_to_allow() {
    let scene = Scene::new().await;
    let login = scene.builder().build().unwrap();
    assert_eq!(login.redirect_uri(), "http://127.0.0.1:3000/login/callback");
    assert_eq!(login.post_logout_redirect_uri(), "http://127.0.0.1:3000/");
    assert_eq!(login.form_action_sources(), ["'self'", scene.idp.issuer()]);
    assert_eq!(login.csp_sources().form_action, [scene.idp.issuer()]);
    let endpoints = login.endpoints().map(|endpoint| format!("{} {}", endpoint.method, endpoint.template));
    assert_eq!(endpoints, ["GET /login", "GET /login/callback", "POST /logout"]);
}

#[tokio::test]
async fn a_preset_asks_for_what_its_rules_need_and_an_app_for_what_it_likes() {
    let house = House::with(&[]);
    house.issuer.edit(|state| {
        state.metadata["issuer"] = "https://accounts.google.com".into();
        state.metadata["authorization_endpoint"] = "https://accounts.google.com/authorize".into();
        state.metadata["token_endpoint"] = "https://oauth2.googleapis.com/token".into();
    });
    let login = Login::builder(Issuer::google_workspace("example.com"), "notes-web")
        .public_origin("https://notes.example.com")
        .authorization_parameter("hd", "example.com")
        .transport(Arc::new(house.issuer.clone()));
    let app = super::browser::App(LoginLayer::new(login.build().unwrap()));
    let url = Browser::default().leave(&app, "/login").await;
    assert_eq!(parameter(&url, "scope").as_deref(), Some("openid profile email"));
    assert_eq!(parameter(&url, "hd").as_deref(), Some("example.com"));
}

#[tokio::test]
async fn who_opens_a_page_without_a_session_is_sent_to_the_log_in_and_comes_back() {
    let scene = Scene::new().await;
    let layer = LoginLayer::new(scene.builder().build().unwrap());
    let guard = gambeson_oidc_auth::RequireScopes::any(["openid"]);
    let refuses = guard.layer(service_fn(who));
    let page = || {
        let mut request = Browser::default().request(Method::GET, "/notes?page=2");
        request.headers_mut().insert("sec-fetch-mode", "navigate".parse().unwrap());
        request
    };
    let answer = layer.layer(refuses.clone()).oneshot(page()).await.unwrap();
    assert_eq!(location(&answer), "/login?return_to=%2Fnotes%3Fpage%3D2");
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    let script = Browser::default().request(Method::GET, "/notes");
    assert_eq!(layer.layer(refuses.clone()).oneshot(script).await.unwrap().status(), 401);
    let mut form = page();
    *form.method_mut() = Method::POST;
    assert_eq!(layer.layer(refuses.clone()).oneshot(form).await.unwrap().status(), 401);
    let off = layer.clone().send_to_log_in(false);
    assert_eq!(off.layer(refuses).oneshot(page()).await.unwrap().status(), 401);
    let own = service_fn(async |_: Request<()>| {
        let mut answer = http::Response::new(bytes::Bytes::new());
        *answer.status_mut() = http::StatusCode::UNAUTHORIZED;
        Ok::<_, std::convert::Infallible>(answer)
    });
    assert_eq!(layer.layer(own).oneshot(page()).await.unwrap().status(), 401, "the app's own stays");
}
