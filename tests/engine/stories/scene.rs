//! What a happening makes of the world, of its truth and of the monitors.

use std::time::Duration;

use pointsman::engine::{ClusterKind, Moment, ServerIndex, Wish};

use super::{
    happening::{Happening, Who},
    monitor::Monitor,
    truth::{Impostor, Truth, is_visible},
};
use crate::world::{Outside, Role, World};

/// What a happening changes.
pub(super) struct Scene<'a> {
    pub world: &'a mut World,
    pub truth: &'a mut Truth,
    pub monitors: &'a mut [Monitor],
    pub now: Moment,
}

impl Scene<'_> {
    pub(super) fn who(&self, who: Who) -> usize {
        let servers = self.world.hosts.len();
        match who {
            Who::Writer => self.truth.rightful,
            Who::Other(far) => (self.truth.rightful + 1 + far % (servers - 1)) % servers,
            Who::Founder => 0,
        }
    }

    pub(super) fn apply(&mut self, happening: Happening) {
        use Happening as H;
        let now = self.now;
        // Some stories have one monitor.
        if happening.monitor().is_some_and(|at| at >= self.monitors.len()) {
            return;
        }
        match happening {
            H::Kill(who) => self.world.kill(self.who(who)),
            H::Start(who) => self.world.start(self.who(who)),
            H::Freeze(who) => self.world.freeze(self.who(who)),
            H::Thaw(who) => self.world.thaw(self.who(who)),
            H::Failover(beside) => self.fail_over(beside),
            H::Promote(who) => self.promote(self.who(who)),
            H::Rejoin(who) => self.rejoin(self.who(who)),
            H::RejoinWithItsEnd(who) => self.rejoin_with_its_end(self.who(who)),
            H::Errant(who, changes, domain) => {
                self.world.write_errant(self.who(who), changes, domain);
            }
            H::ReadOnly(who, so) => self.set_read_only(self.who(who), so),
            H::Stall(who, so) => {
                let index = self.who(who);
                self.world.hosts[index].stalled = so;
            }
            H::Repoint => self.repoint(),
            H::Switchover => self.switch_over(),
            H::Rebuild(who) => self.rebuild(self.who(who)),
            H::Copy(who) => self.copy(self.who(who)),
            H::LoseVolume(who) => self.lose_volume(self.who(who)),
            H::Restore(who) => self.restore(self.who(who)),
            H::Stray(who, timeline) => self.stray(self.who(who), timeline),
            H::Partition(who) => self.world.partition(self.who(who)),
            H::Reunite(who, with) => self.world.reunite(self.who(who), self.who(with)),
            H::Async(who, of) => {
                let (index, of) = (self.who(who), self.who(of));
                if index != of && self.world.hosts[of].group.is_some() {
                    self.world.leave_group(index, of);
                }
            }
            H::Bootstrap(who) => self.world.bootstrap(self.who(who)),
            H::Isolated(at, so) => self.monitors[at].isolated = so,
            H::RestartWarm(at) => self.monitors[at].restart_warm(now),
            H::RestartCold(at) => self.monitors[at].restart_cold(now),
            H::RestartOld(at) => self.monitors[at].restart_old(now),
            H::Remember(at) => {
                let monitor = &mut self.monitors[at];
                monitor.memory = monitor.engine.remember(super::monitor::CLUSTER);
            }
            H::Rename(at, who) => {
                let host = self.who(who);
                self.monitors[at].rename(host, now);
            }
            H::Remove(at, who) => {
                let host = self.who(who);
                self.monitors[at].remove(host, now);
            }
            H::Complete(at) => self.monitors[at].complete(now),
            H::Swap(at, one, other) => {
                let (one, other) = (self.who(one), self.who(other));
                self.monitors[at].swap(one, other, now);
            }
            H::Pin(..) | H::Drain(..) | H::Hold(_) => self.lay(happening),
            H::Accept => self.accept(),
            _ => self.set(happening),
        }
    }

    /// What only sets a property of a server or of the world.
    fn set(&mut self, happening: Happening) {
        use Happening as H;
        let at = |who| self.who(who);
        let (index, of) = match happening {
            H::Cascade(who, of) => (at(who), at(of)),
            H::Plugged(who, _)
            | H::Paused(who, _)
            | H::Broken(who, _)
            | H::Late(who, _)
            | H::Delayed(who, _)
            | H::Hidden(who, _)
            | H::OldControlFile(who, _)
            | H::Archive(who)
            | H::DomainBlocked(who, _)
            | H::Migrates(who, _)
            | H::Refuses(who, _)
            | H::CutOff(who, _)
            | H::Donor(who, _) => (at(who), 0),
            _ => (0, 0),
        };
        let founder_id = self.world.hosts[self.truth.rightful].server_id;
        if let H::Writes(so) = happening {
            self.world.writes = so;
        }
        let chain_ends = index != of && !self.leads_to(of, index);
        let host = &mut self.world.hosts[index];
        let timeline = host.history.timeline();
        let standby = matches!(host.role, Role::Standby { .. });
        match happening {
            H::Cascade(..) if standby && host.stray.is_none() && chain_ends => {
                host.role = Role::Standby { of };
            }
            H::Plugged(_, so) => host.unplugged = !so,
            H::Paused(_, so) if standby => host.paused = so,
            H::Broken(_, so) if standby => host.broken = so,
            H::Late(_, late) if standby => host.lag = Duration::from_secs(late),
            H::Delayed(_, late) if standby => host.delay = Duration::from_secs(late),
            H::Hidden(_, so) => host.hidden = so,
            H::OldControlFile(_, so) if standby => {
                host.control_timeline = so.then(|| timeline.saturating_sub(1).max(1));
            }
            H::Archive(_) if standby => host.archive = true,
            H::DomainBlocked(_, so) if standby => host.side_blocked = so,
            H::Migrates(_, running) if standby => {
                let received = host.outside.map_or(0, |outside| outside.received);
                host.outside = Some(Outside { server_id: founder_id, running, received });
            }
            H::Refuses(_, kind) => host.refuses = kind,
            H::CutOff(_, so) => host.cut_off = so,
            H::Donor(_, so) => {
                if let Some(member) = &mut host.group {
                    member.donor = so;
                }
            }
            _ => {}
        }
    }

    fn leads_to(&self, from: usize, to: usize) -> bool {
        let mut at = from;
        for _ in 0..self.world.hosts.len() {
            if at == to {
                return true;
            }
            let Role::Standby { of } = self.world.hosts[at].role else { return false };
            at = of;
        }
        true
    }

    fn fail_over(&mut self, beside_its_channel: bool) {
        let writer = self.truth.rightful;
        if !self.truth.is_lost() && self.world.hosts[writer].takes_writes() {
            return;
        }
        let Some(heir) = self.truth.heir(self.world) else { return };
        self.crown(heir, beside_its_channel && self.world.kind == ClusterKind::MySql);
    }

    /// Somebody promotes a standby that has nothing but the cluster's history, though others may have
    /// more of it.
    fn promote(&mut self, index: usize) {
        let (writer, line) = (self.truth.rightful, self.truth.line(self.world));
        let host = &self.world.hosts[index];
        let vacant = self.truth.is_lost() || !self.world.hosts[writer].takes_writes();
        let standby = matches!(host.role, Role::Standby { .. });
        let inherits = self.truth.impostors[index].is_none() && host.history.begins(line);
        let same =
            self.world.kind != ClusterKind::Postgres || host.history.timeline() == line.timeline();
        if vacant && standby && host.runs() && inherits && same && !host.broken && !host.paused {
            // MySQL: it has not inherited while others have more.
            let own = host.history.length();
            let mut others = self.world.hosts.iter();
            let is_behind = others.any(|it| it.runs() && it.history.length() > own);
            self.truth.disputed |= is_behind && self.world.kind == ClusterKind::MySql;
            self.crown(index, false);
        }
    }

    fn rejoin(&mut self, index: usize) {
        let writer = self.truth.rightful;
        if index != writer && self.world.hosts[writer].runs() && !self.truth.is_lost() {
            self.world.rejoin(index, writer);
            self.must_follow(index);
            let line = &self.world.hosts[writer].history;
            match self.world.hosts[index].history.begins(line) {
                true => self.truth.impostors[index] = None,
                // What it has and the writer has not keeps it from following.
                false => self.truth.disputed |= self.world.kind == ClusterKind::MySql,
            }
        }
    }

    fn rejoin_with_its_end(&mut self, index: usize) {
        let writer = self.truth.rightful;
        let is_mysql = self.world.breed == crate::world::Breed::MySql;
        let runs = self.world.hosts[index].runs() && self.world.hosts[writer].runs();
        // One that shares nothing with the writer has to be built anew.
        let line = &self.world.hosts[writer].history;
        let shares = self.world.hosts[index].history.shared_with(line) > 0;
        if index != writer && is_mysql && runs && shares && !self.truth.is_lost() {
            self.world.rejoin_with_its_end(index, writer);
            self.must_follow(index);
            self.truth.impostors[index] = None;
        }
    }

    /// It proves nothing before it has been seen following.
    fn must_follow(&mut self, index: usize) {
        for monitor in &mut *self.monitors {
            monitor.knowledge.servers[index].unproven = true;
        }
    }

    fn set_read_only(&mut self, index: usize, so: bool) {
        let writer = self.truth.rightful;
        if self.world.hosts[index].role != Role::Primary {
            return;
        }
        self.world.hosts[index].read_only = so;
        // MySQL: that is a promotion when the heir is not there or has resigned, and a split brain when
        // it is as new.
        // One that has lost its volume is not the heir any more, however writable it is.
        let is_there = is_visible(writer, &*self.world)
            && self.world.hosts[writer].takes_writes()
            && !self.truth.is_lost();
        let at_once = self.now.since(self.truth.since) < Duration::from_secs(6);
        let is_mysql = self.world.kind == ClusterKind::MySql;
        if !so && index != writer && (!is_there || at_once) && is_mysql {
            self.truth.disputed = true;
        }
    }

    fn crown(&mut self, heir: usize, beside_its_channel: bool) {
        let fork = self.world.hosts[heir].history.length();
        match beside_its_channel {
            true => self.world.promote_beside_its_channel(heir),
            false => self.world.promote(heir),
        }
        self.world.hosts[heir].lag = Duration::ZERO;
        self.world.hosts[heir].delay = Duration::ZERO;
        self.truth.crown(heir);
        self.truth.since = self.now;
        for monitor in &mut *self.monitors {
            monitor.knowledge.fork_at(fork);
        }
    }

    fn repoint(&mut self) {
        let writer = self.truth.rightful;
        for index in 0..self.world.hosts.len() {
            if self.truth.impostors[index].is_none() && self.world.hosts[index].runs() {
                self.world.follow(index, writer);
            }
        }
    }

    fn switch_over(&mut self) {
        let (old, kind) = (self.truth.rightful, self.world.kind);
        let length = self.world.hosts[old].history.length();
        let Some(heir) = self.truth.heir(self.world) else { return };
        let caught_up = self.world.hosts[heir].history.length() == length;
        if !self.world.hosts[old].takes_writes() || self.truth.is_lost() || !caught_up {
            return;
        }
        self.crown(heir, false);
        self.world.rejoin(old, heir);
        self.world.hosts[old].read_only = kind == ClusterKind::MySql;
        self.truth.impostors[old] = None;
        self.repoint();
    }

    fn rebuild(&mut self, index: usize) {
        let writer = self.truth.rightful;
        if index != writer && self.world.hosts[writer].runs() && !self.truth.is_lost() {
            self.world.rebuild(index, writer);
            self.truth.impostors[index] = None;
            self.begin_anew(index);
        }
    }

    fn copy(&mut self, index: usize) {
        let writer = self.truth.rightful;
        if index != writer && self.world.hosts[writer].runs() && !self.truth.is_lost() {
            // MySQL: a copy of one that writes nothing itself goes on with its history.
            let idle = !self.world.hosts[writer].takes_writes() || !self.world.writes;
            self.truth.disputed |= idle && self.world.kind == ClusterKind::MySql;
            self.world.clone_writable(index, writer);
            self.truth.disown(index, Impostor::Copy, self.world);
            self.begin_anew(index);
        }
    }

    fn restore(&mut self, index: usize) {
        let writer = self.truth.rightful;
        if index != writer && !self.truth.is_lost() {
            let long_ago = self.now.before(Duration::from_secs(8));
            let had = self.world.hosts[index].history.clone();
            self.world.restore(index, writer, long_ago);
            // With everything that it surely had on its disk it looks like a copy.
            let settled = had.cut(self.world.settled(&had, Duration::from_secs(8)));
            let is_copy = settled.begins(&self.world.hosts[index].history);
            let impostor = if is_copy { Impostor::Copy } else { Impostor::Lost };
            self.truth.disown(index, impostor, self.world);
            self.begin_anew(index);
        }
    }

    fn lose_volume(&mut self, index: usize) {
        self.truth.disown(index, Impostor::Lost, self.world);
        self.world.lose_volume(index);
        self.begin_anew(index);
    }

    fn stray(&mut self, index: usize, timeline: u32) {
        let timeline = self.world.timeline(index) + timeline;
        let standby = matches!(self.world.hosts[index].role, Role::Standby { .. });
        if standby && self.world.kind == ClusterKind::Postgres {
            self.world.stray(index, timeline);
            self.truth.disown(index, Impostor::Stray, self.world);
            self.begin_anew(index);
        }
    }

    /// It is something else now, and nobody has been told yet.
    fn begin_anew(&mut self, index: usize) {
        for monitor in &mut *self.monitors {
            monitor.knowledge.begin_anew(index);
        }
    }

    fn lay(&mut self, happening: Happening) {
        let (at, wish) = match happening {
            Happening::Pin(at, who) | Happening::Drain(at, who) => {
                let Some(place) = self.monitors[at].place(self.who(who)) else { return };
                let server = ServerIndex::new(place);
                let drain = Wish::Drain { server, force: true };
                match happening {
                    Happening::Pin(..) => (at, Wish::Pin { server, even_if_not_writable: false }),
                    _ => (at, drain),
                }
            }
            Happening::Hold(at) => (at, Wish::Freeze),
            _ => return,
        };
        self.monitors[at].lay(wish, Duration::from_secs(6), self.now);
    }

    fn accept(&mut self) {
        let writer = self.truth.rightful;
        if !self.truth.is_lost() && self.world.hosts[writer].runs() {
            return;
        }
        let takes = |index: &usize| {
            self.world.hosts[*index].takes_writes() && is_visible(*index, self.world)
        };
        let Some(chosen) = (0..self.world.hosts.len()).find(takes) else { return };
        // An operator accepts what the monitors show.
        if self.monitors.iter().any(|it| it.knowledge.servers[chosen].replies == 0) {
            return;
        }
        self.truth.crown(chosen);
        self.truth.accepted = true;
        (0..self.world.hosts.len()).filter(|it| *it != chosen).for_each(|it| self.must_follow(it));
        for index in 0..self.world.hosts.len() {
            let line = &self.world.hosts[chosen].history;
            if index != chosen && !self.world.hosts[index].history.begins(line) {
                self.truth.impostors[index] = Some(Impostor::Succeeded);
            }
        }
        for monitor in &mut *self.monitors {
            monitor.knowledge.fork_at(0);
            if !monitor.accept(chosen, self.now) {
                self.truth.disputed = true;
            }
        }
    }
}
