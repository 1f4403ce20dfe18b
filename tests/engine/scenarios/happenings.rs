//! What happens to servers in a story.
//!
//! ```text
//! kill db1          start db1           it crashes; it comes back as what it was
//! freeze db1        thaw db1            nothing of it moves
//! promote db2                           a standby becomes a primary (PostgreSQL: on a new timeline)
//! promote db2 idle                      MySQL: and nothing is written by that
//! promote db2 to 3                      PostgreSQL: on this timeline, for the archive knows of others
//! promote db2 beside its channel        MySQL: with the stopped channel left behind
//! rebuild db1 of db2                    copied from it, and started as its standby
//! rejoin db1 of db2                     a former primary follows as it is
//! follow db3 db2                        a standby follows another server
//! clone db3 of db1                      copied, and started writable; nobody promoted it
//! restore db1 of db2 at 5s              the same, as the server was at that moment
//! recover db1 of db2 at 5s              PostgreSQL: point-in-time recovery, on a new timeline
//! lose volume db2                       comes up empty and writable (MySQL: with a new uuid)
//! stray db3 2                           PostgreSQL: follows a promotion outside, on timeline 2
//! archive db3                           PostgreSQL: recovers from an archive, without a receiver
//! show timeline 2 at db4                PostgreSQL: in the control file
//! show received 2 at db4                PostgreSQL: of the receiver
//! show nothing at db4                   the truth again
//! hide db2          unhide db2          channels, or the receiver, from the probe's role
//! pause db2         resume db2          replay
//! break db2         mend db2            the applier
//! errant db2 3                          a replica writes so much itself, and goes on as a replica
//! errant db2 3 in domain 9              MariaDB: in another GTID domain
//! rejoin db1 of db2 with its end        MySQL: what db2 lacks is errant from then on
//! twin db3 of db1                       a clone with its `auto.cnf` and `server_id`
//! stop db2          go on db2           both threads of its channel
//! second db3 of db2                     one more channel, from this member
//! ignore domain db2                     MariaDB: leaves the second GTID domain out
//! unplug db2        plug db2            from its source
//! lag db2 30s                           replays only what is so old; `lag db2 0s` ends it
//! delay db2 60s                         the same by configuration, and it says so
//! says-behind db2 3600                  shows this lag itself; `says-behind db2 truth` ends it
//! ring db1 db2                          a primary replicates from another one
//! migrate db2 server-id 1               a channel from outside, of a server with this id
//! stop migration db2                    that channel is stopped
//! server-id db2 1                       its own id
//! uuid db3 of db1                       copied with `auto.cnf`
//! renew uuid db1                        MySQL: its `auto.cnf` is gone, so that it makes another one
//! block domain db2  unblock domain db2  the applier of the second GTID domain
//! reset db1                             `RESET MASTER`: GTIDs and positions begin anew
//! partition db3     reunite db3 db1     a group: it sees nobody; it sees that one's component
//! bootstrap db3                         declared a primary component of its own, by hand
//! donor db1         synced db1          Galera: feeds a joiner, or is desynchronised
//! queue db1 5000                        so many transactions wait to be applied
//! async db4 of db1                      leaves the group and replicates from a member
//! stall db1         recover db1         it answers, and writes hang
//! read-only db1     read-write db1
//! foreign db1                           it has another system identifier, or group UUID
//! cut off db1       reconnect db1       from the monitor alone
//! silence db1       unsilence db1       its probe task reports nothing
//! loss 20% db2                          so many of its probes are lost
//! slow db2 2s                           its replies take so long
//! stop writes       go on writing
//! db1 refuses Misconfigured             db1 accepts
//! ```

use std::time::Duration;

use pointsman::engine::{Failure, FailureKind, Outcome};

use super::script::{duration, moment};
use crate::world::{Outside, Process, World};

/// Which server of the world has a name.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> usize;

pub(super) fn apply(world: &mut World, at: Lookup<'_>, words: &[&str]) {
    let done = live_and_die(world, at, words)
        || copy(world, at, words)
        || replicate(world, at, words)
        || show(world, at, words)
        || gather(world, at, words)
        || reach(world, at, words);
    assert!(done, "no such operation: {words:?}");
}

/// A probe that nobody answered.
pub(super) fn lost() -> Outcome {
    Outcome::Failed(Failure::new(FailureKind::TimedOut, ""))
}

fn live_and_die(world: &mut World, at: Lookup<'_>, words: &[&str]) -> bool {
    match *words {
        ["kill", name] => world.kill(at(name)),
        ["start", name] => world.start(at(name)),
        ["freeze", name] => world.freeze(at(name)),
        ["thaw", name] => world.thaw(at(name)),
        ["promote", name] => world.promote(at(name)),
        ["promote", name, "idle"] => world.promote_idle(at(name)),
        ["promote", name, "to", timeline] => {
            world.promote_to(at(name), timeline.parse().expect("a number"));
        }
        ["promote", name, "beside", "its", "channel"] => {
            world.promote_beside_its_channel(at(name));
        }
        ["stall", name] => world.hosts[at(name)].stalled = true,
        ["recover", name] => world.hosts[at(name)].stalled = false,
        ["read-only", name] => world.hosts[at(name)].read_only = true,
        ["read-write", name] => world.hosts[at(name)].read_only = false,
        ["restart-as-primary", name] => {
            let host = &mut world.hosts[at(name)];
            (host.process, host.read_only) = (Process::Running, false);
        }
        ["stop", "writes"] => world.writes = false,
        ["go", "on", "writing"] => world.writes = true,
        _ => return false,
    }
    true
}

fn copy(world: &mut World, at: Lookup<'_>, words: &[&str]) -> bool {
    match *words {
        ["rebuild", name, "of", source] => world.rebuild(at(name), at(source)),
        ["rejoin", name, "of", source, "with", "its", "end"] => {
            world.rejoin_with_its_end(at(name), at(source));
        }
        ["twin", name, "of", source] => world.clone_twin(at(name), at(source)),
        ["rejoin", name, "of", source] => world.rejoin(at(name), at(source)),
        ["clone", name, "of", source] => world.clone_writable(at(name), at(source)),
        ["restore", name, "of", source, "at", when] => {
            world.restore(at(name), at(source), moment(when));
        }
        ["recover", name, "of", source, "at", when] => {
            let (index, of) = (at(name), at(source));
            world.restore(index, of, moment(when));
            world.rejoin(index, of);
            world.promote(index);
        }
        ["lose", "volume", name] => world.lose_volume(at(name)),
        ["foreign", name] => world.hosts[at(name)].system = 2,
        ["server-id", name, id] => {
            world.hosts[at(name)].server_id = id.parse().expect("a number");
        }
        ["uuid", name, "of", source] => {
            world.hosts[at(name)].uuid_of = Some(at(source));
        }
        ["renew", "uuid", name] => world.renew_uuid(at(name)),
        ["reset", name] => world.reset(at(name)),
        _ => return false,
    }
    true
}

fn replicate(world: &mut World, at: Lookup<'_>, words: &[&str]) -> bool {
    match *words {
        ["follow", name, source] => world.follow(at(name), at(source)),
        ["pause", name] => world.hosts[at(name)].paused = true,
        ["resume", name] => world.hosts[at(name)].paused = false,
        ["break", name] => world.hosts[at(name)].broken = true,
        ["mend", name] => world.hosts[at(name)].broken = false,
        ["unplug", name] => world.hosts[at(name)].unplugged = true,
        ["plug", name] => world.hosts[at(name)].unplugged = false,
        ["errant", name, changes] => {
            world.write_errant(at(name), changes.parse().expect("a number"), 0);
        }
        ["errant", name, changes, "in", "domain", domain] => {
            let domain = domain.parse().expect("a number");
            world.write_errant(at(name), changes.parse().expect("a number"), domain);
        }
        ["stop", name] => world.hosts[at(name)].stopped = true,
        ["go", "on", name] => world.hosts[at(name)].stopped = false,
        ["second", name, "of", source] => world.hosts[at(name)].second = Some(at(source)),
        ["ignore", "domain", name] => world.hosts[at(name)].side_ignored = true,
        ["lag", name, late] => world.hosts[at(name)].lag = duration(late),
        ["delay", name, late] => world.hosts[at(name)].delay = duration(late),
        ["ring", name, source] => world.hosts[at(name)].ring_of = Some(at(source)),
        ["stray", name, timeline] => {
            world.stray(at(name), timeline.parse().expect("a number"));
        }
        ["archive", name] => world.hosts[at(name)].archive = true,
        ["migrate", name, "server-id", id] => {
            let server_id = id.parse().expect("a number");
            let outside = Outside { server_id, running: true, received: 0 };
            world.hosts[at(name)].outside = Some(outside);
        }
        ["stop", "migration", name] => {
            let outside = world.hosts[at(name)].outside.as_mut();
            outside.expect("a migration that began").running = false;
        }
        ["block", "domain", name] => world.hosts[at(name)].side_blocked = true,
        ["unblock", "domain", name] => world.hosts[at(name)].side_blocked = false,
        _ => return false,
    }
    true
}

fn show(world: &mut World, at: Lookup<'_>, words: &[&str]) -> bool {
    let number = |text: &str| Some(text.parse().expect("a number"));
    match *words {
        ["show", "timeline", timeline, "at", name] => {
            world.hosts[at(name)].control_timeline = number(timeline);
        }
        ["show", "received", timeline, "at", name] => {
            world.hosts[at(name)].received_timeline = number(timeline);
        }
        ["show", "nothing", "at", name] => {
            let host = &mut world.hosts[at(name)];
            (host.control_timeline, host.received_timeline) = (None, None);
        }
        ["hide", name] => world.hosts[at(name)].hidden = true,
        ["unhide", name] => world.hosts[at(name)].hidden = false,
        ["says-behind", name, "truth"] => world.hosts[at(name)].says_behind = None,
        ["says-behind", name, seconds] => {
            let seconds = seconds.parse().expect("a number");
            world.hosts[at(name)].says_behind = Some(seconds);
        }
        _ => return false,
    }
    true
}

fn gather(world: &mut World, at: Lookup<'_>, words: &[&str]) -> bool {
    match *words {
        ["partition", name] => world.partition(at(name)),
        ["reunite", name, with] => world.reunite(at(name), at(with)),
        ["bootstrap", name] => world.bootstrap(at(name)),
        ["async", name, "of", source] => world.leave_group(at(name), at(source)),
        ["donor" | "synced", name] => {
            let member = world.hosts[at(name)].group.as_mut();
            member.expect("a member of a group").donor = words[0] == "donor";
        }
        ["queue", name, waiting] => {
            let member = world.hosts[at(name)].group.as_mut();
            let waiting = waiting.parse().expect("a number");
            member.expect("a member of a group").queue = waiting;
        }
        _ => return false,
    }
    true
}

fn reach(world: &mut World, at: Lookup<'_>, words: &[&str]) -> bool {
    match *words {
        ["cut", "off", name] => world.hosts[at(name)].cut_off = true,
        ["reconnect", name] => world.hosts[at(name)].cut_off = false,
        ["silence", name] => world.hosts[at(name)].mute = true,
        ["unsilence", name] => world.hosts[at(name)].mute = false,
        ["loss", percent, name] => {
            let percent = percent.trim_end_matches('%').parse().expect("a number");
            world.hosts[at(name)].loss = percent;
        }
        ["slow", name, "never"] => world.hosts[at(name)].slow = Duration::ZERO,
        ["slow", name, late] => world.hosts[at(name)].slow = duration(late),
        [name, "refuses", kind] => {
            world.hosts[at(name)].refuses = Some(failure_kind(kind));
        }
        [name, "accepts"] => world.hosts[at(name)].refuses = None,
        _ => return false,
    }
    true
}

fn failure_kind(word: &str) -> FailureKind {
    let found = FailureKind::ALL.into_iter().find(|kind| format!("{kind:?}") == word);
    found.unwrap_or_else(|| panic!("no such failure: {word}"))
}
