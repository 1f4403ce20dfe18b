//! One server as it is visited: who logs in where, and what is looked for.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    error::{Fault, SessionsError},
    mysql, postgres,
    session::Session,
};
use crate::{
    config::{ClusterConfig, Config, KickConfig, KickMode, ProbeConfig, ProbeTarget, ServerConfig},
    engine::ClusterKind,
    probe::{Dial, Visit},
};

/// A server of the configuration.
#[derive(Clone, Debug)]
pub struct Server {
    pub cluster: Box<str>,
    pub name: Box<str>,
    kind: ClusterKind,
    target: ProbeTarget,
    login: Arc<ProbeConfig>,
    /// The users of Pointsman, that of [`Self::login`] first.
    own: Vec<Box<str>>,
    kick: Option<Box<KickConfig>>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct SessionList {
    pub sessions: Vec<Session>,
    /// Why a kick may end none of them, if so.
    pub fault: Option<Fault>,
}

impl Server {
    /// The server of this name, in any case of letters.
    pub fn named(config: &Config, name: &str) -> Result<Self, SessionsError> {
        let found = config.server(name);
        let (cluster, server) = found.ok_or_else(|| SessionsError::UnknownServer(name.into()))?;
        Self::of(cluster, server)
    }

    fn of(cluster: &ClusterConfig, server: &ServerConfig) -> Result<Self, SessionsError> {
        let ClusterConfig { kind, probe, kick, .. } = cluster;
        let name = Box::from(&*server.name);
        if *kind == ClusterKind::Tcp {
            return Err(SessionsError::NoSessions(name));
        }
        let mut login = probe.clone();
        let mut own = vec![probe.user.clone()];
        if let Some(kick_login) = kick.as_ref().and_then(|kick| kick.login.as_ref()) {
            login.user = kick_login.user.clone();
            login.password = kick_login.password.clone();
            own.insert(0, kick_login.user.clone());
        }
        if login.user.is_empty() {
            return Err(SessionsError::NoLogin(name));
        }
        own.retain(|user| !user.is_empty());
        login.timeout = STATEMENT;
        Ok(Self {
            cluster: cluster.name.clone(),
            name,
            kind: *kind,
            target: server.target.clone(),
            login: Arc::new(login),
            own,
            kick: kick.clone(),
        })
    }

    /// What a kick is to do, if it is to do anything.
    pub fn kick(&self) -> Option<&KickConfig> {
        self.kick.as_deref().filter(|kick| kick.mode != KickMode::Off)
    }

    /// Logs in.
    pub async fn visit(&self, deadline: Instant) -> Result<Visit, Fault> {
        let mut dial = Dial::new(self.target.clone(), Arc::clone(&self.login));
        Ok(Visit::begin(self.kind, &mut dial, deadline).await?)
    }

    /// Looks who is there.
    pub async fn look(&self, visit: &mut Visit, deadline: Instant) -> Result<SessionList, Fault> {
        let own: Vec<_> = self.own.iter().map(|user| &**user).collect();
        let kick = self.kick();
        let (sessions, fault) = match self.kind {
            ClusterKind::MySql => mysql::sessions(visit, &own, kick, deadline).await?,
            ClusterKind::Postgres | ClusterKind::Tcp => {
                let sessions = postgres::sessions(visit, &own, deadline).await?;
                let lacks_right = kick.is_some_and(|kick| {
                    let mut meant = sessions.iter().filter(|one| one.fate(kick).is_ok());
                    meant.any(|one| !one.may_end)
                });
                let fault = lacks_right.then(|| postgres::missing_right(&self.login.user));
                (sessions, fault)
            }
        };
        Ok(SessionList { sessions, fault })
    }

    /// Ends `sessions` while `may_go_on`, and says how many.
    pub async fn end(
        &self,
        visit: &mut Visit,
        sessions: &[&Session],
        may_go_on: &(dyn Fn() -> bool + Sync),
        deadline: Instant,
    ) -> (u64, Option<Fault>) {
        if self.kind == ClusterKind::MySql {
            return mysql::end(visit, sessions, may_go_on, deadline).await;
        }
        let mut ended = 0;
        for some in sessions.chunks(AT_ONCE) {
            if !may_go_on() {
                return (ended, Some(Fault::Returned));
            }
            match postgres::end(visit, some, deadline).await {
                Ok(more) => ended += more,
                Err(fault) => return (ended, Some(fault)),
            }
        }
        (ended, None)
    }
}

/// How long one statement may take, and the kernel may wait for a sign of life.
const STATEMENT: Duration = Duration::from_millis(2_500);

/// Sessions that one statement ends.
const AT_ONCE: usize = 500;
