//! A login that its server takes its time for: kept from attempt to attempt.
//!
//! A server that is stopped or waits for its disk still has its connections accepted by the kernel,
//! and works them off when it goes on. MySQL and MariaDB count each one that has left meanwhile
//! against the client's host and shut it out after `max_connect_errors` of them (error 1129);
//! PostgreSQL starts a process for each. A monitor must do no harm, so there is one login that
//! waits, whatever the number of attempts: each attempt waits for it until its own deadline. It is
//! also the first to know when the server goes on.
//!
//! The kernel asks every second whether the other end still knows the connection, so that one whose
//! host or way has gone ends soon. Another one takes its place when it has ended, when the name of
//! the host leads elsewhere, and after 2, 4, 8 … 60 s in case that something on the way has forgotten it:
//! what was silent for short may be back soon, and a long silence costs one connection a minute.
//!
//! Only a login that succeeds is used. What a kept one fails with may be as old as itself, so the
//! server is asked anew.

use std::{net::SocketAddr, pin::Pin, time::Duration};

use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

use super::dial::Dial;
use crate::engine::Failure;

/// What becomes of a connection until somebody is let in.
pub type Login<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// A login under way.
pub struct Handshake<T, E> {
    login: Login<T, E>,
    /// What it has come to.
    result: Option<Result<T, E>>,
    peer: SocketAddr,
    began: Instant,
    /// For how long it is waited for.
    patience: Duration,
}

/// Where the login is kept that outlives the attempt that began it.
pub type Place<T, E> = Option<Box<Handshake<T, E>>>;

/// The login that is kept in `place`, or else a new one over a new connection, by `deadline`.
///
/// # Errors
/// How the login failed; silence when it is still under way.
pub async fn log_in<T, E>(
    dial: &mut Dial,
    place: &mut Place<T, E>,
    deadline: Instant,
    begin: impl FnOnce(&Dial, TcpStream) -> Login<T, E>,
) -> Result<T, E>
where
    E: From<Failure>,
{
    let origin = place.as_ref().map(|kept| (kept.peer, kept.began, kept.patience));
    let mut patience = AT_FIRST;
    if let Some((_, began, before)) = origin
        && began.elapsed() >= before
    {
        patience = (before * 2).min(AT_MOST);
    }
    if let Some((peer, began, before)) = origin
        && began.elapsed() < before
        && dial.leads_to(peer, deadline).await
    {
        dial.note_accepted();
        match result(place, deadline).await {
            Some(Ok(login)) => return Ok(login),
            Some(Err(_)) => {}
            None => return Err(silence(dial)),
        }
    }
    *place = None;
    let (stream, peer) = dial.connect(deadline).await?;
    let login = begin(dial, stream);
    let handshake = Handshake { login, result: None, peer, began: Instant::now(), patience };
    *place = Some(Box::new(handshake));
    let result = result(place, deadline).await;
    result.unwrap_or_else(|| Err(silence(dial)))
}

/// A new login over a new connection, by `deadline`; it is left if it is still under way then.
///
/// # Errors
/// How the login failed.
pub async fn log_in_once<T, E>(
    dial: &mut Dial,
    deadline: Instant,
    begin: impl FnOnce(&Dial, TcpStream) -> Login<T, E>,
) -> Result<T, E>
where
    E: From<Failure>,
{
    let (stream, _) = dial.connect(deadline).await?;
    let login = begin(dial, stream);
    timeout_at(deadline, login).await.unwrap_or_else(|_| Err(silence(dial)))
}

/// What the login in `place` has come to by `deadline`; the place is free then.
async fn result<T, E>(place: &mut Place<T, E>, deadline: Instant) -> Option<Result<T, E>> {
    let kept = place.as_mut()?;
    timeout_at(deadline, kept.ended()).await.ok()?;
    place.take()?.result
}

fn silence<E: From<Failure>>(dial: &Dial) -> E {
    let detail = format!("{}: connected, but the login got no reply", dial.target);
    Failure::new(dial.silence(), detail).into()
}

impl<T, E> Handshake<T, E> {
    /// Goes on with it until it has ended. Cancel-safe.
    pub async fn ended(&mut self) {
        if self.result.is_none() {
            self.result = Some((&mut self.login).await);
        }
    }
}

/// For how long the first login of a silence is waited for; each further one twice as long.
const AT_FIRST: Duration = Duration::from_secs(2);
/// For how long one login is waited for at most.
const AT_MOST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, net::TcpListener, sync::Arc, time::Duration};

    use tokio::time::Instant;

    use super::super::{dial::Dial, kept::Kept, mysql, postgres};
    use crate::{
        config::{ProbeTarget, TargetHost},
        engine::{Failure, FailureKind},
        probe::test_config,
    };

    const TIMEOUT: Duration = Duration::from_millis(1500);

    fn dial(listener: &TcpListener) -> Dial {
        let config = test_config(TIMEOUT);
        let address = listener.local_addr().expect("bound");
        let host = TargetHost::Address(address.ip());
        Dial::new(ProbeTarget { host, port: address.port() }, Arc::new(config))
    }

    /// How many connections the kernel has taken for a process that does nothing.
    fn taken(listener: &TcpListener) -> usize {
        listener.set_nonblocking(true).expect("a socket option");
        let all = std::iter::from_fn(|| match listener.accept() {
            Ok(taken) => Some(taken),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        });
        all.count()
    }

    /// As many attempts as fit into so long a silence, each until its deadline.
    async fn attempts(listener: &TcpListener, is_postgres: bool, silence: Duration) {
        let (mut dial, mut kept) = (dial(listener), Kept::default());
        let end = Instant::now() + silence;
        while Instant::now() < end {
            dial.begin();
            let deadline = Instant::now() + TIMEOUT;
            let failure: Option<Failure> = match is_postgres {
                true => postgres::Wire::open_patiently(&mut dial, &mut kept.postgres, "", deadline)
                    .await
                    .err(),
                false => mysql::Link::open(&mut dial, &mut kept.mysql, deadline).await.err(),
            };
            let kind = failure.expect("nobody answers").kind;
            assert_eq!(kind, FailureKind::Unresponsive);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_silence_costs_its_server_few_connections() {
        for is_postgres in [true, false] {
            let listener = TcpListener::bind("127.22.9.1:0").expect("a free port");
            attempts(&listener, is_postgres, Duration::from_secs(290)).await;
            assert!((6..=10).contains(&taken(&listener)), "2, 4, 8 … 60 s apart");
        }
    }
}
