//! The driver's options for the heartbeat's connection to one address of one server.
//!
//! Options hold the password and their `Debug` prints it, so they never leave this folder and are
//! never logged.
//!
//! The driver would by default re-connect through a unix socket and ask for its settings on every
//! connect; naming `prefer_socket`, `max_allowed_packet` and `wait_timeout` spares both. It has no
//! way to set TCP_USER_TIMEOUT: the probe's deadline covers that, and keepalive ends connections
//! that are forgotten.

use std::{net::SocketAddr, time::Duration};

use mysql_async::{Opts, OptsBuilder, SslOpts};

use crate::config::{ProbeConfig, ProbeTarget, TargetHost, TlsMode};

/// Largest packet taken from a server. Only a GTID set can come near it.
const MAX_PACKET: usize = 4 << 20;
/// The servers' own default for an idle session, in seconds; a probe is never idle for that long.
const WAIT_TIMEOUT: usize = 28_800;
/// Idle time before the kernel asks whether the peer still exists.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// Options to reach `target` at `address`, one of those its host has.
pub fn options(
    target: &ProbeTarget,
    address: SocketAddr,
    config: &ProbeConfig,
    encrypt: bool,
) -> Opts {
    let host = match &target.host {
        TargetHost::Address(address) => address.to_string(),
        TargetHost::Name(name) => name.trim_end_matches('.').to_owned(),
    };
    OptsBuilder::default()
        .ip_or_hostname(host)
        .resolved_ips(Some(vec![address.ip()]))
        .tcp_port(address.port())
        .user(Some(&*config.user))
        .pass(config.password.as_ref().map(|password| password.reveal()))
        .prefer_socket(false)
        .max_allowed_packet(Some(MAX_PACKET))
        .wait_timeout(Some(WAIT_TIMEOUT))
        .stmt_cache_size(0)
        .tcp_nodelay(true)
        .tcp_keepalive(Some(KEEPALIVE))
        .connect_attribute("program_name", "pointsman")
        .ssl_opts(encrypt.then(|| tls(&config.tls)).flatten())
        .into()
}

fn tls(mode: &TlsMode) -> Option<SslOpts> {
    match mode {
        TlsMode::Disable => None,
        TlsMode::Prefer | TlsMode::Require => Some(
            SslOpts::default()
                .with_danger_accept_invalid_certs(true)
                .with_danger_skip_domain_validation(true),
        ),
        TlsMode::VerifyFull { authorities } => Some(
            SslOpts::default()
                .with_disable_built_in_roots(true)
                .with_root_certs(authorities.iter().cloned().map(Into::into).collect()),
        ),
    }
}
