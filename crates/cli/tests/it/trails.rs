//! `gambeson audit verify` with more than hashes: keys, published heads, several instances.

use std::fs;
use std::path::Path;
use std::time::Duration;

use gambeson_audit_trail::{AuditTrail, SigningKey, VerifyOptions, VerifyingKey, verify};

use super::gambeson;

/// The example of RFC 8410 §10.3.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";

/// A signed trail; gives the line of its published head.
fn signed(dir: &Path) -> (VerifyingKey, String) {
    let key = SigningKey::from_pkcs8("example.com/notes", KEY.as_bytes()).unwrap();
    let public = key.public().clone();
    let trail = AuditTrail::builder(dir).sign(key).open().unwrap();
    let head = trail.close(Duration::from_secs(20)).unwrap();
    let instance = verify(dir, &VerifyOptions::default()).unwrap().instance;
    let at = "2026-11-23T08:15:30.250Z";
    (public, format!("{{\"instance\":\"{instance}\",\"head\":\"{head}\",\"at\":\"{at}\"}}\n"))
}

#[test]
fn signatures_and_published_heads_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, anchor) = (folder.path().join("audit"), folder.path().join("heads.jsonl"));
    let (key, head) = signed(&dir);
    fs::write(&anchor, head).unwrap();
    let (dir, anchor, key) = (dir.to_str().unwrap(), anchor.to_str().unwrap(), key.to_string());
    let (code, out, err) = gambeson(&["audit", "verify", dir, "--key", &key, "--anchor", anchor]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("1 published heads are in the chain, the newest of record 2"), "{out}");
    assert!(out.contains("signed up to record 0, by 1 checkpoints"), "{out}");
    let (_, out, _) = gambeson(&["audit", "verify", dir]);
    assert!(out.contains("give the public key (--key)"), "{out}");
    let other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let (code, _, err) = gambeson(&["audit", "verify", dir, "--key", other]);
    assert!(code == 20 && err.contains("bad-signature at record 1"), "{err}");
    assert_eq!(gambeson(&["audit", "verify", dir, "--key", "nonsense"]).0, 2);
    assert_eq!(gambeson(&["audit", "verify", dir, "--anchor", "no/such/file"]).0, 3);
}

/// Somebody who names the wrong file would else take "verified" for an answer.
#[test]
fn a_file_without_a_published_head_vouches_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, anchor) = (folder.path().join("audit"), folder.path().join("public.key"));
    let (key, head) = signed(&dir);
    let (dir, file) = (dir.to_str().unwrap(), anchor.to_str().unwrap());
    let unfinished = &head[..head.len() / 2];
    for text in ["", "\n\n", "garbage\n", &format!("{key}\n"), unfinished] {
        fs::write(&anchor, text).unwrap();
        let (code, out, err) = gambeson(&["audit", "verify", dir, "--anchor", file]);
        assert_eq!((code, out.as_str()), (3, ""), "{text}: {err}");
        assert!(err.contains(&format!("from {file}: it holds no published head")), "{err}");
    }
    fs::write(&anchor, format!("{head}{unfinished}")).unwrap();
    let (code, out, err) = gambeson(&["audit", "verify", dir, "--anchor", file, "--json"]);
    assert!(code == 0 && out.contains(r#""anchored_to":"#), "{out}{err}");
}

/// As a crash leaves it: the key has not signed what stands at the end.
#[test]
fn what_a_crash_left_unsigned_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (key, _) = signed(folder.path());
    let file = folder.path().join("trail-000001.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let first = text.lines().next().unwrap();
    fs::write(&file, format!("{first}\n")).unwrap();
    signed(folder.path());
    let (dir, key) = (folder.path().to_str().unwrap(), key.to_string());
    let (code, out, err) = gambeson(&["audit", "verify", dir, "--key", &key]);
    assert!(
        code == 0 && out.contains("note: 1 records before starts are unsigned, first record 0: "),
        "{out}{err}"
    );
    let (_, out, _) = gambeson(&["audit", "verify", dir, "--key", &key, "--json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["unsigned"], &report["first_unsigned"]), (&1.into(), &0.into()));
    let few = |most| gambeson(&["audit", "verify", dir, "--key", &key, "--max-unsigned", most]);
    assert_eq!(few("1").0, 0);
    let (code, _, err) = few("0");
    assert!(
        code == 21 && err.contains("unsigned at record 0") && err.contains("1 records from here"),
        "{err}"
    );
    let (_, out, _) = gambeson(&["audit", "tail", dir]);
    assert!(out.contains("recovery: 1 records before it are unsigned"), "{out}");
}

#[test]
fn the_trails_of_all_instances_are_verified_together() {
    let folder = tempfile::tempdir().unwrap();
    let parent = folder.path().join("audit");
    let heads: Vec<String> = ["a", "b", "c"].iter().map(|name| signed(&parent.join(name)).1).collect();
    let anchor = folder.path().join("heads.jsonl");
    fs::write(&anchor, heads.concat()).unwrap();
    let (dir, anchor) = (parent.to_str().unwrap(), anchor.to_str().unwrap());
    let (code, out, err) = gambeson(&["audit", "verify", dir, "--anchor", anchor]);
    assert_eq!((code, out.matches("verified: ").count()), (0, 3), "{err}");

    let file = parent.join("b/trail-000001.jsonl");
    let text = fs::read_to_string(&file).unwrap().replace("shutdown", "shutdowm");
    fs::write(&file, text).unwrap();
    fs::remove_dir_all(parent.join("c")).unwrap();
    let (code, out, err) = gambeson(&["audit", "verify", dir, "--anchor", anchor]);
    assert_eq!((code, out.matches("verified: ").count()), (10, 1), "{err}");
    assert!(
        err.contains("b: not verified: edited at record 2") && err.contains("missing: heads of "),
        "{err}"
    );
    let (code, out, _) = gambeson(&["audit", "verify", dir, "--anchor", anchor, "--json"]);
    let kinds: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, kinds.len()), (10, 3));
    assert_eq!((&kinds[1]["kind"], &kinds[2]["kind"]), (&"edited".into(), &"missing".into()));
    let some = [parent.join("a"), parent.join("b")].map(|dir| dir.to_str().unwrap().to_owned());
    assert_eq!(gambeson(&["audit", "verify", &some[0], &some[1]]).0, 10);
}

#[test]
fn a_folder_whose_segments_are_gone_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let parent = folder.path().join("audit");
    ["a", "b"].iter().for_each(|name| _ = signed(&parent.join(name)));
    fs::remove_file(parent.join("b/trail-000001.jsonl")).unwrap();
    let dir = parent.to_str().unwrap();
    let (code, out, err) = gambeson(&["audit", "verify", dir]);
    assert_eq!((code, out.matches("verified: ").count()), (15, 1), "{err}");
    assert!(err.contains("/audit/b: not verified: bad-genesis"), "{err}");
    let (code, out, _) = gambeson(&["audit", "verify", dir, "--json"]);
    assert!(code == 15 && out.contains(r#""kind":"bad-genesis""#) && out.lines().count() == 2, "{out}");
}

#[test]
fn the_public_half_of_a_signing_key_is_told_for_verifiers() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, file) = (folder.path().join("audit"), folder.path().join("key.pem"));
    let (key, _) = signed(&dir);
    fs::write(&file, KEY).unwrap();
    let named =
        |file: &Path| gambeson(&["audit", "key", "--name", "example.com/notes", file.to_str().unwrap()]);
    let (code, out, _) = named(&file);
    assert_eq!((code, out.trim_end()), (0, key.to_string().as_str()));
    let (code, out, _) = gambeson(&["audit", "verify", "--key", out.trim_end(), dir.to_str().unwrap()]);
    assert!(code == 0 && out.contains("signed up to record"), "{out}");

    assert_eq!(named(&folder.path().join("gone")).0, 3);
    fs::write(&file, "not to be told").unwrap();
    let (code, _, err) = named(&file);
    assert!(code == 4 && err.contains("openssl") && !err.contains("not to be told"), "{err}");
}
