//! Who is the rightful writer of a world, and who is not, whatever they say.

use pointsman::engine::Moment;

use crate::world::{History, Process, Role, World};

/// What a server is that must not be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Impostor {
    /// Another one was properly promoted after it.
    Succeeded,
    /// A copy that was started writable.
    Copy,
    /// It has lost everything, or is as it was long ago.
    Lost,
    /// It follows a promotion outside.
    Stray,
}

pub(super) struct Truth {
    /// The writer of the present reign, dead or alive.
    pub rightful: usize,
    /// Counted from 1; each proper promotion begins one.
    pub reign: u32,
    /// When somebody was promoted last.
    pub since: Moment,
    /// The last reign of each server.
    pub reign_of: Vec<Option<u32>>,
    pub impostors: Vec<Option<Impostor>>,
    /// What the rightful writer had before it lost it.
    lost: Option<History>,
    /// An operator has said whose history is the cluster's.
    pub accepted: bool,
    /// Nobody can tell who is right.
    pub disputed: bool,
    /// A part of the group was declared a component while another one had a quorum.
    pub split: bool,
}

impl Truth {
    pub(super) fn new(servers: usize) -> Self {
        let mut reign_of = vec![None; servers];
        reign_of[0] = Some(1);
        Self {
            rightful: 0,
            reign: 1,
            since: Moment::START,
            reign_of,
            impostors: vec![None; servers],
            lost: None,
            accepted: false,
            disputed: false,
            split: false,
        }
    }

    /// The cluster's history.
    pub(super) fn line<'a>(&'a self, world: &'a World) -> &'a History {
        self.lost.as_ref().unwrap_or(&world.hosts[self.rightful].history)
    }

    /// Who would be promoted by a failover manager that works: of the standbys that have nothing
    /// but the cluster's history, the one that has most of it; nobody while a standby that is away
    /// has more.
    pub(super) fn heir(&self, world: &World) -> Option<usize> {
        let line = self.line(world);
        let inherits = |index: &usize| {
            let host = &world.hosts[*index];
            let standby = matches!(host.role, Role::Standby { .. });
            let same = world.kind != pointsman::engine::ClusterKind::Postgres
                || host.history.timeline() == line.timeline();
            standby && self.impostors[*index].is_none() && same && host.history.begins(line)
        };
        let standbys = || (0..world.hosts.len()).filter(inherits);
        let most = standbys().map(|index| world.hosts[index].history.length()).max()?;
        let ready = |index: &usize| {
            let host = &world.hosts[*index];
            host.runs() && !host.broken && !host.paused && host.history.length() == most
        };
        standbys().find(ready)
    }

    /// `heir` is the writer from now on; who wrote before is succeeded.
    pub(super) fn crown(&mut self, heir: usize) {
        self.impostors[self.rightful] =
            Some(self.impostors[self.rightful].unwrap_or(Impostor::Succeeded));
        self.reign += 1;
        (self.rightful, self.lost) = (heir, None);
        self.reign_of[heir] = Some(self.reign);
        self.impostors[heir] = None;
    }

    /// A server is no heir any more.
    pub(super) fn disown(&mut self, index: usize, why: Impostor, world: &World) {
        if index == self.rightful && self.lost.is_none() {
            self.lost = Some(world.hosts[index].history.clone());
        }
        self.impostors[index] = Some(why);
        if why == Impostor::Lost {
            self.reign_of[index] = None;
        }
    }

    /// Whether a server has lost its place for good although nobody succeeded it.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// A member follows the rightful writer, directly or through others, and all of them run.
    pub(super) fn follows(&self, index: usize, world: &World) -> bool {
        let mut at = index;
        for _ in 0..world.hosts.len() {
            if at == self.rightful {
                return !self.is_lost() && world.hosts[at].runs() && at != index;
            }
            let Role::Standby { of } = world.hosts[at].role else { return false };
            if !world.is_attached(at) || world.hosts[at].stray.is_some() {
                return false;
            }
            at = of;
        }
        false
    }

    /// It follows, has everything, shows itself, and nothing keeps it away from readers.
    pub(super) fn is_fit(&self, index: usize, world: &World) -> bool {
        let host = &world.hosts[index];
        let visible = is_visible(index, world);
        let held = host.paused || host.broken || host.side_blocked || !host.delay.is_zero();
        visible && !held && host.lag.is_zero() && !host.hidden && self.follows(index, world)
    }
}

/// The monitors can ask it and it answers.
pub(super) fn is_visible(index: usize, world: &World) -> bool {
    let host = &world.hosts[index];
    host.process == Process::Running && !host.cut_off && host.refuses.is_none()
}
