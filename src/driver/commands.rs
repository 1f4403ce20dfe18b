//! Carries out what operators ask for. Names become places here, and nowhere else.
//!
//! A change is in force and published before it is answered, and saved, if it can be.

use super::Driver;
use crate::{
    answers::NameRole,
    control::{
        AcceptRequest, Accepted, Command, Laid, LayRequest, OverrideSubject, Refusal, Signed, Term,
    },
    engine::{
        Acceptance, AcceptanceRefusal, ClusterId, Moment, Override, OverrideRefusal, ServerId,
        ServerIndex, Wish, WishKey,
    },
    status,
};

/// Names that are told to whoever asked for one that there is not.
const KNOWN: usize = 50;

impl Driver {
    /// Carries out one command and answers it. Who asked may have left.
    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Lay(request, reply) => {
                let laid = self.lay(request);
                self.memory.answer_when_saved(laid, reply, Laid::with);
            }
            Command::Lift(subject, by, reply) => {
                let lifted = self.lift(&subject, by);
                self.memory.answer_when_saved(lifted, reply, Laid::with);
            }
            Command::Accept(request, reply) => {
                let accepted = self.accept(request);
                self.memory.answer_when_saved(accepted, reply, Accepted::with);
            }
            Command::Ask(question) => self.answer(question),
        }
    }

    fn lay(&mut self, request: LayRequest) -> Result<Laid, Refusal> {
        let now = self.clock.now();
        let (cluster, wish) = self.wish(&request.subject, request.force)?;
        let until = until(request.term, now)?;
        let Signed { author, reason } = request.signed.tidy();
        let wished = Override { wish, author, reason, since: now, until };
        let laid = self.engine.lay(cluster, wished.clone(), now);
        laid.map_err(|refusal| self.refusal(cluster, wish, refusal))?;
        self.conclude(now);
        Ok(self.told(cluster, &wished))
    }

    fn lift(&mut self, subject: &OverrideSubject, by: Signed) -> Result<Laid, Refusal> {
        let now = self.clock.now();
        let (cluster, key) = self.wish_key(subject)?;
        // Why it ended stands beside who ended it, wherever that is told. Nobody need say why.
        let is_said = !by.reason.trim().is_empty();
        let Signed { author, reason } = by.tidy();
        let by = if is_said { format!("{author}: {reason}").into() } else { author };
        let Some(lifted) = self.engine.lift(cluster, key, &by) else {
            let of = match key {
                WishKey::Drain(server) => self.server_name(ServerId { cluster, server }),
                WishKey::Pin | WishKey::Freeze | WishKey::Maintenance => self.cluster_name(cluster),
            };
            return Err(Refusal::NotLaid { kind: subject.kind(), of });
        };
        self.conclude(now);
        Ok(self.told(cluster, &lifted))
    }

    fn accept(&mut self, request: AcceptRequest) -> Result<Accepted, Refusal> {
        let now = self.clock.now();
        let cluster = self.cluster(&request.cluster)?;
        let id = self.server_of(&request.server, &request.cluster)?;
        let Signed { author: by, reason: because } = request.signed.tidy();
        let accepted = Acceptance { server: id.server, by, because };
        self.engine.accept(cluster, accepted, now).map_err(|refusal| match refusal {
            AcceptanceRefusal::NoHistory => Refusal::NoHistory(self.cluster_name(cluster)),
            AcceptanceRefusal::DoesNotAnswer { state, reason } => {
                Refusal::DoesNotAnswer { server: self.server_name(id), state, reason }
            }
        })?;
        self.conclude(now);
        let (cluster, server) = (self.cluster_name(cluster), self.server_name(id));
        Ok(Accepted { cluster, server, unsaved: None })
    }

    /// An override in the words of its reply.
    fn told(&self, cluster: ClusterId, laid: &Override) -> Laid {
        let current = self.publisher.current();
        let listing = &current.table.layout().clusters()[cluster.0];
        Laid { laid: status::laid(listing, laid, self.reporter.start()), unsaved: None }
    }

    fn wish(&self, subject: &OverrideSubject, force: bool) -> Result<(ClusterId, Wish), Refusal> {
        Ok(match subject {
            OverrideSubject::Drain { cluster, server } => {
                let ServerId { cluster, server } = self.server_of(server, cluster)?;
                (cluster, Wish::Drain { server, force })
            }
            OverrideSubject::Pin { cluster, server } => {
                let asked = self.cluster(cluster)?;
                let ServerId { server, .. } = self.server_of(server, cluster)?;
                (asked, Wish::Pin { server, even_if_not_writable: force })
            }
            OverrideSubject::Freeze { cluster } => (self.cluster(cluster)?, Wish::Freeze),
            OverrideSubject::Maintenance { cluster } => (self.cluster(cluster)?, Wish::Maintenance),
        })
    }

    fn wish_key(&self, subject: &OverrideSubject) -> Result<(ClusterId, WishKey), Refusal> {
        Ok(match subject {
            OverrideSubject::Drain { cluster, server } => {
                let ServerId { cluster, server } = self.server_of(server, cluster)?;
                (cluster, WishKey::Drain(server))
            }
            OverrideSubject::Pin { cluster, .. } => (self.cluster(cluster)?, WishKey::Pin),
            OverrideSubject::Freeze { cluster } => (self.cluster(cluster)?, WishKey::Freeze),
            OverrideSubject::Maintenance { cluster } => {
                (self.cluster(cluster)?, WishKey::Maintenance)
            }
        })
    }

    /// The cluster of this name, in any case of letters.
    pub(super) fn cluster(&self, name: &str) -> Result<ClusterId, Refusal> {
        let mut names = self.clusters.iter().map(|cluster| &cluster.name);
        names.position(|known| known.eq_ignore_ascii_case(name)).map(ClusterId).ok_or_else(|| {
            let known = self.clusters.iter().map(|cluster| cluster.name.clone());
            Refusal::UnknownCluster { name: name.into(), known: known.take(KNOWN).collect() }
        })
    }

    /// The server of this name, in any case of letters.
    pub(super) fn server(&self, name: &str) -> Result<ServerId, Refusal> {
        let clusters = self.clusters.iter().enumerate();
        let mut servers = clusters.flat_map(|(cluster, followed)| {
            let id =
                move |index| ServerId { cluster: ClusterId(cluster), server: ServerIndex(index) };
            followed.servers().iter().enumerate().map(move |(index, server)| (id(index), server))
        });
        let found = servers.find(|(_, server)| server.name.eq_ignore_ascii_case(name));
        found.map(|(id, _)| id).ok_or_else(|| {
            let known = self.clusters.iter().flat_map(|cluster| cluster.servers());
            let known = known.map(|server| server.name.clone()).take(KNOWN).collect();
            Refusal::UnknownServer { name: name.into(), known }
        })
    }

    /// The server of this name, which is one of `cluster`'s unless that is empty.
    fn server_of(&self, name: &str, cluster: &str) -> Result<ServerId, Refusal> {
        let id = self.server(name)?;
        if cluster.is_empty() || self.cluster(cluster)? == id.cluster {
            return Ok(id);
        }
        Err(Refusal::OtherCluster {
            server: self.server_name(id),
            cluster: self.cluster_name(id.cluster),
            asked: cluster.into(),
        })
    }

    fn refusal(&self, cluster: ClusterId, wish: Wish, refusal: OverrideRefusal) -> Refusal {
        let server = wish.server().map(|server| ServerId { cluster, server });
        let server = server.map(|id| self.server_name(id)).unwrap_or_default();
        match refusal {
            OverrideRefusal::NotWritable { state, reason } => {
                Refusal::NotWritable { server, state, reason }
            }
            OverrideRefusal::LastReader { name } => {
                Refusal::LastReader { server, name: self.read_name(cluster, name) }
            }
            OverrideRefusal::NoWriteName => Refusal::NoWriteName(self.cluster_name(cluster)),
        }
    }

    /// The DNS name of a cluster's read name.
    fn read_name(&self, cluster: ClusterId, wanted: usize) -> Box<str> {
        let current = self.publisher.current();
        let mut names = current.table.layout().served_of(cluster);
        let is_meant = |role| matches!(role, NameRole::Read { index, .. } if index == wanted);
        let name = names.find(|name| is_meant(name.role)).map(|name| name.name.to_string());
        name.unwrap_or_default().into()
    }

    fn cluster_name(&self, cluster: ClusterId) -> Box<str> {
        self.clusters[cluster.0].name.clone()
    }

    pub(super) fn server_name(&self, server: ServerId) -> Box<str> {
        self.clusters[server.cluster.0].servers()[server.server.0].name.clone()
    }
}

/// When what begins at `now` ends by itself.
fn until(term: Term, now: Moment) -> Result<Option<Moment>, Refusal> {
    match term {
        Term::Forever => Ok(None),
        Term::For(time) if (Term::LEAST..=Term::MOST).contains(&time) => Ok(Some(now + time)),
        Term::For(_) => Err(Refusal::OddTerm),
    }
}
