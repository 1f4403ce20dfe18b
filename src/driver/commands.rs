//! Carries out what operators ask for. Names become places here, and nowhere else.
//!
//! A change is in force and published before it is answered, and saved, if it can be.

use super::Driver;
use crate::{
    answers::NameRole,
    control::{
        AcceptRequest, Accepted, Command, LayRequest, LiftRequest, OverrideReply, OverrideRequest,
        Preview, Refusal,
    },
    engine::{
        Acceptance, AcceptanceRefusal, ClusterId, Engine, Moment, Override, OverrideRefusal,
        ServerId, ServerIndex, Wish, WishKey,
    },
    report::{self, ClusterView, Sought, Unknown},
};

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
        let (cluster, wished) = self.wished(request, now)?;
        let laid = self.engine.lay(cluster, wished.clone(), now);
        laid.map_err(|refusal| self.refusal(cluster, wished.wish, refusal))?;
        self.conclude(now);
        Ok(self.reply(cluster, &wished))
    }

    fn lift(&mut self, request: LiftRequest) -> Result<OverrideReply, Refusal> {
        let now = self.clock.now();
        let (cluster, place) = self.ended(&request)?;
        // Why it ended stands beside who ended it, wherever that is told. Nobody need say why.
        let Some(lifted) = self.engine.lift(cluster, place, &request.signed.to_string()) else {
            return Err(self.not_laid(cluster, place, request.key));
        };
        self.conclude(now);
        Ok(self.reply(cluster, &lifted))
    }

    /// What a change of the overrides would do: it is made on a copy of the engine.
    pub(super) fn preview(&self, request: OverrideRequest) -> Result<Preview, Refusal> {
        let now = self.clock.now();
        let (cluster, laid, mut then) = match request {
            OverrideRequest::Lay(request) => {
                let (cluster, wished) = self.wished(request, now)?;
                let mut then = self.engine.copy_of(cluster, now);
                let laid = then.lay(cluster, wished.clone(), now);
                laid.map_err(|refusal| self.refusal(cluster, wished.wish, refusal))?;
                (cluster, wished, then)
            }
            OverrideRequest::Lift(request) => {
                let (cluster, place) = self.ended(&request)?;
                let mut then = self.engine.copy_of(cluster, now);
                let Some(lifted) = then.lift(cluster, place, "") else {
                    return Err(self.not_laid(cluster, place, request.key));
                };
                (cluster, lifted, then)
            }
        };
        then.decide(now);
        let (before, after) =
            (self.view(cluster, &self.engine, now)?, self.view(cluster, &then, now)?);
        Ok(Preview { laid: self.named(cluster, &laid), now: before, then: after })
    }

    /// A cluster as an engine has it at `now`: ours, or a copy on which something is tried.
    pub(super) fn view(
        &self,
        cluster: ClusterId,
        engine: &Engine,
        now: Moment,
    ) -> Result<ClusterView, Refusal> {
        let current = self.publisher.current();
        let report = self.reporter.of(cluster, engine);
        let at = self.reporter.start().at(now);
        // Clusters of the layout are those of the engine.
        ClusterView::new(current.table.layout(), cluster, &report, at).ok_or(Refusal::Stopping)
    }

    /// The override that a request wishes for, by places.
    fn wished(&self, request: LayRequest, now: Moment) -> Result<(ClusterId, Override), Refusal> {
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
        Ok((cluster, Override { wish, author, reason, since: now, until: term.until(now) }))
    }

    /// The override that a request wishes to end, by places.
    fn ended(&self, request: &LiftRequest) -> Result<(ClusterId, WishKey), Refusal> {
        let within = request.cluster.as_ref().map(|name| self.cluster(name)).transpose()?;
        let mut drained = None;
        let place = request.key.clone().try_map(|name| {
            let id = self.server_of(&name, within)?;
            drained = Some(id.cluster);
            Ok(id.server)
        })?;
        Ok((self.one_of(within, drained)?, place))
    }

    fn not_laid(&self, cluster: ClusterId, place: WishKey, key: report::WishKey) -> Refusal {
        let of = match place {
            WishKey::Drain(server) => self.server_name(ServerId { cluster, server }),
            _ => self.cluster_name(cluster),
        };
        Refusal::NotLaid { key, of }
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

    fn reply(&self, cluster: ClusterId, laid: &Override) -> OverrideReply {
        let (name, laid) = (self.cluster_name(cluster), self.named(cluster, laid));
        OverrideReply { cluster: name, laid, unsaved: None }
    }

    /// An override by names.
    fn named(&self, cluster: ClusterId, laid: &Override) -> report::Override {
        let start = self.reporter.start();
        let server = |server| self.server_name(ServerId { cluster, server });
        laid.map(server, |time| start.at(time))
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
        names
            .position(|known| known.eq_ignore_ascii_case(name))
            .map(ClusterId)
            .ok_or_else(|| self.unknown(Sought::Cluster, name))
    }

    /// The server of this name, in any case of letters.
    pub(super) fn server(&self, name: &str) -> Result<ServerId, Refusal> {
        let clusters = self.clusters.iter().enumerate();
        let mut servers = clusters.flat_map(|(cluster, followed)| {
            let id = move |index| ServerId {
                cluster: ClusterId(cluster),
                server: ServerIndex::new(index),
            };
            followed.servers().iter().enumerate().map(move |(index, server)| (id(index), server))
        });
        let found = servers.find(|(_, server)| server.name.eq_ignore_ascii_case(name));
        found.map(|(id, _)| id).ok_or_else(|| self.unknown(Sought::Server, name))
    }

    /// Why nothing comes of a name that there is not.
    pub(super) fn unknown(&self, sought: Sought, name: &str) -> Refusal {
        Refusal::Unknown(Unknown::new(sought, name, self.publisher.current().table.layout()))
    }

    /// The server of this name, which is one of `cluster`'s.
    pub(super) fn server_of(
        &self,
        name: &str,
        cluster: Option<ClusterId>,
    ) -> Result<ServerId, Refusal> {
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
        self.clusters[server.cluster.0].servers()[server.server.place()].name.as_ref().into()
    }
}
