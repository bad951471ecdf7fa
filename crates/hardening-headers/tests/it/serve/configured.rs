//! The server as a file describes it.

use std::path::Path;

use gambeson_hardening_headers::serve::{ClientCertificates, ServeConfig, TlsConfig};

use super::certificates::Authority;
use super::*;

const EVERY_KEY: &str = r#"
header-timeout = "1s"
idle-timeout = "2s"
write-timeout = "3s"
write-rate = "1KiB"
send-buffer = "128KiB"
connections = 10
connections-per-client = 5
header-bytes = "16KiB"
streams = 50
ping-interval = "4s"
linger = "5s"
drain = "6s"
handshake-timeout = "7s"
tls-refresh = "9s"

[tls]
certificate = "CHAIN"
key = "KEY"
client-authorities = "ROOTS"
client-certificates = "optional"
"#;

fn read(text: &str) -> Result<ServeConfig, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn every_key_reaches_the_server() {
    let (authority, folder) = (Authority::new(), tls::folder("configured"));
    let (chain, key) = tls::write(&folder, &authority.server());
    let roots = folder.join("roots.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    let mut text = EVERY_KEY.to_owned();
    for (name, file) in [("CHAIN", &chain), ("KEY", &key), ("ROOTS", &roots)] {
        text = text.replace(&format!("\"{name}\""), &format!("'{}'", file.display()));
    }
    let config = read(&text).unwrap();
    let server = config.server().unwrap();
    let second = Duration::from_secs;
    assert_eq!(
        (server.header_timeout, server.idle_timeout, server.write_timeout),
        (second(1), second(2), second(3))
    );
    assert_eq!((server.write_rate, server.send_buffer, server.header_bytes), (1 << 10, 128 << 10, 16 << 10));
    assert_eq!(
        (server.connections, server.connections_per_client, server.streams),
        (10, ClientCap::AtMost(5), 50)
    );
    assert_eq!((server.ping_interval, server.linger, server.drain), (second(4), second(5), second(6)));
    assert_eq!((server.handshake_timeout, server.tls_refresh), (second(7), second(9)));
    let mut tls = TlsConfig::new(chain, key);
    tls.client_authorities = Some(roots);
    tls.client_certificates = Some(ClientCertificates::Optional);
    assert_eq!(config.tls, Some(tls));
    std::fs::remove_dir_all(folder).unwrap();
}

/// The certificate of the file is the one that clients see, and its authorities are asked.
#[tokio::test]
async fn a_server_out_of_a_file_speaks_tls() {
    use super::certificates::ask;

    let (authority, folder) = (Authority::new(), tls::folder("out-of-a-file"));
    let (chain, key) = tls::write(&folder, &authority.server());
    let roots = folder.join("roots.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    let mut config = ServeConfig::default();
    let mut tls = TlsConfig::new(chain, key);
    tls.client_authorities = Some(roots);
    config.tls = Some(tls);
    let server = config.server().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(listener, tls::routes(), server));
    let client = authority.client();
    let answer = ask(address, &authority.trusting(Some(&client), &[])).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(ask(address, &authority.trusting(None, &[])).await.is_err(), "certificates are required");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_empty_file_is_the_defaults() {
    assert_eq!(read("").unwrap(), ServeConfig::default());
    let (read, server) = (read("").unwrap().server().unwrap(), Server::new());
    assert_eq!(format!("{read:?}"), format!("{server:?}"));
}

#[test]
fn what_is_no_setting_is_refused() {
    let tls = "[tls]\ncertificate = \"a\"\nkey = \"b\"\n";
    for (wrong, says) in [
        ("header-timeuot = \"1s\"", "unknown field `header-timeuot`"),
        ("idle-timeout = \"soon\"", "expected a duration"),
        ("idle-timeout = 75", "expected a duration"),
        ("connections = -1", "expected usize"),
        ("connections-per-client = -1", "a number or \"off\""),
        ("connections-per-client = \"all\"", "a number or \"off\""),
        ("header-bytes = \"32 kilos\"", "a size such as"),
        ("write-rate = \"off\"", "write a size such as"),
        ("[tls]\nkey = \"b\"", "missing field `certificate`"),
        (&format!("{tls}password = \"c\""), "unknown field `password`"),
        (&format!("{tls}client-certificates = \"sometimes\""), "expected `required` or `optional`"),
    ] {
        let error = read(wrong).unwrap_err().to_string();
        assert!(error.contains(says), "{wrong}: {error}");
    }
}

#[test]
fn the_cap_of_a_client_can_be_off_and_paths_relative() {
    assert_eq!(read("connections-per-client = \"off\"").unwrap().connections_per_client, ClientCap::Off);
    let tls = "[tls]\ncertificate = \"a\"\nkey = \"/b\"\nclient-authorities = \"c\"";
    let tls = read(tls).unwrap().in_folder("/etc/app").tls.unwrap();
    let mut expected = TlsConfig::new("/etc/app/a", "/b");
    expected.client_authorities = Some("/etc/app/c".into());
    assert_eq!(tls, expected);
}

#[test]
fn all_that_is_out_of_range_is_told_at_once_with_its_cure() {
    let error = read(
        "header-timeout = \"0s\"\nidle-timeout = \"2days\"\nwrite-timeout = \"0s\"\nwrite-rate = 0\nsend-buffer = 1\n\
         connections = 0\nconnections-per-client = 0\nheader-bytes = 100\nstreams = 0\nping-interval = \"0s\"\n\
         linger = \"25h\"\ndrain = \"25h\"\nhandshake-timeout = \"0s\"\ntls-refresh = \"0s\"\n\
         [tls]\ncertificate = \"none.pem\"\nkey = \"none.pem\"",
    );
    let error = error.unwrap().server().unwrap_err();
    let mut fields: Vec<_> = error.problems().iter().map(|problem| problem.field.as_str()).collect();
    fields.sort_unstable();
    let mut all = [
        "header-timeout",
        "idle-timeout",
        "write-timeout",
        "write-rate",
        "send-buffer",
        "connections",
        "connections-per-client",
        "header-bytes",
        "streams",
        "ping-interval",
        "linger",
        "drain",
        "handshake-timeout",
        "tls-refresh",
        "tls.certificate",
        "tls.key",
    ]
    .map(|field| format!("hardening-headers.serve.{field}"));
    all.sort_unstable();
    assert_eq!(fields, all);
    assert!(error.problems().iter().all(|problem| !problem.cure.is_empty()));
    assert!(error.to_string().contains("none.pem: can't be read"), "{error}");
}

#[test]
fn what_nobody_can_mean_is_out_of_range() {
    for (odd, cure) in [
        ("idle-timeout = \"1ms\"", "write 1s to a day"),
        ("header-timeout = \"999ms\"", "write 1s to a day"),
        ("tls-refresh = \"1ms\"", "write 1s to a day"),
        ("connections = 1048577", "write 1 to 1048576"),
        ("streams = 10001", "write 1 to 10000"),
        ("write-rate = \"2GiB\"", "1 GiB"),
    ] {
        let error = read(odd).unwrap().server().unwrap_err();
        assert_eq!(error.problems().len(), 1, "{odd}");
        assert!(error.problems()[0].cure.contains(cure), "{odd}: {error}");
    }
    for usual in ["idle-timeout = \"1s\"", "drain = \"0s\"", "connections = 1048576", "streams = 10000"] {
        read(usual).unwrap().server().unwrap();
    }
}

/// What is wrong with one file is no reason to keep silent about the others.
#[test]
fn all_that_is_wrong_with_certificates_is_told_at_once() {
    let (authority, folder) = (Authority::new(), tls::folder("all-faults"));
    let (chain, key) = tls::write(&folder, &authority.server());
    let (text, other) = (folder.join("text.pem"), folder.join("other.pem"));
    std::fs::write(&text, "hello").unwrap();
    std::fs::write(&other, authority.server().key).unwrap();
    let faults = |chain: &Path, key: &Path, authorities: Option<&Path>, mode| {
        let mut files = TlsConfig::new(chain, key);
        (files.client_authorities, files.client_certificates) = (authorities.map(Into::into), mode);
        let mut config = ServeConfig::default();
        config.tls = Some(files);
        let error = config.server().unwrap_err();
        let faults = error.problems().iter().map(|problem| {
            let field = problem.field.strip_prefix("hardening-headers.serve.").unwrap();
            format!("{field}: {}", problem.cure)
        });
        faults.collect::<Vec<_>>()
    };
    let none = folder.join("none.pem");
    for (found, expected) in [
        (
            faults(&text, &none, Some(&text), None),
            &["tls.certificate: certificate chain", "tls.key: private key", "tls.client-authorities: client"]
                [..],
        ),
        (
            faults(&chain, &other, None, Some(ClientCertificates::Required)),
            &["tls.client-certificates: client-certificates", "tls: private key"],
        ),
        (faults(&chain, &key, Some(&none), None), &["tls.client-authorities: client authorities"]),
        (faults(&chain, &other, None, None), &["tls: private key"]),
    ] {
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}
