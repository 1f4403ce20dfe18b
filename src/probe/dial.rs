//! Reaching a server: name resolution and TCP connect, and what an attempt has come to so far.
//!
//! Host names are resolved anew at each connect, because providers move names to other addresses. A
//! resolver that does not answer holds one lookup per server, never more: the lookup goes on in the
//! background and the next connect waits for it again.

use std::{
    fmt::Write as _,
    io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use rustls::ClientConfig;
use tokio::{
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use super::{
    socket::{failure_of, prepare},
    tls,
    trail::{Step, Trail},
};
use crate::{
    config::{ProbeConfig, ProbeTarget, TargetHost},
    discovery::Introduction,
    engine::{Failure, FailureKind},
};

/// One server and how to reach it.
#[derive(Debug)]
pub struct Dial {
    /// Where it listens.
    pub(super) target: ProbeTarget,
    /// How its cluster is probed.
    pub(super) config: Arc<ProbeConfig>,
    /// Made at the first login that needs it.
    tls: OnceLock<Arc<ClientConfig>>,
    /// A lookup that outlived the connect that started it.
    lookup: Option<JoinHandle<io::Result<Vec<SocketAddr>>>>,
    /// Where the steps of a probe are noted.
    pub(super) trail: Trail,
    /// The host has accepted a connection in this attempt, or one that still waits for its login.
    accepted: bool,
    /// When the question was sent that was asked last; a connect is one, too.
    asked: Instant,
    /// How often the server is asked to introduce itself, if anybody listens.
    introduces_every: Option<Duration>,
    introduced: Option<Instant>,
    /// What it said then, until somebody takes it.
    pub(super) introduction: Option<Introduction>,
}

impl Dial {
    /// Nothing is resolved or connected yet.
    pub fn new(target: ProbeTarget, config: Arc<ProbeConfig>) -> Self {
        Self {
            target,
            config,
            tls: OnceLock::new(),
            lookup: None,
            trail: Trail::default(),
            accepted: false,
            asked: Instant::now(),
            introduces_every: None,
            introduced: None,
            introduction: None,
        }
    }

    /// The server is asked to introduce itself, about so often.
    pub(super) fn introduce(&mut self, every: Duration) {
        self.introduces_every = Some(every);
    }

    /// Whether it is time for that, which counts as done then.
    pub(super) fn is_introduction_due(&mut self) -> bool {
        let now = Instant::now();
        // A probe that comes a little early counts, or every second one would be missed.
        let is_due = self.introduces_every.is_some_and(|every| {
            self.introduced.is_none_or(|at| now.saturating_duration_since(at) >= every * 4 / 5)
        });
        if is_due {
            self.introduced = Some(now);
        }
        is_due
    }

    /// An attempt to ask the server begins.
    pub(super) fn begin(&mut self) {
        self.accepted = false;
        self.asks();
    }

    /// The host has accepted the connection that is waited for.
    pub(super) fn note_accepted(&mut self) {
        self.accepted = true;
    }

    /// Whether the host may still be at this address. A resolver that cannot tell changes nothing.
    pub(super) async fn leads_to(&mut self, address: SocketAddr, deadline: Instant) -> bool {
        let addresses = self.resolve(deadline).await;
        addresses.map_or(true, |addresses| addresses.contains(&address))
    }

    /// A question is sent now.
    pub(super) fn asks(&mut self) {
        self.asked = Instant::now();
    }

    /// When the question was sent that was asked last.
    pub(super) fn asked(&self) -> Instant {
        self.asked
    }

    /// What it proves that nothing came within the deadline of this attempt. A host that has
    /// accepted a connection is reached by our network. Silence on a connection that is older than
    /// the attempt may be lost anywhere.
    pub(super) fn silence(&self) -> FailureKind {
        match self.accepted {
            true => FailureKind::Unresponsive,
            false => FailureKind::TimedOut,
        }
    }

    /// The settings of TLS, the same for every login.
    pub(super) fn tls(&self) -> Result<Arc<ClientConfig>, Failure> {
        if let Some(settings) = self.tls.get() {
            return Ok(Arc::clone(settings));
        }
        let settings = Arc::new(tls::client_config(&self.config.tls, &self.trail)?);
        Ok(Arc::clone(self.tls.get_or_init(|| settings)))
    }

    /// The host as certificates and error texts name it, without the port.
    pub(super) fn host(&self) -> String {
        match &self.target.host {
            TargetHost::Address(address) => address.to_string(),
            TargetHost::Name(name) => name.to_string(),
        }
    }

    /// Connects by `deadline`, to which address is told, trying the resolved addresses in the resolver's order.
    ///
    /// When several addresses fail in different ways, the weakest evidence counts: a host is only
    /// refusing when all of its addresses refuse.
    pub(super) async fn connect(
        &mut self,
        deadline: Instant,
    ) -> Result<(TcpStream, SocketAddr), Failure> {
        self.trail.begin(Step::Resolve);
        let addresses = self.resolve(deadline).await?;
        self.trail.say(|| resolved(&addresses));
        self.trail.begin(Step::Connect);
        self.asks();
        let mut failures = Vec::with_capacity(addresses.len());
        for (tried, address) in addresses.iter().enumerate() {
            let share = share_of(deadline, addresses.len() - tried);
            match timeout_at(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => match prepare(&stream, self.config.timeout) {
                    Ok(()) => {
                        self.trail.say(|| format!("{address}: connected"));
                        self.accepted = true;
                        return Ok((stream, *address));
                    }
                    Err(error) => failures.push(failure_of(&error, &address.to_string())),
                },
                Ok(Err(error)) => failures.push(failure_of(&error, &address.to_string())),
                Err(_) => failures.push(Failure::new(
                    FailureKind::TimedOut,
                    format!("{address}: no TCP connection"),
                )),
            }
            self.trail.say(|| failures.last().map(Failure::to_string).unwrap_or_default());
        }
        Err(weakest(failures))
    }

    async fn resolve(&mut self, deadline: Instant) -> Result<Vec<SocketAddr>, Failure> {
        let port = self.target.port;
        let name = match &self.target.host {
            TargetHost::Address(address) => return Ok(vec![SocketAddr::new(*address, port)]),
            TargetHost::Name(name) => name.clone(),
        };
        let unresolved = |why: &str| {
            let detail = format!("{}: {why}", self.target);
            Failure::new(FailureKind::Unresolved, detail)
        };
        let lookup = self.lookup.get_or_insert_with(|| {
            tokio::spawn(async move {
                let found = tokio::net::lookup_host((&*name, port)).await?;
                Ok(found.collect())
            })
        });
        let found = timeout_at(deadline, lookup).await;
        if found.is_ok() {
            self.lookup = None;
        }
        match found {
            Ok(Ok(Ok(addresses))) if !addresses.is_empty() => Ok(addresses),
            Ok(Ok(Ok(_))) => Err(unresolved("the name has no address")),
            Ok(Ok(Err(error))) => Err(unresolved(&error.to_string())),
            Ok(Err(_)) => Err(unresolved("the lookup was cut off")),
            Err(_) => Err(unresolved("the resolver does not answer")),
        }
    }
}

impl Drop for Dial {
    fn drop(&mut self) {
        if let Some(lookup) = &self.lookup {
            lookup.abort();
        }
    }
}

/// The addresses of a host, as they are shown.
fn resolved(addresses: &[SocketAddr]) -> String {
    let addresses = addresses.iter().map(|address| address.ip().to_string());
    addresses.collect::<Vec<_>>().join(", ")
}

/// An equal share of the time left, for the first of `addresses` untried addresses.
fn share_of(deadline: Instant, addresses: usize) -> Instant {
    let now = Instant::now();
    let left = deadline.saturating_duration_since(now);
    now + left / u32::try_from(addresses).unwrap_or(u32::MAX).max(1)
}

/// All the details with the least that any of the failures proves.
fn weakest(mut failures: Vec<Failure>) -> Failure {
    if failures.len() == 1
        && let Some(only) = failures.pop()
    {
        return only;
    }
    let kind = failures
        .iter()
        .map(|failure| failure.kind)
        .find(|kind| kind.may_be_ours())
        .or_else(|| failures.first().map(|failure| failure.kind))
        .unwrap_or(FailureKind::Unresolved);
    let mut detail = String::new();
    for failure in &failures {
        let separator = if detail.is_empty() { "" } else { "; " };
        write!(detail, "{separator}{}", failure.detail).expect("writing to a string succeeds");
    }
    Failure::new(kind, detail)
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, sync::Arc, time::Duration};

    use tokio::{net::TcpListener, time::Instant};

    use super::{Dial, Failure, FailureKind, weakest};
    use crate::{
        config::{ProbeTarget, TargetHost},
        probe::test_config,
    };

    fn dial(host: TargetHost, port: u16) -> Dial {
        let config = test_config(Duration::from_secs(5));
        Dial::new(ProbeTarget { host, port }, Arc::new(config))
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn a_free_port_refuses_and_a_listener_accepts() {
        let address: IpAddr = "127.22.0.1".parse().expect("an address");
        let listener = TcpListener::bind((address, 0)).await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let mut there = dial(TargetHost::Address(address), port);
        assert!(there.connect(soon()).await.is_ok());
        drop(listener);
        let failure = there.connect(soon()).await.expect_err("nobody listens");
        assert_eq!(failure.kind, FailureKind::Refused, "{failure}");
    }

    #[tokio::test]
    async fn a_name_is_resolved_and_an_invalid_one_is_not() {
        let listener = TcpListener::bind(("localhost", 0)).await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let mut there = dial(TargetHost::Name("localhost".into()), port);
        assert!(there.connect(soon()).await.is_ok());
        // RFC 6761, section 6.4: `invalid.` never resolves. Without any resolver the kind is the
        // same.
        let mut nowhere = dial(TargetHost::Name("db1.invalid".into()), 5432);
        let failure = nowhere.connect(soon()).await.expect_err("no such name");
        assert_eq!(failure.kind, FailureKind::Unresolved, "{failure}");
    }

    #[test]
    fn the_weakest_failure_counts() {
        let refused = Failure::new(FailureKind::Refused, "a");
        let silent = Failure::new(FailureKind::TimedOut, "b");
        assert_eq!(
            weakest(vec![refused.clone(), silent]),
            Failure::new(FailureKind::TimedOut, "a; b")
        );
        assert_eq!(weakest(vec![refused.clone(), refused]).kind, FailureKind::Refused);
    }
}
