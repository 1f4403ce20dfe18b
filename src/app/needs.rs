//! What a whole service needs of the system: threads and descriptors.

use std::{num::NonZero, thread};

use crate::config::{ClusterConfig, Config};

/// Descriptors beside those of probes, listeners and DNS clients: the runtimes', the log's, admin
/// clients', files that are read anew.
const OTHER_DESCRIPTORS: usize = 256;

/// Sockets of one probe at most: the old login, the fresh one that replaces it, and one for
/// heartbeats.
const DESCRIPTORS_PER_SERVER: usize = 3;

/// A connection, or the two ends of a command.
const DESCRIPTORS_PER_HOOK: usize = 6;

/// A connection of a report or a kick, at most.
const DESCRIPTORS_PER_VISIT: usize = 1;

/// A connection to one server of a zone, and one to the next of the others.
const DESCRIPTORS_PER_PUSH: usize = 2;

/// A connection, or a process with its output.
const DESCRIPTORS_PER_WITNESS: usize = 2;

/// Threads in use beside the first one when all of a service runs.
pub fn threads_needed(config: &Config) -> usize {
    runtime_threads() + config.dns.listen.len() * config.dns.workers + OTHER_THREADS
}

/// Those of the runtime: one for each CPU, and a few that wait for disks and names.
pub fn runtime_threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get) + BLOCKING_THREADS
}

/// The log, the admin API, the watchdog, its words to the service manager, and the state's.
const OTHER_THREADS: usize = 5;

/// Threads that read files and look names up. There may be more; those wait for one another.
const BLOCKING_THREADS: usize = 2;

/// Descriptors in use when every probe and every client uses all that it may.
pub fn descriptors_needed(config: &Config) -> u64 {
    let servers = config.clusters.iter().flat_map(|cluster| &cluster.servers);
    let witnesses: usize = servers.clone().map(|server| server.checks.witnesses.len()).sum();
    let servers = servers.count();
    let dns = &config.dns;
    let listeners = dns.listen.len() * (1 + dns.workers);
    let asked = servers * (DESCRIPTORS_PER_SERVER + DESCRIPTORS_PER_VISIT);
    let asked = asked + witnesses * DESCRIPTORS_PER_WITNESS;
    let discovers = |cluster: &&ClusterConfig| cluster.discovery.is_some();
    let discovering = config.clusters.iter().filter(discovers).count();
    let asked = asked + discovering * DESCRIPTORS_PER_VISIT;
    let asked = asked + config.hooks.len() * DESCRIPTORS_PER_HOOK;
    let asked =
        asked + config.transfer.zones.iter().map(|zone| zone.secondaries.len()).sum::<usize>();
    let pushed = config.publish.iter().map(|publish| publish.records.len()).sum::<usize>();
    let asked = asked + pushed * DESCRIPTORS_PER_PUSH;
    let needed = asked + dns.tcp.max_connections + listeners + OTHER_DESCRIPTORS;
    u64::try_from(needed).unwrap_or(u64::MAX)
}
