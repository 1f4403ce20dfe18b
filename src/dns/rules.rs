//! Who may ask, how often, and what they may know. Built once from the configuration, shared by all
//! that answer, read without a lock.

use std::{net::IpAddr, time::Duration};

use super::{Cookies, identity::Identity, rate::RateLimit};
use crate::{
    answers::CompanionKind,
    clock::Clock,
    config::{DnsConfig, ExposeConfig, Networks},
    transfer::Transfers,
};

/// The rules of answering.
#[derive(Debug)]
pub struct Rules {
    allow_query: Networks,
    expose: ExposeConfig,
    cookies: Cookies,
    identity: Identity,
    rate_limit: Option<RateLimit>,
    /// In units of 100 ms.
    keepalive: u16,
    /// What other servers may copy.
    transfers: Transfers,
    clock: Clock,
}

/// How a query is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is answered.
    Welcome,
    /// It is refused, well-formed or not.
    Prohibited,
    /// Too many came: it is answered with TC and no records, so that a client that is real asks
    /// again by TCP.
    Truncated,
}

impl Rules {
    /// The rules that `config` gives.
    pub fn new(config: &DnsConfig) -> Self {
        Self {
            allow_query: config.allow_query.clone(),
            expose: config.expose.clone(),
            cookies: Cookies::new(&config.cookie_secrets),
            identity: Identity::new(config.identity.as_deref(), &config.expose),
            rate_limit: RateLimit::new(&config.rate_limit),
            keepalive: tenths(config.tcp.idle_timeout),
            transfers: Transfers::default(),
            clock: Clock::start(),
        }
    }

    /// The same, with transfers to who may have them.
    #[must_use]
    pub fn with_transfers(self, transfers: Transfers) -> Self {
        Self { transfers, ..self }
    }

    /// What other servers may copy.
    pub(super) fn transfers(&self) -> &Transfers {
        &self.transfers
    }

    /// Whether `client` may ask at all.
    pub(super) fn allows(&self, client: IpAddr) -> bool {
        self.allow_query.contains(client)
    }

    /// The rate limit that holds for `client`, if one does.
    #[inline]
    pub(super) fn rate_limit(&self, client: IpAddr) -> Option<&RateLimit> {
        self.rate_limit.as_ref().filter(|limit| limit.covers(client))
    }

    /// Time in milliseconds for [`RateLimit::take`]. It never goes back.
    pub(super) fn milliseconds(&self) -> u64 {
        let elapsed = self.clock.now().since_start().as_millis();
        u64::try_from(elapsed).unwrap_or(u64::MAX)
    }

    /// Server cookies.
    pub(super) fn cookies(&self) -> &Cookies {
        &self.cookies
    }

    /// Who we are.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the edns-tcp-keepalive option says (RFC 7828 section 3.1).
    pub(super) fn keepalive(&self) -> u16 {
        self.keepalive
    }

    /// Who may see why an answer is degraded, as Extended DNS Error: whoever may see it as
    /// `_status.<name>`.
    pub fn texts(&self) -> &Networks {
        &self.expose.status
    }

    /// Whether `client` may see companion names of this kind.
    pub(super) fn shows(&self, kind: CompanionKind, client: IpAddr) -> bool {
        let networks = match kind {
            CompanionKind::Service => &self.expose.srv,
            CompanionKind::Server => &self.expose.servers,
            CompanionKind::Status => &self.expose.status,
            CompanionKind::Why => &self.expose.why,
            CompanionKind::Events => &self.expose.events,
        };
        networks.contains(client)
    }
}

fn tenths(duration: Duration) -> u16 {
    u16::try_from(duration.as_millis() / 100).unwrap_or(u16::MAX)
}
