//! A Redis of the test's own: on a free loopback port, keeping nothing on disk.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gambeson_core::SecretBytes;
use gambeson_oidc_auth::redis::{RedisStores, RedisStoresBuilder};
use gambeson_testing::eventually;
use redis::{Cmd, FromRedisValue};

pub(crate) const SEAL_KEY: [u8; 32] = [9; 32];

/// The running server.
pub(crate) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { child: run(port), port };
        server.answers().await;
        server
    }

    async fn answers(&self) {
        let up = || async { self.try_say::<String>(&redis::cmd("PING")).await };
        eventually(Duration::from_secs(20), up).await.expect("redis answers");
    }

    /// Kills it; all that it held is gone.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts another, empty, in its place.
    pub(crate) async fn start_again(&mut self) {
        self.child = run(self.port);
        self.answers().await;
    }

    /// Stops it in the middle of whatever it does, or lets it go on.
    pub(crate) fn freeze(&self, is_frozen: bool) {
        let signal = if is_frozen { "-STOP" } else { "-CONT" };
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn builder(&self) -> RedisStoresBuilder {
        RedisStores::builder(SecretBytes::new(self.url().into_bytes()))
            .seal_key(SecretBytes::new(SEAL_KEY.to_vec()))
    }

    /// The same as a user of the server that may do what the pages ask for, and no more.
    pub(crate) async fn as_user(&self) -> RedisStores {
        let words = "ACL SETUSER app on >password resetkeys ~{gambeson}:* -@all +ping +time +eval +set +exists +del +pttl +pexpire \
                     +hset +hmget +hincrby +zadd +zrem +zcard +zrange +zrevrange +zrangebyscore";
        let words: Vec<&str> = words.split_whitespace().collect();
        let _: String = self.say(&words).await;
        let url = format!("redis://app:password@127.0.0.1:{}", self.port);
        let builder = RedisStores::builder(SecretBytes::new(url.into_bytes()));
        builder.seal_key(SecretBytes::new(SEAL_KEY.to_vec())).build().unwrap()
    }

    /// The connection of one instance of the app.
    pub(crate) fn instance(&self) -> RedisStores {
        self.builder().build().unwrap()
    }

    async fn try_say<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        let client = redis::Client::open(self.url()).ok()?;
        let mut connection = client.get_multiplexed_async_connection().await.ok()?;
        command.query_async(&mut connection).await.ok()
    }

    /// Writes a field of a hash, as somebody who is not the app.
    pub(crate) async fn write(&self, key: &str, field: &str, value: &[u8]) {
        let mut command = redis::cmd("HSET");
        command.arg(key).arg(field).arg(value);
        self.try_say::<i64>(&command).await.unwrap();
    }

    /// What it says to somebody who is not the app.
    pub(crate) async fn say<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        self.try_say(&command).await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn run(port: u16) -> Child {
    let program = std::env::var_os("GAMBESON_REDIS").expect("cargo xtask test sets it");
    Command::new(program)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
