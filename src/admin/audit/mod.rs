//! What people have changed, in a file to which lines are only added.
//!
//! Each request that is for a change leaves one line, whatever comes of it: done, refused, or
//! unknown when nobody waited for the reply. A thread writes the lines, so that a slow disk holds up
//! no other request. When a line cannot be written, the change stands all the same: an outage must
//! not wait for a full disk. Then the reply, `status` and the log say so, and the next line that can
//! be written counts those that are missing.
//!
//! Strangers, who have no right at all, leave one line a second at most; the rest are counted.

mod file;
mod note;

use std::{
    io,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, SyncSender, TrySendError},
    },
    thread,
    time::Duration,
};

use axum::{
    body::Body,
    extract::Request,
    http::{Method, header},
    response::Response,
};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};
use tracing::warn;

use self::file::AuditFile;
pub use self::{file::last, note::Note};
use super::{connections::Peer, reply::Why};
use crate::{
    api::{AuditEntry, AuditOutcome, AuditVia, rfc3339},
    clock,
    plain_text::start_of_line,
};

/// Where changes are written down; a cheap handle. Without a file it does nothing.
#[derive(Clone, Debug, Default)]
pub struct Audit(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    path: Box<Path>,
    jobs: SyncSender<Job>,
    shared: Arc<Shared>,
    /// When a line about a stranger was last written.
    stranger: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Why the last line could not be written.
    fault: Mutex<Option<String>>,
    /// Lines that are missing since the last one that is there.
    missing: AtomicU64,
}

enum Job {
    /// Whoever waits is told whether it is in the file.
    Write(Box<AuditEntry>, Option<oneshot::Sender<bool>>),
    /// Whoever waits is told that all before it is written.
    Flush(SyncSender<()>),
}

impl Audit {
    /// Into the file at `path`, if there is one. It is opened at once, so that the log says what is
    /// wrong with it.
    ///
    /// # Errors
    /// When the system is out of what a thread needs.
    pub fn start(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else {
            return Ok(Self(None));
        };
        let (jobs, todo) = mpsc::sync_channel(QUEUE);
        let shared = Arc::<Shared>::default();
        let writer = Writer { file: AuditFile::new(path), shared: Arc::clone(&shared) };
        thread::Builder::new().name("audit".into()).spawn(move || writer.run(&todo))?;
        let path = path.into();
        Ok(Self(Some(Arc::new(Inner { path, jobs, shared, stranger: Mutex::default() }))))
    }

    /// Where the file is, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.0.as_ref().map(|inner| &*inner.path)
    }

    /// Why lines cannot be written, for `status`; `None` when they can.
    pub fn fault(&self) -> Option<String> {
        self.0.as_ref()?.shared.fault()
    }

    /// Waits a moment until all that was said is written. Blocks.
    pub fn flush(&self) {
        if let Some(inner) = &self.0 {
            let (done, wait) = mpsc::sync_channel(1);
            if inner.jobs.try_send(Job::Flush(done)).is_ok() {
                _ = wait.recv_timeout(PATIENCE);
            }
        }
    }

    /// Hands an entry to the thread.
    fn send(&self, entry: Box<AuditEntry>, reply: Option<oneshot::Sender<bool>>) {
        let Some(inner) = &self.0 else { return };
        let full = match inner.jobs.try_send(Job::Write(entry, reply)) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => "its disk has not taken the last lines yet",
            Err(TrySendError::Disconnected(_)) => "its thread has ended",
        };
        inner.shared.missing.fetch_add(1, Ordering::Relaxed);
        inner.shared.report(&inner.path, Some(full.to_owned()));
    }
}

impl Shared {
    fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps how the last line went, and logs what is new about it.
    fn report(&self, path: &Path, fault: Option<String>) {
        let mut last = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != fault {
            let path = path.display();
            match &fault {
                Some(fault) => warn!(
                    event = "audit",
                    "changes cannot be written to {path}: {fault}; they are made all the same"
                ),
                None => warn!(event = "audit", "changes are written to {path} again"),
            }
            *last = fault;
        }
    }
}

/// The thread's.
struct Writer {
    file: AuditFile,
    shared: Arc<Shared>,
}

impl Writer {
    fn run(mut self, todo: &Receiver<Job>) {
        let opened = self.file.open();
        self.tell(opened.err());
        while let Ok(job) = todo.recv() {
            match job {
                Job::Write(entry, reply) => {
                    let is_written = self.write(*entry);
                    if let Some(reply) = reply {
                        _ = reply.send(is_written);
                    }
                }
                Job::Flush(done) => _ = done.try_send(()),
            }
        }
    }

    fn write(&mut self, mut entry: AuditEntry) -> bool {
        let missing = self.shared.missing.swap(0, Ordering::Relaxed);
        entry.missing = missing;
        let line = serde_json::to_string(&entry).map_err(io::Error::from);
        let written = line.and_then(|line| self.file.append(&line));
        let is_written = written.is_ok();
        if !is_written {
            self.shared.missing.fetch_add(missing.saturating_add(1), Ordering::Relaxed);
        }
        self.tell(written.err());
        is_written
    }

    fn tell(&self, error: Option<io::Error>) {
        self.shared.report(self.file.path(), error.map(|error| error.to_string()));
    }
}

/// One request while it is under way. Dropping it leaves the line that nobody waited.
#[derive(Debug)]
pub struct Recording {
    audit: Audit,
    entry: Option<Box<AuditEntry>>,
    note: Note,
}

impl Recording {
    /// Of a request that has come. What only looks leaves no line.
    pub fn begin(audit: &Audit, request: &Request) -> Self {
        let note = Note::default();
        note.take_query(request.uri());
        let is_change = !matches!(*request.method(), Method::GET | Method::HEAD);
        let entry = (audit.0.is_some() && is_change).then(|| Box::new(beginning(request)));
        Self { audit: audit.clone(), entry, note }
    }

    /// For whoever reads the request's words.
    pub fn note(&self) -> Note {
        self.note.clone()
    }

    /// The token that was shown is of this name.
    pub fn is_from(&mut self, token: Option<&str>) {
        if let Some(entry) = &mut self.entry {
            entry.token = token.map(ToOwned::to_owned);
        }
    }

    /// Writes down what came of it; `response` warns if that cannot be done.
    pub async fn finish(mut self, response: Response) -> Response {
        let Some(mut entry) = self.entry.take() else {
            return response;
        };
        let is_done = response.status().is_success();
        entry.outcome = if is_done { AuditOutcome::Done } else { AuditOutcome::Refused };
        entry.status = Some(response.status().as_u16());
        entry.error = response.extensions().get().map(|Why(error)| line(error));
        self.note.put(&mut entry);
        let (reply, written) = oneshot::channel();
        self.audit.send(entry, Some(reply));
        match timeout(PATIENCE, written).await {
            Ok(Ok(true)) => response,
            _ if is_done => warned(response, self.audit.path()).await,
            _ => response,
        }
    }

    /// The same for somebody without any right.
    pub async fn finish_stranger(mut self, response: Response) -> Response {
        if let (Some(inner), true) = (&self.audit.0, self.entry.is_some()) {
            let mut last = inner.stranger.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|last| last.elapsed() < STRANGERS_APART) {
                inner.shared.missing.fetch_add(1, Ordering::Relaxed);
                self.entry = None;
            } else {
                *last = Some(Instant::now());
            }
        }
        self.finish(response).await
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some(mut entry) = self.entry.take() {
            self.note.put(&mut entry);
            self.audit.send(entry, None);
        }
    }
}

/// What is known of a request before it is read.
fn beginning(request: &Request) -> AuditEntry {
    let (via, uid, address) = match request.extensions().get() {
        Some(Peer::Local { uid }) => (AuditVia::Socket, *uid, None),
        Some(Peer::Network(client)) => {
            (AuditVia::Http, None, Some(client.ip().to_canonical().to_string()))
        }
        None => (AuditVia::Http, None, None),
    };
    AuditEntry {
        at: rfc3339(clock::wall_time()),
        via,
        uid,
        address,
        token: None,
        author: None,
        method: line(request.method().as_str()),
        path: line(request.uri().path()),
        cluster: None,
        server: None,
        reason: None,
        dry_run: false,
        outcome: AuditOutcome::Unknown,
        status: None,
        error: None,
        missing: 0,
    }
}

/// `response` with a warning more, if it is an object.
async fn warned(response: Response, path: Option<&Path>) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(octets) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return Response::from_parts(parts, Body::empty());
    };
    let Ok(Value::Object(mut object)) = serde_json::from_slice(&octets) else {
        return Response::from_parts(parts, Body::from(octets));
    };
    let warnings = object.entry("warnings").or_insert_with(|| Value::Array(Vec::new()));
    if let Some(warnings) = warnings.as_array_mut() {
        let path = path.unwrap_or_else(|| Path::new("")).display();
        warnings.push(Value::String(format!(
            "this is not in the audit file {path}; `pointsman status` says why"
        )));
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(format!("{}\n", Value::Object(object))))
}

/// A client's word as it is kept.
fn line(text: &str) -> String {
    start_of_line(text, LINE_CHARS)
}

/// Lines that may wait for the disk.
const QUEUE: usize = 256;

/// How long a reply waits for its line.
const PATIENCE: Duration = Duration::from_millis(500);

/// Between two lines about strangers.
const STRANGERS_APART: Duration = Duration::from_secs(1);

/// Characters of a word or a reason that are kept.
const LINE_CHARS: usize = 400;

#[cfg(test)]
mod tests;
