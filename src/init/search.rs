//! Goes from the servers that were named to those that they name, and keeps the kin.
//!
//! Whom a server names is decided by the rules of discovery, and so is who has proven that they belong.
//! One rule is added, because here an operator has named a server: whom that one follows belongs, too.
//! A server that nobody named on the command line gets no password that it could read
//! ([`ProbeConfig::for_strangers`](crate::config::ProbeConfig::for_strangers)).

use std::{
    collections::{BTreeSet, VecDeque},
    net::SocketAddr,
};

use tokio::net::lookup_host;

use super::{
    EngineKind, InitError,
    asking::{aside, settings, who, who_unvouched},
    error::advice,
    login::Login,
    server::{Found, Kinship, LeftOut, Server},
    terminal,
};
use crate::{
    config::{TargetHost, host_port},
    discovery::{
        Candidate, DEPTH_MAX, ExaminedReason, Find, FindHost, Login as DatabaseLogin, NameHint,
        SourceReply, Word, is_unpublishable, judge_kinship, replication_finds,
    },
    engine::FailureKind,
    plain_text::start_of_line,
};

/// Servers that are asked at most. A cluster of more is no place to begin.
const MOST: usize = 200;

/// Characters of a server's words.
const WORDS: usize = 300;

/// A server that was named by another one.
struct Lead {
    host: FindHost,
    /// Where it may listen, the likeliest first.
    ports: Vec<u16>,
    hint: Option<NameHint>,
    named_by: SocketAddr,
    depth: u8,
}

/// The search for a cluster.
pub struct Search<'l> {
    engine: EngineKind,
    login: &'l mut Login,
    servers: Vec<Server>,
    left_out: Vec<LeftOut>,
    notes: Vec<String>,
    leads: VecDeque<Lead>,
    asked: BTreeSet<SocketAddr>,
}

impl<'l> Search<'l> {
    /// Nobody has been asked yet.
    pub fn new(engine: EngineKind, login: &'l mut Login) -> Self {
        Self {
            engine,
            login,
            servers: Vec::new(),
            left_out: Vec::new(),
            notes: Vec::new(),
            leads: VecDeque::new(),
            asked: BTreeSet::new(),
        }
    }

    /// Asks a server that an operator named, at the first of its addresses that answers.
    ///
    /// # Errors
    /// Why it does not count.
    pub async fn begin(
        &mut self,
        host: &TargetHost,
        addresses: &[SocketAddr],
    ) -> Result<(), InitError> {
        let name = match host {
            TargetHost::Name(name) => Some(name.clone()),
            TargetHost::Address(_) => None,
        };
        let mut refusal = InitError::NobodyListens(addresses.to_vec());
        for at in addresses {
            if !self.asked.insert(*at) {
                return Ok(());
            }
            let address = at.ip().to_string();
            let hosts = [name.as_deref().map(str::to_owned), Some(address)];
            let hosts: Vec<String> = hosts.into_iter().flatten().collect();
            let mut password = self.login.password(&hosts, at.port());
            let ask = |password| {
                who(
                    *at,
                    self.engine.kind(),
                    settings(self.engine.kind(), &self.login.user, password),
                )
            };
            let mut reply = ask(password.clone()).await;
            let is_shut_out = reply
                .as_ref()
                .err()
                .is_some_and(|failure| failure.kind == FailureKind::Misconfigured);
            if is_shut_out && password.is_none() {
                let question = format!("Password of {} at {at}", self.login.user);
                if let Some(typed) = terminal::password(&question) {
                    password = Some(typed.clone());
                    reply = ask(Some(typed)).await;
                }
            }
            let has_password = password.is_some();
            let failure = match reply {
                Ok(word) => {
                    if let Some(password) = password {
                        self.login.keep(password);
                    }
                    return self.take_named(*at, name, word).await;
                }
                Err(failure) => failure,
            };
            refusal = InitError::Refused {
                at: *at,
                user: self.login.user.clone(),
                kind: failure.kind,
                words: start_of_line(&failure.detail, WORDS).into(),
                has_password,
                engine: self.engine,
            };
        }
        Err(refusal)
    }

    async fn take_named(
        &mut self,
        at: SocketAddr,
        name: Option<Box<str>>,
        word: Word,
    ) -> Result<(), InitError> {
        if self.servers.iter().any(|known| known.is_twin_of(&word)) {
            return Ok(());
        }
        if !self.servers.is_empty()
            && let Err(reason) = self.kinship(at, &word)
        {
            return Err(InitError::NoKin { at, why: reason.to_string() });
        }
        // It may be another one of the two that go by one set of words.
        self.engine = EngineKind::of(&word.facts).unwrap_or(self.engine);
        let hosts = name.into_iter().collect();
        self.take(at, hosts, None, word, Kinship::Named, 0).await;
        Ok(())
    }

    /// Follows all leads.
    pub async fn finish(mut self) -> Found {
        while let Some(lead) = self.leads.pop_front() {
            self.follow(lead).await;
        }
        let Self { engine, servers, left_out, notes, .. } = self;
        let mut found = Found { engine, servers, left_out, notes };
        found.sort();
        found
    }

    async fn follow(&mut self, lead: Lead) {
        let (addresses, name) = match &lead.host {
            FindHost::Address(address) => (vec![*address], None),
            FindHost::Name(name) => {
                let found = lookup_host((&**name, 0)).await;
                let found: Vec<_> = found.into_iter().flatten().map(|at| at.ip()).collect();
                (found, Some(name.clone()))
            }
        };
        let port = lead.ports.first().copied().unwrap_or_default();
        let what = format!("{}:{port}, which {} names", lead.host, lead.named_by);
        if addresses.is_empty() {
            let why = "its name has no address here; name it with another --from".to_owned();
            return self.leave_out(what, why);
        }
        let mut why = None;
        for address in addresses {
            let address = address.to_canonical();
            if is_unpublishable(address) {
                why = Some("no client could connect to its address".to_owned());
                continue;
            }
            for port in &lead.ports {
                let at = SocketAddr::new(address, *port);
                if let Some(known) = self.servers.iter_mut().find(|server| server.at == at) {
                    known.hosts.extend(name.clone().filter(|name| !known.hosts.contains(name)));
                    known.hint = known.hint.take().or_else(|| lead.hint.clone());
                    return;
                }
                if !self.asked.insert(at) {
                    return;
                }
                if self.asked.len() > MOST {
                    why = Some(format!("{MOST} servers were asked before it"));
                    continue;
                }
                match self.examine(at, &lead, name.clone()).await {
                    Ok(()) => return,
                    Err(reason) => why = Some(reason),
                }
            }
        }
        if let Some(why) = why {
            self.leave_out(what, why);
        }
    }

    /// Asks a server that was named by another one, and takes it in if it is kin.
    async fn examine(
        &mut self,
        at: SocketAddr,
        lead: &Lead,
        name: Option<Box<str>>,
    ) -> Result<(), String> {
        let kind = self.engine.kind();
        let address = at.ip().to_string();
        let hosts = [name.as_deref().map(str::to_owned), Some(address)];
        let hosts: Vec<String> = hosts.into_iter().flatten().collect();
        let password = self.login.password(&hosts, at.port());
        let has_password = password.is_some();
        let config = settings(kind, &self.login.user, password);
        let word = who_unvouched(at, kind, config).await.map_err(|failure| {
            let words = start_of_line(&failure.detail, WORDS);
            let advice = advice(failure.kind, has_password, self.engine);
            format!("{words}; {advice} To have it asked as the first one: --from {at}")
        })?;
        let twin = self.servers.iter_mut().find(|known| known.is_twin_of(&word));
        if let Some(twin) = twin {
            twin.prefer(at.ip());
            twin.hosts.extend(name.filter(|name| !twin.hosts.contains(name)));
            twin.hint = twin.hint.take().or_else(|| lead.hint.clone());
            return Ok(());
        }
        let kinship = self.kinship(at, &word).map_err(|reason| match reason {
            // The one reason that an operator's word alone ends.
            ExaminedReason::Unlisted => format!("{reason}, or vouch for it: --from {at}"),
            _ => reason.to_string(),
        })?;
        let hosts = name.into_iter().collect();
        self.take(at, hosts, lead.hint.clone(), word, kinship, lead.depth).await;
        Ok(())
    }

    /// Why a server belongs that said `word`.
    fn kinship(&self, at: SocketAddr, word: &Word) -> Result<Kinship, ExaminedReason> {
        let members: Vec<_> = self.servers.iter().map(Server::member).collect();
        let reason = match judge_kinship(Candidate { at, word }, &members) {
            Ok(proof) => return Ok(Kinship::Shown(proof)),
            Err(reason) => reason,
        };
        let stranger = Server {
            at,
            hosts: Vec::new(),
            hint: None,
            word: word.clone(),
            version: Box::default(),
            kinship: Kinship::Named,
            depth: 0,
        };
        let stranger = [stranger.member()];
        // One that is believed only because a member lists it speaks for nobody else: it may be
        // anybody, and so may be whom it names.
        let speaks = |known: &Server| {
            let is_open = known.word.introduction.login == DatabaseLogin::Open;
            !(is_open && matches!(known.kinship, Kinship::Shown(_)))
        };
        let follows = |known: &&Server| {
            let candidate = Candidate { at: known.at, word: &known.word };
            speaks(known) && judge_kinship(candidate, &stranger).is_ok()
        };
        let follower = self.servers.iter().find(follows).ok_or(reason)?;
        Ok(Kinship::Leads(follower.at.to_string().into()))
    }

    async fn take(
        &mut self,
        at: SocketAddr,
        hosts: Vec<Box<str>>,
        hint: Option<NameHint>,
        word: Word,
        kinship: Kinship,
        depth: u8,
    ) {
        let (kind, address) = (self.engine.kind(), at.ip().to_string());
        let named: Vec<_> = hosts.iter().map(|host| host.to_string()).chain([address]).collect();
        let config = settings(kind, &self.login.user, self.login.password(&named, at.port()));
        let config = if depth == 0 { config } else { config.for_strangers(kind) };
        let aside = aside(at, self.engine, config).await;
        if !aside.sees_followers {
            self.notes.push(format!(
                "{} may not see who follows {at}, so its replicas are missing unless they are \
                 named otherwise: {}, ask as an administrator, or add them with --from",
                self.login.user,
                match self.engine {
                    EngineKind::Postgres => "GRANT pg_read_all_stats",
                    EngineKind::MySql | EngineKind::MariaDb => "GRANT PROCESS",
                }
            ));
        }
        let version = aside.version;
        let server = Server { at, hosts, hint, word, version, kinship, depth };
        // What replicas say of where they listen; their source sees addresses alone.
        let mut ports = vec![at.port()];
        for replica in &aside.replicas {
            if !ports.contains(&replica.port) {
                ports.push(replica.port);
            }
        }
        let depth = depth + 1;
        let own_words = aside.replicas.iter().filter_map(|replica| {
            let host = match host_port(&replica.host)?.host {
                TargetHost::Address(address) => FindHost::Address(address),
                TargetHost::Name(name) => FindHost::Name(name),
            };
            Some(Lead { host, ports: vec![replica.port], hint: None, named_by: at, depth })
        });
        if depth <= DEPTH_MAX {
            self.leads.extend(own_words);
        }
        let finds = match replication_finds(&[server.member()]) {
            SourceReply::Whole(finds) | SourceReply::Partial { finds, .. } => finds,
            SourceReply::Failed(_) => Vec::new(),
        };
        for Find { host, port, name, .. } in finds {
            let ports = port.map_or_else(|| ports.clone(), |port| vec![port]);
            self.leads.push_back(Lead { host, ports, hint: name, named_by: at, depth });
        }
        self.servers.push(server);
    }

    fn leave_out(&mut self, what: String, why: String) {
        self.left_out.push(LeftOut { what, why });
    }
}

#[cfg(test)]
mod tests;
