//! TLS that ends in the server: certificates of both sides, and how they are replaced.

use std::path::PathBuf;

use gambeson_core::{PeerInfo, RequestFacts};
use gambeson_hardening_headers::serve::{
    ClientCertificates, ServeConfig, Tls, TlsConfig, TlsErrorKind, TlsSource,
};
use gambeson_hardening_headers::{PeerLayer, TrustedProxies};
use rcgen::ExtendedKeyUsagePurpose;
use rustls::HandshakeKind;

use super::certificates::{
    Authority, HOST, Leaf, ORDERS, REQUEST, ask, exchange, first, shown, tls, tls_over,
};
use super::*;
use crate::logs::Lines;

/// `/tls` says what the server knows of the client.
pub(super) fn routes() -> Router {
    let who = async |Extension(connection): Extension<Connection>, request: axum::extract::Request| {
        let peer: PeerInfo = RequestFacts::of(request.extensions()).unwrap().peer().unwrap().clone();
        let uris = peer.certificate.as_ref().map(|found| found.uris.join(","));
        let digest = peer.certificate_sha256.is_some();
        format!("{:?} {:?} {uris:?} {digest}", peer.scheme, connection.server_name)
    };
    Router::new().route("/tls", get(who)).layer(PeerLayer::new(TrustedProxies::none()))
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000)))
}

fn loaded(leaf: &Leaf) -> Tls {
    Tls::with_clock(leaf.chain.as_bytes(), leaf.key.as_bytes(), clock()).unwrap()
}

/// A server whose clients have to show a certificate of that authority, or may.
async fn asking(server: &Authority, clients: &Authority, mode: ClientCertificates) -> Running {
    let tls = loaded(&server.server()).client_authorities(clients.pem().into_bytes(), mode).unwrap();
    Running::start(|server| server.tls(tls)).await
}

#[tokio::test]
async fn https_is_spoken_and_told() {
    let authority = Authority::new();
    let running = Running::start(|server| server.tls(loaded(&authority.server()))).await;
    let answer = ask(running.address, &authority.trusting(None, &["http/1.1"])).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with(r#"Some(Https) Some("localhost") None false"#), "{answer}");
}

#[tokio::test]
async fn http_2_is_agreed_on_by_alpn() {
    let authority = Authority::new();
    let running = Running::start(|server| server.tls(loaded(&authority.server()))).await;
    let stream = tls(running.address, &authority.trusting(None, &["h2", "http/1.1"])).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let request = Request::get("https://localhost/tls").body(Empty::<Bytes>::new()).unwrap();
    let answered = async { client.send_request(request).await.unwrap().into_body().collect().await.unwrap() };
    tokio::select! {
        answer = answered => assert!(answer.to_bytes().starts_with(b"Some(Https)")),
        _ = connection => panic!("closed"),
    }
}

#[tokio::test]
async fn plain_http_gets_no_answer_on_the_tls_port() {
    let authority = Authority::new();
    let running = Running::start(|server| server.tls(loaded(&authority.server()))).await;
    let mut stream = running.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"));
}

#[tokio::test]
async fn handshakes_that_are_not_done_in_time_are_dropped_and_hold_up_nobody() {
    let authority = Authority::new();
    let running = Running::start(|server| server.tls(loaded(&authority.server()))).await;
    for start in ["", "\u{16}\u{3}\u{1}"] {
        let mut silent = running.send(start).await;
        settle().await;
        let answer = ask(running.address, &authority.trusting(None, &[])).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"));
        let passed = running.until_closed(&mut silent).await;
        assert!((9..=11).contains(&passed.as_secs()), "open for {passed:?}");
    }
}

#[tokio::test]
async fn any_number_of_silent_connections_holds_up_no_handshake() {
    let authority = Authority::new();
    let running = Running::start(|server| server.tls(loaded(&authority.server()))).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(running.connect().await);
    }
    settle().await;
    let config = authority.trusting(None, &[]);
    let many_turns = async {
        for _ in 0..200 {
            settle().await;
        }
    };
    tokio::select! {
        answer = ask(running.address, &config) => assert!(answer.unwrap().starts_with("HTTP/1.1 200")),
        () = many_turns => panic!("held up"),
    }
}

#[tokio::test]
async fn a_head_has_its_time_after_the_handshake() {
    let authority = Authority::new();
    let running = Running::start(|server| server.tls(loaded(&authority.server()))).await;
    let stream = running.connect().await;
    settle().await;
    // Time that the handshake takes is not the head's.
    running.clock.advance(Duration::from_secs(5));
    let mut stream = tls_over(stream, &authority.trusting(None, &[])).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nx-slow: ").await.unwrap();
    settle().await;
    let mut passed = 0;
    let mut answer = Vec::new();
    let mut closed = std::pin::pin!(stream.read_to_end(&mut answer));
    loop {
        tokio::select! {
            biased;
            _ = &mut closed => break,
            () = settle() => {}
        }
        running.clock.advance(Duration::from_secs(1));
        passed += 1;
        assert!(passed < 60, "never closed");
    }
    assert!((9..=11).contains(&passed), "open for {passed} s");
}

#[tokio::test]
async fn sessions_are_resumed_without_early_data() {
    let authority = Authority::new();
    let running = Running::start(|server| server.tls(loaded(&authority.server()))).await;
    let config = authority.trusting(None, &[]);
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let mut stream = tls(running.address, &config).await.unwrap();
        exchange(&mut stream).await.unwrap();
        kinds.push(stream.get_ref().1.handshake_kind().unwrap());
        assert!(!stream.get_ref().1.is_early_data_accepted());
    }
    assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed]);
}

#[tokio::test]
async fn with_certificates_of_clients_each_handshake_verifies() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let running = asking(&authority, &clients, ClientCertificates::Required).await;
    let config = authority.trusting(Some(&clients.client()), &[]);
    for _ in 0..2 {
        let mut stream = tls(running.address, &config).await.unwrap();
        exchange(&mut stream).await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
    }
}

#[tokio::test]
async fn a_client_is_known_by_its_certificate() {
    let (authority, clients) = (Authority::new(), Authority::new());
    for mode in [ClientCertificates::Required, ClientCertificates::Optional] {
        let running = asking(&authority, &clients, mode).await;
        let answer = ask(running.address, &authority.trusting(Some(&clients.client()), &[])).await.unwrap();
        assert!(answer.ends_with(&format!(r#"Some("localhost") Some("{ORDERS}") true"#)), "{answer}");
        let anonymous = ask(running.address, &authority.trusting(None, &[])).await;
        match mode {
            ClientCertificates::Required => assert!(anonymous.is_err(), "let in without a certificate"),
            _ => assert!(anonymous.unwrap().ends_with("None false")),
        }
    }
}

#[tokio::test]
async fn certificates_that_do_not_verify_open_nothing() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let expired = clients.leaf(ExtendedKeyUsagePurpose::ClientAuth, 2020..2026);
    let early = clients.leaf(ExtendedKeyUsagePurpose::ClientAuth, 2030..2040);
    let of_a_server = clients.server();
    let of_another = Authority::new().client();
    let stolen = Leaf { chain: clients.client().chain, key: of_another.key.clone() };
    for mode in [ClientCertificates::Required, ClientCertificates::Optional] {
        let running = asking(&authority, &clients, mode).await;
        for bad in [&expired, &early, &of_a_server, &of_another, &stolen] {
            assert!(ask(running.address, &authority.trusting(Some(bad), &[])).await.is_err());
        }
    }
}

#[tokio::test]
async fn a_certificate_of_an_intermediate_authority_passes_with_the_chain_to_a_known_one() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let intermediate = clients.intermediate();
    let alone = intermediate.client();
    let chain = format!("{}{}", alone.chain, intermediate.pem());
    let with_chain = Leaf { chain, key: alone.key.clone() };
    let foreign_chain = format!("{}{}", alone.chain, Authority::new().intermediate().pem());
    let with_foreign_chain = Leaf { chain: foreign_chain, key: alone.key.clone() };
    for mode in [ClientCertificates::Required, ClientCertificates::Optional] {
        let running = asking(&authority, &clients, mode).await;
        let answer = ask(running.address, &authority.trusting(Some(&with_chain), &[])).await.unwrap();
        assert!(answer.ends_with(&format!(r#"Some("{ORDERS}") true"#)), "{answer}");
        for bad in [&alone, &with_foreign_chain] {
            assert!(ask(running.address, &authority.trusting(Some(bad), &[])).await.is_err());
        }
    }
}

#[tokio::test]
async fn an_authority_of_clients_that_was_replaced_opens_nothing_more() {
    let (authority, old, new) = (Authority::new(), Authority::new(), Authority::new());
    let tls = loaded(&authority.server());
    let tls = tls.client_authorities(old.pem().into_bytes(), ClientCertificates::Required).unwrap();
    let running = Running::start(|server| server.tls(tls.clone())).await;
    let (before, after) =
        (authority.trusting(Some(&old.client()), &[]), authority.trusting(Some(&new.client()), &[]));
    assert!(ask(running.address, &before).await.is_ok());
    assert!(ask(running.address, &after).await.is_err());
    tls.replace_client_authorities(new.pem().into_bytes()).unwrap();
    assert!(ask(running.address, &before).await.is_err());
    assert!(ask(running.address, &after).await.is_ok());
    assert!(tls.replace_client_authorities(&b"nothing"[..]).is_err());
    assert!(ask(running.address, &after).await.is_ok(), "a mistake changes nothing");
}

#[tokio::test]
async fn open_connections_keep_their_certificate_and_new_ones_get_the_new() {
    let authority = Authority::new();
    let (old, new) = (authority.server(), authority.server());
    let loaded = loaded(&old);
    let running = Running::start(|server| server.tls(loaded.clone())).await;
    let mut open = tls(running.address, &authority.trusting(None, &[])).await.unwrap();
    settle().await;
    loaded.replace(new.chain.as_bytes(), new.key.as_bytes()).unwrap();
    let mut second = tls(running.address, &authority.trusting(None, &[])).await.unwrap();
    assert_eq!((shown(&open), shown(&second)), (first(&old), first(&new)));
    for stream in [&mut open, &mut second] {
        assert!(exchange(stream).await.unwrap().starts_with("HTTP/1.1 200"));
    }
    let error = loaded.replace(old.chain.as_bytes(), new.key.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), TlsErrorKind::Mismatch);
    loaded.reload().expect("what was there is still what is read");
    let third = tls(running.address, &authority.trusting(None, &[])).await.unwrap();
    assert_eq!(shown(&third), first(&new), "a mistake changes nothing");
}

/// A folder of this test's own.
pub(super) fn folder(name: &str) -> PathBuf {
    let folder =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

pub(super) fn write(folder: &std::path::Path, leaf: &Leaf) -> (PathBuf, PathBuf) {
    let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
    std::fs::write(&chain, &leaf.chain).unwrap();
    std::fs::write(&key, &leaf.key).unwrap();
    (chain, key)
}

#[tokio::test]
async fn files_are_read_again_when_told_and_by_the_server_itself() {
    let (authority, folder) = (Authority::new(), folder("reload"));
    let (one, two, three) = (authority.server(), authority.server(), authority.server());
    let (chain, key) = write(&folder, &one);
    let loaded = Tls::with_clock(chain.as_path(), key.as_path(), clock()).unwrap();
    let running = Running::start(|server| server.tls(loaded.clone())).await;
    let config = authority.trusting(None, &[]);
    write(&folder, &two);
    loaded.reload().unwrap();
    assert_eq!(shown(&tls(running.address, &config).await.unwrap()), first(&two));
    write(&folder, &three);
    // A thread of the runtime reads them.
    let mut last = first(&two);
    for _ in 0..1_000 {
        running.clock.advance(Duration::from_secs(60));
        settle().await;
        last = shown(&tls(running.address, &config).await.unwrap());
        if last == first(&three) {
            break;
        }
    }
    assert_eq!(last, first(&three), "never looked at");
    std::fs::write(&key, &one.key).unwrap();
    assert_eq!(loaded.reload().unwrap_err().kind(), TlsErrorKind::Mismatch);
    assert_eq!(shown(&tls(running.address, &config).await.unwrap()), first(&three));
    std::fs::remove_dir_all(folder).unwrap();
}

/// A look at the files is in a thread of the runtime, so that it is not known when it is over.
async fn look_until(running: &Running, mut seen: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if seen() {
            return;
        }
        running.clock.advance(Duration::from_secs(60));
        settle().await;
    }
    panic!("never seen");
}

#[tokio::test]
async fn the_end_of_a_certificate_is_told_before_it_comes() {
    const DAY: Duration = Duration::from_secs(86_400);
    let lines = Lines::default();
    let _guard = lines.record();
    // It ends in 2028, and the clock stands a month before.
    let leaf = Authority::new().leaf(ExtendedKeyUsagePurpose::ServerAuth, 2020..2028);
    let wall = ManualClock::at(Timestamp::from_unix_seconds(1_830_297_600).minus(30 * DAY));
    let tls = Tls::with_clock(leaf.chain.as_bytes(), leaf.key.as_bytes(), Arc::new(wall.clone())).unwrap();
    let running = Running::start(|server| server.tls(tls)).await;
    let (near, past) =
        ("WARN message=the TLS certificate ends soon", "ERROR message=the TLS certificate has ended");
    settle().await;
    assert!(lines.with("the TLS certificate").is_empty());
    wall.advance(17 * DAY);
    look_until(&running, || !lines.with(near).is_empty()).await;
    wall.advance(DAY);
    look_until(&running, || lines.with(near).len() > 1).await;
    wall.advance(12 * DAY + Duration::from_secs(1));
    look_until(&running, || !lines.with(past).is_empty()).await;
    assert_eq!((lines.with(near).len(), lines.with(past).len()), (2, 1));
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_can_read_is_told() {
    use std::os::unix::fs::PermissionsExt;

    let lines = Lines::default();
    let _guard = lines.record();
    let folder = folder("modes");
    let (chain, key) = write(&folder, &Authority::new().server());
    let mode = |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
    let told = || lines.with("every user of this machine can read or change it; chmod o=");
    mode(0o644);
    let tls = Tls::with_clock(chain.as_path(), key.as_path(), clock()).unwrap();
    let running = Running::start(|server| server.tls(tls.clone())).await;
    look_until(&running, || !told().is_empty()).await;
    assert!(told()[0].starts_with("WARN") && told()[0].contains("key.pem"), "{:?}", told());
    for (bits, times) in [(0o640, 1), (0o602, 2)] {
        mode(bits);
        let before = lines.with("TLS certificates replaced").len();
        look_until(&running, || lines.with("TLS certificates replaced").len() > before).await;
        settle().await;
        assert_eq!(told().len(), times);
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_when_its_time_begins() {
    let (authority, folder, lines) = (Authority::new(), folder("early"), Lines::default());
    let _guard = lines.record();
    let old = authority.server();
    let new = authority.leaf(ExtendedKeyUsagePurpose::ServerAuth, 2023..2040);
    let (chain, key) = write(&folder, &old);
    let clock = Arc::new(ManualClock::at(Timestamp::from_unix_seconds(1_650_000_000))); // 2022
    let loaded = Tls::with_clock(chain.as_path(), key.as_path(), clock.clone()).unwrap();
    let running = Running::start(|server| server.tls(loaded.clone())).await;
    let config = authority.trusting(None, &[]);
    let turn = async || {
        running.clock.advance(Duration::from_secs(60));
        settle().await;
        shown(&tls(running.address, &config).await.unwrap())
    };
    write(&folder, &new);
    for _ in 0..100 {
        assert_eq!(turn().await, first(&old));
    }
    let told = lines.with("certificates not replaced");
    assert!(!told.is_empty() && told.last().unwrap().contains("only from 2023"), "{told:?}");
    clock.advance(Duration::from_secs(365 * 86_400));
    let mut last = first(&old);
    for _ in 0..1_000 {
        last = turn().await;
        if last == first(&new) {
            break;
        }
    }
    assert_eq!(last, first(&new), "never taken");
    // The chain may have been read before its key was written.
    let told = lines.with("only from 2023");
    assert_eq!(told.len(), 1, "{told:?}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn of_a_chain_the_servers_own_certificate_must_hold() {
    let (authority, lines) = (Authority::new(), Lines::default());
    let _guard = lines.record();
    let good = authority.server();
    let over = authority.leaf(ExtendedKeyUsagePurpose::ServerAuth, 2020..2026);
    let chain = format!("{}{}", good.chain, over.chain);
    let loaded = Tls::with_clock(chain.as_bytes(), good.key.as_bytes(), clock()).unwrap();
    assert_eq!(loaded.not_after().to_string(), "2040-01-01T00:00:00.000Z");
    let said = lines.with("beside the server's own");
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("WARN") && said[0].contains("certificate 2 has ended"), "{said:?}");
    let chain = format!("{}{}", over.chain, good.chain);
    let error = Tls::with_clock(chain.as_bytes(), over.key.as_bytes(), clock()).unwrap_err();
    assert_eq!(error.kind(), TlsErrorKind::Expired);
}

#[test]
fn asking_clients_for_certificates_needs_authorities() {
    let (authority, folder) = (Authority::new(), folder("asking"));
    let (chain, key) = write(&folder, &authority.server());
    for mode in [ClientCertificates::Required, ClientCertificates::Optional] {
        let mut tls = TlsConfig::new(&chain, &key);
        tls.client_certificates = Some(mode);
        assert_eq!(tls.load().unwrap_err().kind(), TlsErrorKind::NoAuthorities);
        let mut config = ServeConfig::default();
        config.tls = Some(tls);
        let error = config.server().unwrap_err().to_string();
        assert!(error.contains("name their authorities in client-authorities"), "{error}");
    }
    TlsConfig::new(&chain, &key).load().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_handshake_does_not_hold_up_the_drain() {
    let authority = Authority::new();
    for start in ["", "\u{16}\u{3}\u{1}"] {
        let tls = loaded(&authority.server());
        let mut running = Running::start(|server| server.tls(tls).linger(Duration::ZERO)).await;
        let mut silent = running.send(start).await;
        settle().await;
        drop(running.stop.take());
        settle().await;
        running.clock.advance(Duration::from_millis(500));
        let mut answer = Vec::new();
        let many_turns = async {
            for _ in 0..20 {
                settle().await;
            }
        };
        tokio::select! {
            _ = silent.read_to_end(&mut answer) => {}
            () = many_turns => panic!("held up"),
        }
        let report = running.end().await;
        assert_eq!((report.drained, report.aborted), (1, 0));
    }
}

#[test]
fn what_is_wrong_is_told_with_the_file_and_the_cure() {
    let (authority, folder) = (Authority::new(), folder("errors"));
    let good = authority.server();
    let (chain, key) = write(&folder, &good);
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let expired = authority.leaf(ExtendedKeyUsagePurpose::ServerAuth, 2020..2026);
    let early = authority.leaf(ExtendedKeyUsagePurpose::ServerAuth, 2030..2040);
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let two = format!("{}{}", good.key, expired.key);
    for (chain, key, kind, says) in [
        (folder.join("none.pem"), key.clone(), TlsErrorKind::Unreadable, "none.pem: can't be read"),
        (
            chain.clone(),
            chain.clone(),
            TlsErrorKind::Malformed,
            "chain.pem: holds CERTIFICATE and no PRIVATE KEY",
        ),
        (key.clone(), key.clone(), TlsErrorKind::Malformed, "key.pem: holds PRIVATE KEY and no CERTIFICATE"),
        (chain.clone(), file("encrypted.pem", encrypted), TlsErrorKind::Malformed, "openssl pkey"),
        (chain.clone(), file("two.pem", &two), TlsErrorKind::Malformed, "more than one private key"),
        (file("text.pem", "hello"), key.clone(), TlsErrorKind::Malformed, "no certificate in PEM or DER"),
        (
            chain.clone(),
            file("other.pem", &expired.key),
            TlsErrorKind::Mismatch,
            "give the key it was issued for",
        ),
        (file("expired.pem", &expired.chain), key.clone(), TlsErrorKind::Expired, "ended at 2026-01-01"),
        (file("early.pem", &early.chain), key.clone(), TlsErrorKind::NotYetValid, "only from 2030-01-01"),
    ] {
        let error = Tls::with_clock(chain, key, clock()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// A key where its path belongs is a mistake that must not end in a log.
#[test]
fn a_key_in_place_of_its_path_is_refused_and_not_repeated() {
    let (authority, folder) = (Authority::new(), folder("content"));
    let leaf = authority.server();
    let (chain, key) = write(&folder, &leaf);
    let secret = leaf.key.lines().nth(1).unwrap();
    let one_line = leaf.key.replace('\n', " ");
    let headless = leaf.key.lines().skip(1).collect::<Vec<_>>().join("\r");
    for text in [&leaf.key, &one_line, &headless] {
        let told = |error: &dyn std::fmt::Debug| {
            let told =
                format!("{error:?} {:?} {:?}", TlsSource::from(text.as_str()), TlsConfig::new(&chain, text));
            assert!(!told.contains(&secret[..16]), "{told}");
        };
        let error = Tls::with_clock(chain.as_path(), text.as_str(), clock()).unwrap_err();
        assert_eq!(error.kind(), TlsErrorKind::Malformed);
        assert!(error.to_string().starts_with("private key: is PEM"), "{error}");
        told(&error);
        let error = loaded(&leaf).replace(text.as_str(), key.as_path()).unwrap_err();
        assert!(error.to_string().starts_with("certificate chain: is PEM"), "{error}");
        told(&error);
        let error =
            loaded(&leaf).client_authorities(text.as_str(), ClientCertificates::Required).unwrap_err();
        told(&error);
        let mut config = ServeConfig::default();
        config.tls = Some(TlsConfig::new(&chain, text));
        let error = config.server().unwrap_err();
        assert!(error.to_string().contains("give its bytes"), "{error}");
        told(&(&error, error.to_string(), config));
    }
    let long = format!("{}/key.pem", "long".repeat(1_000));
    let error = Tls::with_clock(chain.as_path(), long.as_str(), clock()).unwrap_err().to_string();
    assert!(error.len() < 300 && error.contains("long/key.pem"), "{error}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn pem_der_and_one_file_for_both_are_read() {
    use rustls::pki_types::PrivateKeyDer;
    use rustls::pki_types::pem::PemObject;

    let leaf = Authority::new().server();
    let der = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).unwrap().secret_der().to_vec();
    Tls::with_clock(first(&leaf).to_vec(), der, clock()).unwrap();
    let both = format!("{}{}", leaf.key, leaf.chain);
    let tls = Tls::with_clock(both.as_bytes(), both.as_bytes(), clock()).unwrap();
    assert_eq!(tls.not_after().to_string(), "2040-01-01T00:00:00.000Z");
    assert!(!format!("{tls:?} {:?}", TlsSource::from(both.as_bytes())).contains("PRIVATE"));
}

/// OpenSSL as the client, with and without a certificate.
#[tokio::test]
#[ignore = "needs openssl: cargo xtask test"]
async fn openssl_is_answered_as_rustls_is() {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let (authority, folder) = (Authority::new(), folder("openssl"));
    let running = asking(&authority, &authority, ClientCertificates::Required).await;
    let (chain, key) = write(&folder, &authority.client());
    let roots = folder.join("roots.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    let openssl = std::env::var_os("GAMBESON_OPENSSL").unwrap();
    for (shows, version) in [(true, "-tls1_3"), (true, "-tls1_2"), (false, "-tls1_3"), (false, "-tls1_1")] {
        let mut command = Command::new(&openssl);
        command.args(["s_client", "-quiet", "-verify_return_error", version, "-servername", HOST, "-CAfile"]);
        command.arg(&roots).args(["-connect", &running.address.to_string()]);
        if shows {
            command.arg("-cert").arg(&chain).arg("-key").arg(&key);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let asked = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            let mut input = child.stdin.take().unwrap();
            let _ = input.write_all(REQUEST.as_bytes());
            child.wait_with_output().unwrap()
        });
        let answer = String::from_utf8(asked.await.unwrap().stdout).unwrap();
        if shows {
            assert!(answer.contains("200 OK") && answer.contains(ORDERS), "{version}: {answer}");
        } else {
            assert_eq!(answer, "", "{version}");
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}
