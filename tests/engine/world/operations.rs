//! What happens to servers: they die, come back, are promoted, rebuilt and copied.

use std::time::Duration;

use pointsman::engine::{ClusterKind, Moment};

use super::{
    Breed, World,
    errant::Errants,
    history::{History, Writer},
    host::{Process, Role},
};

impl World {
    pub(crate) fn kill(&mut self, index: usize) {
        self.hosts[index].process = Process::Stopped;
    }

    /// Starts as what it was: a primary that crashed comes back writable (MySQL without `read_only`
    /// in its file, too).
    pub(crate) fn start(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        if host.process == Process::Stopped {
            host.process = Process::Starting;
            host.starts += 1;
        }
    }

    pub(crate) fn freeze(&mut self, index: usize) {
        if self.hosts[index].runs() {
            self.hosts[index].process = Process::Frozen;
        }
    }

    pub(crate) fn thaw(&mut self, index: usize) {
        if self.hosts[index].process == Process::Frozen {
            self.hosts[index].process = Process::Running;
        }
    }

    /// A standby becomes a primary, on a timeline of its own, and forgets whom it followed.
    pub(crate) fn promote(&mut self, index: usize) {
        self.promote_to(index, self.timeline(index) + 1);
    }

    /// The same, on this timeline: the archive knows of others.
    pub(crate) fn promote_to(&mut self, index: usize, timeline: u32) {
        let writer = self.writer(index, timeline);
        let host = &mut self.hosts[index];
        if !host.runs() || host.role == Role::Primary || host.group.is_some() {
            return;
        }
        host.role = Role::Primary;
        (host.read_only, host.paused, host.broken) = (false, false, false);
        (host.stopped, host.second) = (false, None);
        (host.stray, host.control_timeline, host.received_timeline) = (None, None, None);
        host.archive = false;
        host.writes_as = Some(writer);
        self.write(index, 1);
    }

    /// MySQL: promoted, and nobody has written anything yet.
    pub(crate) fn promote_idle(&mut self, index: usize) {
        let (length, stays) =
            (self.hosts[index].history.length(), self.hosts[index].history.clone());
        self.promote(index);
        if self.hosts[index].role == Role::Primary {
            (self.hosts[index].history, self.hosts[index].replayed) = (stays, length);
        }
    }

    /// MySQL: promoted with `STOP REPLICA` alone, so that the stopped channel stays.
    pub(crate) fn promote_beside_its_channel(&mut self, index: usize) {
        let source = self.hosts[index].role;
        self.promote(index);
        if let Role::Standby { of } = source {
            self.hosts[index].left_channel = Some(of);
        }
    }

    /// Rebuilt from `of` and started as its standby.
    pub(crate) fn rebuild(&mut self, index: usize, of: usize) {
        if index == of {
            return;
        }
        self.copy(index, of, None);
        let read_only = self.kind == ClusterKind::MySql;
        let host = &mut self.hosts[index];
        host.role = Role::Standby { of };
        host.read_only = read_only;
    }

    /// Follows another server from now on, without losing what it has.
    pub(crate) fn follow(&mut self, index: usize, of: usize) {
        if matches!(self.hosts[index].role, Role::Standby { .. }) && index != of {
            self.hosts[index].role = Role::Standby { of };
            self.hosts[index].stray = None;
        }
    }

    /// A former primary follows another server without having been rebuilt: MySQL and MariaDB, and
    /// PostgreSQL with a `standby.signal`.
    pub(crate) fn rejoin(&mut self, index: usize, of: usize) {
        if index == of {
            return;
        }
        let read_only = self.kind == ClusterKind::MySql;
        let host = &mut self.hosts[index];
        // PostgreSQL looks for its `standby.signal` only when it starts.
        host.starts += u32::from(!read_only);
        host.role = Role::Standby { of };
        (host.read_only, host.stray, host.writes_as) = (read_only, None, None);
    }

    /// A copy of `of` that is started writable: nobody has promoted it.
    pub(crate) fn clone_writable(&mut self, index: usize, of: usize) {
        if index != of {
            self.copy(index, of, None);
            self.make_writable(index);
        }
    }

    /// The same with the marks of `of`: copied with `auto.cnf` and `server_id`.
    pub(crate) fn clone_twin(&mut self, index: usize, of: usize) {
        if index != of {
            self.copy(index, of, None);
            self.hosts[index].uuid_of = Some(of);
            self.hosts[index].server_id = self.hosts[of].server_id;
            self.make_writable(index);
        }
    }

    /// An older copy of `of`, started writable.
    pub(crate) fn restore(&mut self, index: usize, of: usize, at: Moment) {
        self.copy(index, of, Some(at));
        self.make_writable(index);
    }

    /// The disk is lost: the server comes up empty and writable at the same address.
    pub(crate) fn lose_volume(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        host.reinstall();
        host.history = History::default();
        (host.replayed, host.side) = (0, 0);
        host.system = 1000 * u64::from(host.incarnation) + u64::from(host.server_id);
        self.make_writable(index);
    }

    /// Follows a server outside that was promoted there, on this timeline: a sandbox that wrote into
    /// the archive, or a mistaken address.
    pub(crate) fn stray(&mut self, index: usize, timeline: u32) {
        let writer = self.writer(self.hosts.len() + index, timeline);
        let host = &mut self.hosts[index];
        if matches!(host.role, Role::Standby { .. }) {
            host.stray = Some(writer);
        }
    }

    /// How long a history was so long before its last change.
    pub(crate) fn settled(&self, history: &History, before: Duration) -> u64 {
        let last = self.journal.written_after(history, history.length().saturating_sub(1));
        last.map_or(0, |last| self.journal.length_at(history, last.before(before)))
    }

    /// MySQL: started without its `auto.cnf`, it makes itself another uuid.
    pub(crate) fn renew_uuid(&mut self, index: usize) {
        self.hosts[index].incarnation += 1;
        let writes = self.hosts[index].writes_as.is_some();
        let writer = self.writer(index, self.timeline(index));
        self.hosts[index].writes_as = writes.then_some(writer);
    }

    /// `RESET MASTER`: GTIDs and positions begin anew.
    pub(crate) fn reset(&mut self, index: usize) {
        self.hosts[index].reset_at = self.hosts[index].history.length();
        self.hosts[index].errants = Errants::default();
    }

    fn copy(&mut self, index: usize, of: usize, at: Option<Moment>) {
        let source = &self.hosts[of];
        let length = match at {
            Some(at) => self.journal.length_at(&source.history, at),
            None => source.history.length(),
        };
        let (history, system, side) = (source.history.cut(length), source.system, source.side);
        let errants = source.errants.clone();
        let host = &mut self.hosts[index];
        let incarnation = host.incarnation;
        host.reinstall();
        // MariaDB has no uuid, and is called the same after a rebuild.
        if self.breed != Breed::MySql {
            host.incarnation = incarnation;
        }
        (host.history, host.system, host.side) = (history, system, side);
        host.errants = errants;
        host.replayed = length;
    }

    fn make_writable(&mut self, index: usize) {
        let writer = self.writer(index, self.timeline(index));
        let host = &mut self.hosts[index];
        (host.role, host.read_only) = (Role::Primary, false);
        host.writes_as = Some(writer);
    }

    /// A branch of its own for a server that begins to write.
    fn writer(&mut self, server: usize, timeline: u32) -> Writer {
        let incarnation = self.hosts.get(server).map_or(0, |host| host.incarnation);
        let id = self.hosts.get(server).map_or(0, |host| host.server_id);
        let domain = if self.own_domains { id } else { 0 };
        let origin = self.hosts.get(server).and_then(|host| host.uuid_of).map_or(server, |it| it);
        let twin = self.hosts.get(origin).map_or(0, |host| host.incarnation);
        let incarnation = if origin == server { incarnation } else { twin };
        let from = self.last_number(server, (origin, incarnation, domain));
        let branch = self.journal.branch();
        Writer { server: origin, incarnation, timeline, branch, from, domain }
    }
}
