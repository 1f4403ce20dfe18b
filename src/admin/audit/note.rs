//! The words of a request as they are read, for the line about it. Also of one that is refused:
//! what somebody tried is as good to know.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{extract::Query, http::Uri};
use serde_json::Value;

use super::line;
use crate::api::AuditEntry;

/// What is known so far; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Note(Arc<Mutex<Words>>);

#[derive(Debug, Default)]
struct Words {
    author: Option<String>,
    cluster: Option<String>,
    server: Option<String>,
    reason: Option<String>,
    dry_run: bool,
}

impl Note {
    /// What the query names.
    pub fn take_query(&self, uri: &Uri) {
        if let Ok(Query(pairs)) = Query::<HashMap<String, String>>::try_from_uri(uri) {
            self.with(|words| words.author = pairs.get("author").map(|author| line(author)));
        }
    }

    /// The server that the path names.
    pub fn take_name(&self, name: &str) {
        self.with(|words| words.server = Some(line(name)));
    }

    /// What a body of JSON names, whether or not it is as it should be.
    pub fn take_body(&self, octets: &[u8]) {
        let Ok(Value::Object(body)) = serde_json::from_slice(octets) else { return };
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(line);
        self.with(|words| {
            words.author = text("author");
            words.cluster = text("cluster");
            words.reason = text("reason").filter(|reason| !reason.is_empty());
            // A server that is added has its name there.
            words.server = text("server").or_else(|| text("name")).or_else(|| words.server.take());
            words.dry_run = body.get("dry_run").and_then(Value::as_bool).unwrap_or(false);
        });
    }

    /// Puts what is known into the line.
    pub fn put(&self, entry: &mut AuditEntry) {
        self.with(|words| {
            entry.author = words.author.take();
            entry.cluster = words.cluster.take();
            entry.server = words.server.take();
            entry.reason = words.reason.take();
            entry.dry_run = words.dry_run;
        });
    }

    fn with(&self, work: impl FnOnce(&mut Words)) {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
