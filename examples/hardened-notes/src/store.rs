//! The notes, in one SQLite file.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

/// How many notes one page of a list holds.
const PAGE: i64 = 100;

/// A note as the app answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    pub id: i64,
    pub text: String,
    pub author: String,
    /// RFC 3339, UTC.
    pub created_at: String,
}

/// One file, one connection, one query at a time: plenty for a small team. Clones share it.
#[derive(Debug, Clone)]
pub struct Store(Arc<Mutex<Connection>>);

impl Store {
    /// Opens the file, and makes it when it is not there.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS note (
                 id INTEGER PRIMARY KEY AUTOINCREMENT,
                 tenant TEXT NOT NULL,
                 author TEXT NOT NULL,
                 text TEXT NOT NULL,
                 created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
             ) STRICT;
             CREATE INDEX IF NOT EXISTS note_by_tenant ON note (tenant, id);",
        )?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// The tenant's newest notes, those before `before` if it is given.
    pub async fn list(&self, tenant: String, before: Option<i64>) -> rusqlite::Result<Vec<Note>> {
        self.run(move |connection| {
            let mut query = connection.prepare(
                "SELECT id, text, author, created_at FROM note WHERE tenant = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            )?;
            query.query_map(params![tenant, before.unwrap_or(i64::MAX), PAGE], note)?.collect()
        })
        .await
    }

    /// The tenant's note; `None` when the tenant has no such note.
    pub async fn find(&self, tenant: String, id: i64) -> rusqlite::Result<Option<Note>> {
        self.run(move |connection| {
            let query = "SELECT id, text, author, created_at FROM note WHERE tenant = ?1 AND id = ?2";
            connection.query_row(query, params![tenant, id], note).optional()
        })
        .await
    }

    /// Keeps a note.
    pub async fn add(&self, tenant: String, author: String, text: String) -> rusqlite::Result<Note> {
        self.run(move |connection| {
            connection.query_row(
                "INSERT INTO note (tenant, author, text) VALUES (?1, ?2, ?3) RETURNING id, text, author, created_at",
                params![tenant, author, text],
                note,
            )
        })
        .await
    }

    /// Deletes the tenant's note; `false` when the tenant has no such note.
    pub async fn delete(&self, tenant: String, id: i64) -> rusqlite::Result<bool> {
        self.run(move |connection| {
            let deleted =
                connection.execute("DELETE FROM note WHERE tenant = ?1 AND id = ?2", params![tenant, id])?;
            Ok(deleted > 0)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> rusqlite::Result<T> {
        let store = self.clone();
        let work = move || query(&store.0.lock().unwrap_or_else(PoisonError::into_inner));
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            // Cancelled at shutdown, or the query panicked: either way it has no result.
            Err(_) => Err(rusqlite::Error::InvalidQuery),
        }
    }
}

fn note(row: &Row<'_>) -> rusqlite::Result<Note> {
    Ok(Note { id: row.get(0)?, text: row.get(1)?, author: row.get(2)?, created_at: row.get(3)? })
}
