//! Servers that decide among themselves who counts: Galera and Group Replication.
//!
//! Members of one component see each other. A component goes on while it holds more than half of
//! the members of its last view; who is killed leaves the view of those that have a majority
//! without him.

use pointsman::engine::{Galera, Group, GroupMember, GroupRole};

use super::{Breed, World, address, history::History, host::Process, mysql::uuid};

/// The name of the group, and the UUID of the Galera cluster.
pub(super) const NAME: &str = "7e6f8e8c-0000-11ef-8000-0242ac110002";

/// The part of a server in its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    /// Whom it can see: the servers with the same number.
    pub component: usize,
    /// The members of the last view with a quorum that it was in.
    pub view: Vec<usize>,
    /// The view has a quorum now.
    pub quorate: bool,
    /// It is a donor, or desynchronised by a backup.
    pub donor: bool,
    /// It has what the others have.
    pub synced: bool,
    /// Group Replication: it is the elected one, or all may write.
    pub elected: bool,
    /// Transactions that wait to be applied.
    pub queue: u64,
}

impl Membership {
    pub(super) fn may_write(&self) -> bool {
        self.quorate && self.synced && self.elected
    }

    pub(super) fn takes_writes(&self) -> bool {
        self.may_write() && !self.donor
    }
}

impl World {
    pub(super) fn join_all(&mut self) {
        let everybody: Vec<_> = (0..self.hosts.len()).collect();
        for (index, host) in self.hosts.iter_mut().enumerate() {
            host.group = Some(Membership {
                component: 0,
                view: everybody.clone(),
                quorate: true,
                donor: false,
                synced: true,
                elected: self.breed == Breed::Galera || index == 0,
                queue: 0,
            });
            host.read_only = false;
        }
    }

    /// An asynchronous replica of a member, outside the group.
    pub(crate) fn leave_group(&mut self, index: usize, of: usize) {
        self.hosts[index].group = None;
        self.rejoin(index, of);
        for member in self.hosts.iter_mut().filter_map(|host| host.group.as_mut()) {
            member.view.retain(|member| *member != index);
        }
    }

    /// Nobody in the group sees it any more, and it sees nobody.
    pub(crate) fn partition(&mut self, index: usize) {
        let fresh = 1 + self.members().map(|(_, member)| member.component).max().unwrap_or(0);
        if let Some(member) = &mut self.hosts[index].group {
            member.component = fresh;
        }
    }

    /// It sees the members of the component of `of` again.
    pub(crate) fn reunite(&mut self, index: usize, of: usize) {
        let component = self.hosts[of].group.as_ref().map_or(0, |member| member.component);
        if let Some(member) = &mut self.hosts[index].group {
            (member.component, member.synced) = (component, false);
        }
    }

    /// An operator declares it a primary component of its own, under the old UUID.
    pub(crate) fn bootstrap(&mut self, index: usize) {
        self.partition(index);
        if let Some(member) = &mut self.hosts[index].group {
            (member.view, member.quorate, member.synced) = (vec![index], true, true);
        }
        let timeline = self.timeline(index);
        let writer = self.group_writer(index, timeline);
        self.hosts[index].writes_as = Some(writer);
    }

    /// Several components have a quorum.
    pub(crate) fn is_split(&self) -> bool {
        let quorate = self.members().filter(|(_, member)| member.quorate);
        let mut components = quorate.map(|(_, member)| member.component);
        let first = components.next();
        components.any(|component| Some(component) != first)
    }

    fn members(&self) -> impl Iterator<Item = (usize, &Membership)> {
        self.hosts
            .iter()
            .enumerate()
            .filter_map(|(index, host)| Some((index, host.group.as_ref()?)))
    }

    fn living_members_of(&self, component: usize) -> Vec<usize> {
        let sees = |index: &usize| {
            matches!(self.hosts[*index].process, Process::Running | Process::Starting)
        };
        let members = self.members().filter(|(_, member)| member.component == component);
        members.map(|(index, _)| index).filter(sees).collect()
    }

    /// Views change, writers are elected, joiners catch up, and all in a component get its writes.
    pub(super) fn tick_groups(&mut self) {
        let mut components: Vec<_> = self.members().map(|(_, member)| member.component).collect();
        components.sort_unstable();
        components.dedup();
        for component in components {
            let living = self.living_members_of(component);
            let was_in_step =
                |index: &&usize| self.hosts[**index].group.as_ref().is_some_and(|it| it.synced);
            let view = living
                .iter()
                .find(was_in_step)
                .and_then(|index| Some(self.hosts[*index].group.as_ref()?.view.clone()));
            let Some(view) = view else {
                self.set_views(&living, None);
                continue;
            };
            let present = living.iter().filter(|index| view.contains(index)).count();
            let quorate = present * 2 > view.len();
            self.set_views(&living, quorate.then_some(&living));
            if quorate {
                self.elect(&living);
                self.write_in_group(&living);
            }
        }
        for host in &mut self.hosts {
            // One that died starts with nobody's trust, and takes a tick to join.
            if !matches!(host.process, Process::Running | Process::Starting)
                && let Some(member) = &mut host.group
            {
                (member.synced, member.quorate) = (false, false);
            }
        }
    }

    fn set_views(&mut self, living: &[usize], view: Option<&Vec<usize>>) {
        for index in living {
            if let Some(member) = &mut self.hosts[*index].group {
                member.quorate = view.is_some();
                if let Some(view) = view {
                    member.view.clone_from(view);
                }
            }
        }
    }

    fn elect(&mut self, living: &[usize]) {
        if self.breed == Breed::Galera || self.multi_primary {
            for index in living {
                if let Some(member) = &mut self.hosts[*index].group {
                    member.elected = true;
                }
            }
            return;
        }
        let is = |index: &usize, test: fn(&Membership) -> bool| {
            self.hosts[*index].group.as_ref().is_some_and(test)
        };
        let present = living.iter().copied().find(|index| is(index, |it| it.elected && it.synced));
        let first = living.iter().copied().find(|index| is(index, |it| it.synced));
        let writer = present.or(first);
        for index in living {
            if let Some(member) = &mut self.hosts[*index].group {
                member.elected = Some(*index) == writer;
            }
        }
    }

    fn write_in_group(&mut self, living: &[usize]) {
        let synced =
            |index: &&usize| self.hosts[**index].group.as_ref().is_some_and(|it| it.synced);
        let Some(&lead) = living.iter().find(synced) else { return };
        if self.writes && living.iter().any(|index| self.hosts[*index].takes_writes()) {
            if self.hosts[lead].writes_as.is_none() {
                // All members write one history.
                let last = self.hosts[lead].history.0.last().map(|(writer, _)| *writer);
                self.hosts[lead].writes_as = last;
            }
            self.write(lead, 10);
        }
        let history: History = self.hosts[lead].history.clone();
        let writes_as = self.hosts[lead].writes_as;
        for index in living {
            let host = &mut self.hosts[*index];
            host.history.clone_from(&history);
            host.writes_as = writes_as;
            if host.runs()
                && let Some(member) = &mut host.group
            {
                member.synced = true;
            }
        }
    }

    pub(super) fn group_facts(&self, index: usize, member: &Membership) -> Group {
        let view = || self.living_members_of(member.component).into_iter();
        match self.breed {
            Breed::Group => Group::Replication(GroupMember {
                online: member.synced,
                role: match member.elected {
                    true => GroupRole::Primary,
                    false => GroupRole::Secondary,
                },
                majority: member.quorate,
                queue: member.queue,
                group_name: Some(NAME.into()),
                members: view()
                    .map(|other| uuid(other, self.hosts[other].incarnation).into())
                    .collect(),
            }),
            _ => Group::Galera(Galera {
                cluster_uuid: match self.hosts[index].system {
                    1 => NAME.into(),
                    other => format!("{other:08x}-0000-11ef-8000-0242ac110002").into(),
                },
                ready: member.quorate && member.synced,
                primary_component: member.quorate,
                local_state: match (member.quorate, member.synced, member.donor) {
                    (false, ..) => 0,
                    (true, false, _) => 1,
                    (true, true, true) => 2,
                    (true, true, false) => 4,
                },
                refuses_clients: false,
                receive_queue: member.queue,
                members: view().map(|other| format!("{}:3306", address(other)).into()).collect(),
            }),
        }
    }
}
