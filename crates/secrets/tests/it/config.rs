//! Secrets from a configuration file.

#[cfg(feature = "serde")]
mod parsed {
    use std::fs;

    use gambeson_secrets::{Config, SecretString, Secrets};
    use tempfile::TempDir;

    use crate::support::SECONDS;

    const TABLE: &str = r#"
        allow = ["file://app/*", "env://MODEL_KEY"]
        privileged = ["file://app/root"]
        require = ["file://app/key"]
        env = true
        file-poll-every = "5s"
        file-roots = { app = "ROOT" }

        [policy]
        ttl = "2m"
        refresh-at = { start = 0.5, end = 0.7 }
        max-stale = "30m"
        min-interval = "500ms"
        max-backoff = "2m"
        read-deadline = "3s"
        issue-cap-per-minute = 24
        max-references = 16
    "#;

    #[tokio::test]
    async fn a_table_makes_secrets() {
        crate::log::listen();
        let mount = TempDir::new().unwrap();
        let path = mount.path().join("key");
        fs::write(&path, "value").unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let config: Config =
            toml::from_str(&TABLE.replace("ROOT", &mount.path().display().to_string())).unwrap();
        assert_eq!((config.policy.refresh_at.clone(), config.policy.issue_cap_per_minute), (0.5..0.7, 24));
        let secrets = Secrets::from_config(&config).connect(SECONDS(5)).await.unwrap();
        assert!(secrets.get::<SecretString>("file://app/key").await.unwrap().load().matches("value"));
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        for text in ["alow = []", "[policy]\nmax-age = \"1s\"", "file_roots = {}"] {
            assert!(toml::from_str::<Config>(text).is_err(), "{text}");
        }
    }
}

#[tokio::test]
async fn the_default_allows_nothing_and_says_so() {
    let config = gambeson_secrets::Config::default();
    let error = gambeson_secrets::Secrets::from_config(&config).connect(crate::support::SECONDS(5)).await;
    assert_eq!(error.unwrap_err().configuration().unwrap().problems()[0].field, "secrets.allow");
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_not_looked_at_more_often_than_the_cap_allows() {
    let error = |every, cap| async move {
        let store = gambeson_secrets::FileStore::new().root("app", "/nowhere").poll_every(every);
        let policy = gambeson_secrets::Policy::default().issue_cap_per_minute(cap);
        let builder = gambeson_secrets::Secrets::builder().policy(policy).store("file", store);
        builder.allow(["file://app/*"]).connect(crate::support::SECONDS(5)).await.err()
    };
    let refused = error(crate::support::SECONDS(5), 12).await.unwrap();
    assert!(refused.to_string().contains("issue-cap-per-minute = 12: write at least 20"), "{refused}");
    assert!(error(crate::support::SECONDS(5), 20).await.is_none());
}
