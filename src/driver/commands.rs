//! Carries out what operators ask for. Names become places here, and nowhere else.
//!
//! A change is in force and published before it is answered, and saved, if it can be.

use super::Driver;
use crate::{
    answers::NameRole,
    control::{AcceptRequest, Accepted, Command, LayRequest, LiftRequest, OverrideReply, Refusal},
    engine::{
        Acceptance, AcceptanceRefusal, ClusterId, Override, OverrideRefusal, ServerId, ServerIndex,
        Wish,
    },
};

/// Names that are told to whoever asked for one that there is not.
const KNOWN: usize = 50;

impl Driver {
    /// Carries out one command and answers it. Who asked may have left.
    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Lay(request, reply) => {
                let laid = self.lay(request);
                self.memory.answer_when_saved(laid, reply, OverrideReply::with);
            }
            Command::Lift(request, reply) => {
                let lifted = self.lift(request);
                self.memory.answer_when_saved(lifted, reply, OverrideReply::with);
            }
            Command::Accept(request, reply) => {
                let accepted = self.accept(request);
                self.memory.answer_when_saved(accepted, reply, Accepted::with);
            }
            Command::Ask(question) => self.answer(question),
        }
    }

    fn lay(&mut self, request: LayRequest) -> Result<OverrideReply, Refusal> {
        let now = self.clock.now();
        let LayRequest { cluster, wish, signed, term } = request;
        let within = cluster.map(|name| self.cluster(&name)).transpose()?;
        let mut of_server = None;
        let wish = wish.try_map(|name| {
            let id = self.server_of(&name, within)?;
            of_server = Some(id.cluster);
            Ok(id.server)
        })?;
        let cluster = self.one_of(within, of_server)?;
        let (author, reason) = (signed.author().into(), signed.reason().into());
        let wished = Override { wish, author, reason, since: now, until: term.until(now) };
        let laid = self.engine.lay(cluster, wished.clone(), now);
        laid.map_err(|refusal| self.refusal(cluster, wish, refusal))?;
        self.conclude(now);
        Ok(self.named(cluster, &wished))
    }

    fn lift(&mut self, request: LiftRequest) -> Result<OverrideReply, Refusal> {
        let now = self.clock.now();
        let LiftRequest { cluster, key, signed } = request;
        let within = cluster.map(|name| self.cluster(&name)).transpose()?;
        let mut drained = None;
        let place = key.clone().try_map(|name| {
            let id = self.server_of(&name, within)?;
            drained = Some(id);
            Ok(id.server)
        })?;
        let cluster = self.one_of(within, drained.map(|id| id.cluster))?;
        // Why it ended stands beside who ended it, wherever that is told. Nobody need say why.
        let Some(lifted) = self.engine.lift(cluster, place, &signed.to_string()) else {
            let of = drained.map_or_else(|| self.cluster_name(cluster), |id| self.server_name(id));
            return Err(Refusal::NotLaid { key, of });
        };
        self.conclude(now);
        Ok(self.named(cluster, &lifted))
    }

    fn accept(&mut self, request: AcceptRequest) -> Result<Accepted, Refusal> {
        let now = self.clock.now();
        let cluster = self.cluster(&request.cluster)?;
        let id = self.server_of(&request.server, Some(cluster))?;
        let (by, because) = (request.signed.author().into(), request.signed.reason().into());
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

    /// An override by names.
    fn named(&self, cluster: ClusterId, laid: &Override) -> OverrideReply {
        let (start, name) = (self.reporter.start(), self.cluster_name(cluster));
        let server = |server| self.server_name(ServerId { cluster, server });
        OverrideReply {
            cluster: name,
            laid: laid.map(server, |time| start.at(time)),
            unsaved: None,
        }
    }

    /// The cluster that a request names, or that of its server.
    fn one_of(
        &self,
        named: Option<ClusterId>,
        of_server: Option<ClusterId>,
    ) -> Result<ClusterId, Refusal> {
        match named.or(of_server) {
            Some(cluster) => Ok(cluster),
            None => self.cluster(""),
        }
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

    /// The server of this name, which is one of `cluster`'s.
    fn server_of(&self, name: &str, cluster: Option<ClusterId>) -> Result<ServerId, Refusal> {
        let id = self.server(name)?;
        match cluster.filter(|cluster| *cluster != id.cluster) {
            None => Ok(id),
            Some(asked) => Err(Refusal::OtherCluster {
                server: self.server_name(id),
                cluster: self.cluster_name(id.cluster),
                asked: self.cluster_name(asked),
            }),
        }
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
