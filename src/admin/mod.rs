//! The operator's access: HTTP on a Unix socket and, if wanted, on a TCP address.
//!
//! ```text
//! curl, hooks, the command line ──▶ connections ──▶ guard ──▶ routes ──▶ operations ──▶ probes
//!                                                                           └─▶ control ─▶ driver
//! ```
//!
//! It has a thread and a runtime of its own. So the worst that a client can do is to keep this one
//! thread busy: probes, decisions and DNS run on others, and readiness is told even while those are
//! stalled. What it does to the rest goes through [`Operations`]. `docs/ADMIN.md` is its reference.

mod audit;
mod caller;
mod changes;
mod connections;
mod discovery;
mod document;
mod error;
mod events;
mod file;
mod guard;
mod hint;
mod large;
mod metrics;
mod operations;
mod overrides;
mod page;
mod question;
mod rejection;
mod reply;
mod request;
mod routes;
mod service;
mod stream;
mod token;
mod view;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use tokio::{
    runtime::{self, Runtime},
    select,
    sync::{oneshot, watch},
    time::timeout,
};
use tracing::warn;

use self::{audit::Audit, connections::serve, file::SocketFile, guard::Guard};
pub use self::{
    error::BindError,
    operations::{Background, Operations},
};
use crate::{config::AdminConfig, inherited::Inherited};

/// The bound sockets, before anybody is served.
#[derive(Debug)]
pub struct Listeners {
    unix: Option<(UnixListener, SocketFile)>,
    http: Option<(TcpListener, SocketAddr)>,
    guard: Arc<Guard>,
}

/// The running admin API. Dropping it ends it soon.
#[derive(Debug)]
pub struct AdminServer {
    socket: Option<PathBuf>,
    http: Option<SocketAddr>,
    stopping: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
}

/// Binds what `config` names, as far as `inherited` does not have it already. Clients may connect
/// from now on, and wait.
///
/// All or nothing: on an error no socket stays open and no file is left.
///
/// # Errors
/// [`BindError`], which says what to do.
pub fn bind(config: &AdminConfig, inherited: &mut Inherited) -> Result<Listeners, BindError> {
    let audit = Audit::start(config.audit_file.as_deref()).map_err(BindError::Thread)?;
    let open = |path: &Path| match inherited.unix(path) {
        Some(listener) => file::adopt(listener, path),
        None => file::bind(path),
    };
    let unix = config.socket.as_deref().map(open).transpose()?;
    let http = config.http.map(|address| open_http(address, inherited)).transpose()?;
    Ok(Listeners { unix, http, guard: Guard::new(config, audit) })
}

fn open_http(
    address: SocketAddr,
    inherited: &mut Inherited,
) -> Result<(TcpListener, SocketAddr), BindError> {
    let bound = inherited.tcp(address).map_or_else(|| TcpListener::bind(address), Ok);
    let bound = bound.and_then(|listener| {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.map_err(|source| BindError::http(address, source))
}

impl Listeners {
    /// Serves `operations`; `None` when there is no socket to serve on.
    ///
    /// # Errors
    /// [`BindError::Thread`], when the system is out of what a thread needs.
    pub fn serve(self, operations: Operations) -> Result<Option<AdminServer>, BindError> {
        if self.unix.is_none() && self.http.is_none() {
            return Ok(None);
        }
        let socket = self.unix.as_ref().map(|(_, file)| file.path().to_owned());
        let http = self.http.as_ref().map(|(_, address)| *address);
        let (stopping, stop) = watch::channel(false);
        let (end, ended) = oneshot::channel();
        let (report, began) = mpsc::channel();
        let work = move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => {
                    _ = report.send(Ok(()));
                    self.run(&runtime, operations, stop);
                }
                Err(error) => _ = report.send(Err(error)),
            }
            _ = end.send(());
        };
        let thread = thread::Builder::new().name("admin".into()).spawn(work);
        thread.map_err(BindError::Thread)?;
        let built = began.recv().unwrap_or_else(|_| Err(io::Error::other("it has ended")));
        built.map_err(BindError::Thread)?;
        Ok(Some(AdminServer { socket, http, stopping, ended }))
    }

    /// Serves until told to stop. The socket's file is removed at the end.
    fn run(self, runtime: &Runtime, operations: Operations, stop: watch::Receiver<bool>) {
        let Self { unix, http, guard } = self;
        let audit = guard.audit().clone();
        operations.writes_down(audit.clone());
        let (unix, file) = unix.unzip();
        let http = http.map(|(listener, _)| listener);
        let following = page::follow(operations.clone());
        runtime.block_on(async {
            select! {
                () = serve(unix, http, routes::guarded(operations, guard), stop) => {}
                () = following => {}
            }
        });
        audit.flush();
        drop(file);
    }
}

impl AdminServer {
    /// The path of the Unix socket, if there is one.
    pub fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// The address of HTTP over TCP, if there is one, with the port that was found for port 0.
    pub fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Takes no more requests, gives those under way a moment, and removes the socket's file.
    pub async fn stop(self) {
        self.stopping.send_replace(true);
        if timeout(END, self.ended).await.is_err() {
            warn!("the admin API did not end in time");
        }
    }
}

/// How long the end may take: a little longer than the last requests have.
const END: Duration = Duration::from_secs(1);
