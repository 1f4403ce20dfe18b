//! Every family of metrics. `docs/ADMIN.md` shows the same table.
//!
//! Labels are bounded by the configuration and by closed lists: clusters, servers, names and
//! hooks are configured, and what is told in words are states, reasons and results of which there are a few
//! dozen. No text of a stranger becomes a label.

use super::encoder::Family;

/// Labels of what is about a served name.
const NAME: &[&str] = &["cluster", "name", "role"];

/// Labels of what is about a server.
const NODE: &[&str] = &["cluster", "node"];

/// Labels of what is about a probe.
const PROBE: &[&str] = &["cluster", "node", "check"];

/// Labels of what is about a hook.
const HOOK: &[&str] = &["hook"];

/// Labels of what is about a server that has a copy of a zone.
const SECONDARY: &[&str] = &["zone", "secondary"];
const PUBLISH: &[&str] = &["publish", "name"];

pub const BUILD: Family =
    Family::gauge("pointsman_build_info", &["version"], "1, labelled with the version.");
pub const STARTED: Family = Family::gauge(
    "pointsman_start_time_seconds",
    &[],
    "When the service started, in seconds since 1970.",
)
.of("seconds");
pub const READY: Family = Family::gauge(
    "pointsman_ready",
    &[],
    "Whether every part moves and every name has its first decision, as /readyz says.",
);
pub const STALLED: Family =
    Family::gauge("pointsman_stalled_parts", &[], "Parts that have not moved for five seconds.");
pub const ISOLATED: Family = Family::gauge(
    "pointsman_isolated",
    &[],
    "Whether every server of every cluster is silent, so that answers stand still.",
);
pub const RELOAD_OK: Family = Family::gauge(
    "pointsman_config_last_reload_successful",
    &[],
    "Whether the configuration could be read the last time.",
);
pub const RELOAD_AT: Family = Family::gauge(
    "pointsman_config_last_reload_timestamp_seconds",
    &[],
    "When the configuration was last read, in seconds since 1970.",
)
.of("seconds");
pub const STATE_SAVED: Family = Family::gauge(
    "pointsman_state_saved",
    &[],
    "Whether the state file can be written; absent when none is configured.",
);
pub const STATE_FAILURES: Family = Family::counter(
    "pointsman_state_save_failures",
    &[],
    "How often it came to be that the state file could not be written.",
);
pub const STATE_ASIDE: Family = Family::gauge(
    "pointsman_state_set_aside",
    &[],
    "Whether a state file lies about that was of no use; absent when none is configured.",
);
pub const SERIAL_LIMITED: Family = Family::gauge(
    "pointsman_serial_limited",
    &[],
    "Whether the serial has used up what was saved for it and grows once a second at most.",
);
pub const LOG_LOST: Family = Family::counter(
    "pointsman_log_lines_lost",
    &[],
    "Lines of the log that were lost because nobody took them or they could not be written.",
);
pub const HINTS: Family =
    Family::counter("pointsman_hints", &[], "Hints that were taken, of all clusters.");
pub const GENERATION: Family = Family::gauge(
    "pointsman_generation",
    &[],
    "The published generation of answers; grows with every change.",
);
pub const SERIAL: Family = Family::gauge(
    "pointsman_zone_serial",
    &[],
    "The SOA serial of all zones; grows when published records change.",
);
pub const DECISIONS: Family =
    Family::counter("pointsman_decisions", &[], "Decisions taken, one per cluster judged.");
pub const PUBLICATIONS: Family = Family::counter(
    "pointsman_publications",
    &[],
    "Snapshots of answers and reports that were published.",
);
pub const EVENTS: Family =
    Family::counter("pointsman_events", &["kind"], "Changes, by what has changed.");

pub const ANSWERS: Family =
    Family::gauge("pointsman_name_answers", NAME, "Servers that the name says now.");
pub const STALE: Family = Family::gauge(
    "pointsman_name_stale",
    NAME,
    "Whether the name stands on older knowledge than the last probes'.",
);
pub const NAME_SEVERITY: Family = Family::gauge(
    "pointsman_name_severity",
    NAME,
    "How bad it is that the name says what it says: 0 ok, 1 as an operator wants it, 2 degraded, 3 \
     outage.",
);
pub const FALLBACK: Family = Family::gauge(
    "pointsman_name_fallback",
    NAME,
    "Whether the name says something current that is not what it promises.",
);
pub const NAME_READY: Family =
    Family::gauge("pointsman_name_ready", NAME, "Whether the name has had its first decision.");
pub const CHANGED: Family = Family::gauge(
    "pointsman_name_last_change_timestamp_seconds",
    NAME,
    "When the servers of the name last changed, in seconds since 1970.",
)
.of("seconds");
pub const ELIGIBLE: Family = Family::gauge(
    "pointsman_node_eligible",
    &["cluster", "node", "name", "role"],
    "Whether the name says this server now.",
);

pub const SPLIT_BRAIN: Family = Family::gauge(
    "pointsman_split_brain",
    &["cluster"],
    "Whether two servers are writable and nothing tells which is right.",
);
pub const CLUSTER_SEVERITY: Family = Family::gauge(
    "pointsman_cluster_severity",
    &["cluster"],
    "How bad the cluster is, the worst of its names and servers: 0 ok, 1 as an operator wants it, \
     2 degraded, 3 outage.",
);
pub const STABLE: Family = Family::gauge(
    "pointsman_cluster_stable",
    &["cluster"],
    "Whether nothing is in doubt and nothing has changed for a while.",
);
pub const CALM: Family = Family::gauge(
    "pointsman_cluster_calm",
    &["cluster"],
    "The same as pointsman_cluster_stable, by its former name.",
);
pub const FAILOVERS: Family = Family::counter(
    "pointsman_failovers",
    &["cluster", "reason"],
    "How often the write name came to say another server than the last one, by its reason.",
);
pub const WITHDRAWALS: Family = Family::counter(
    "pointsman_write_withdrawals",
    &["cluster"],
    "How often the write name lost its address.",
);
pub const FLAPS: Family = Family::counter(
    "pointsman_flaps_suppressed",
    &["cluster"],
    "How often a return to the preferred server had to wait.",
);
pub const FAILOVER_DURATION: Family = Family::histogram(
    "pointsman_failover_duration_seconds",
    &[],
    "For how long a write name was in doubt before it said another server.",
);

pub const KICKED: Family = Family::counter(
    "pointsman_sessions_terminated",
    &["cluster", "node", "mode"],
    "Client sessions that were ended on a server without the write name, or that a dry run found.",
);
pub const KICK_FAILURES: Family = Family::counter(
    "pointsman_session_kick_failures",
    NODE,
    "Rounds of a session kick that ended nothing because something failed.",
);

pub const UP: Family = Family::gauge(
    "pointsman_node_up",
    NODE,
    "Whether the server is known to live: neither Down nor Unknown.",
);
pub const ROLE: Family = Family::gauge(
    "pointsman_node_role",
    &["cluster", "node", "role"],
    "1 for the role that the server has now (primary, replica, none), 0 for the others.",
);
pub const STATE: Family = Family::gauge(
    "pointsman_node_state",
    &["cluster", "node", "state"],
    "1, labelled with the state of the server now.",
);
pub const STATE_SINCE: Family = Family::gauge(
    "pointsman_node_state_since_timestamp_seconds",
    NODE,
    "Since when the server has been in its state, in seconds since 1970.",
)
.of("seconds");
pub const LAG: Family = Family::gauge(
    "pointsman_node_replication_lag_seconds",
    NODE,
    "How far the server is behind its primary; absent while that is not known.",
)
.of("seconds");
pub const DRAINED: Family =
    Family::gauge("pointsman_node_drained", NODE, "Whether an operator has drained the server.");
pub const ADDED: Family = Family::gauge(
    "pointsman_node_added",
    NODE,
    "Whether the server was added at run time and is not in the configuration file.",
);

pub const NODE_SEVERITY: Family = Family::gauge(
    "pointsman_node_severity",
    NODE,
    "How bad the state of the server is: 0 ok, 1 as an operator wants it, 2 degraded, 3 outage.",
);

pub const TRANSIENT: Family = Family::gauge(
    "pointsman_node_transient",
    NODE,
    "Whether the server is in a state that should pass soon: it starts, or replay is paused.",
);

pub const DISCOVERED: Family = Family::gauge(
    "pointsman_discovered",
    &["cluster", "state"],
    "Servers that discovery knows, by how far they have come, and strangers among them.",
);
pub const SOURCE_AGE: Family = Family::gauge(
    "pointsman_discovery_source_age_seconds",
    &["cluster", "source"],
    "How long ago a source of discovery last said anything.",
)
.of("seconds");
pub const OVERRIDE: Family = Family::gauge(
    "pointsman_override_active",
    &["cluster", "kind", "node", "force"],
    "1 for each override in force; `node` is empty for one of a whole cluster.",
);
pub const OVERRIDE_END: Family = Family::gauge(
    "pointsman_override_expiry_timestamp_seconds",
    &["cluster", "kind", "node"],
    "When the override ends by itself, in seconds since 1970; +Inf for never.",
)
.of("seconds");

pub const PROBES: Family = Family::counter(
    "pointsman_probe",
    &["cluster", "node", "check", "result"],
    "Probes of a server and questions to its witnesses, by what they came to.",
);
pub const PROBE_DURATION: Family = Family::histogram(
    "pointsman_probe_duration_seconds",
    PROBE,
    "How long a probe took, from connect to the last reply.",
);
pub const PROBE_SUCCESS: Family = Family::gauge(
    "pointsman_probe_last_success_timestamp_seconds",
    PROBE,
    "When a probe was last answered, in seconds since 1970; absent before the first time.",
)
.of("seconds");

pub const QUERIES: Family = Family::counter(
    "pointsman_dns_queries",
    &["proto", "type"],
    "DNS queries by transport and by what they ask for.",
);
pub const RESPONSES: Family = Family::counter(
    "pointsman_dns_responses",
    &["name", "rcode"],
    "DNS replies by the served name they are about (`other` for the rest) and by response code.",
);
pub const TRUNCATED: Family = Family::counter(
    "pointsman_dns_truncated",
    &["proto"],
    "DNS replies with TC: what they should hold did not fit, or the client is over its limit.",
);
pub const REFUSED: Family =
    Family::counter("pointsman_dns_refused", &["reason"], "DNS queries that were refused.");
pub const DROPPED: Family = Family::counter(
    "pointsman_dns_dropped",
    &["reason"],
    "DNS messages without a reply: no queries, or over the rate limit.",
);

pub const HOOK_RUNS: Family = Family::counter(
    "pointsman_hook_runs",
    &["hook", "result"],
    "Attempts of a hook to tell an event, by what they came to: told or failed.",
);
pub const HOOK_PENDING: Family = Family::gauge(
    "pointsman_hook_pending",
    HOOK,
    "Events that a hook has yet to tell, with the one that it is telling.",
);
pub const HOOK_DROPPED: Family = Family::counter(
    "pointsman_hook_dropped",
    HOOK,
    "Events that a hook never told: too many waited, or the last attempt failed.",
);
pub const HOOK_FAILING: Family =
    Family::gauge("pointsman_hook_failing", HOOK, "Whether the last attempt of the hook failed.");
pub const SECONDARY_SERIAL: Family = Family::gauge(
    "pointsman_secondary_serial",
    SECONDARY,
    "The serial that a secondary answers; absent before its first answer and when it has no zone.",
);
pub const SECONDARY_LAG: Family = Family::gauge(
    "pointsman_secondary_lag_seconds",
    SECONDARY,
    "For how long a secondary has lacked changes of a zone, in seconds.",
)
.of("seconds");

pub const PUBLISH_LEVEL: Family = Family::gauge(
    "pointsman_publish_level",
    PUBLISH,
    "Whether a name in somebody else's zone says what we say.",
);
pub const PUBLISH_EPOCH: Family = Family::gauge(
    "pointsman_publish_epoch",
    PUBLISH,
    "The number of the last change of a name in somebody else's zone, as far as we know.",
);
pub const PUBLISH_WRITTEN: Family = Family::counter(
    "pointsman_publish_written",
    PUBLISH,
    "Updates of a name in somebody else's zone that were taken.",
);

pub const CPU: Family = Family::counter(
    "process_cpu_seconds",
    &[],
    "CPU time of the process in user and kernel mode, in seconds.",
)
.of("seconds");
pub const MEMORY: Family =
    Family::gauge("process_resident_memory_bytes", &[], "What the process has in memory.")
        .of("bytes");
pub const DESCRIPTORS: Family = Family::gauge("process_open_fds", &[], "Open file descriptors.");
pub const MOST_DESCRIPTORS: Family =
    Family::gauge("process_max_fds", &[], "File descriptors that may be open.");
pub const THREADS: Family = Family::gauge("process_threads", &[], "Threads.");
pub const PROCESS_STARTED: Family = Family::gauge(
    "process_start_time_seconds",
    &[],
    "When the process started, in seconds since 1970.",
)
.of("seconds");

/// All of them, in the order of the document.
#[cfg(test)]
pub const ALL: [&Family; 71] = [
    &BUILD,
    &STARTED,
    &READY,
    &STALLED,
    &ISOLATED,
    &RELOAD_OK,
    &RELOAD_AT,
    &STATE_SAVED,
    &STATE_FAILURES,
    &STATE_ASIDE,
    &SERIAL_LIMITED,
    &LOG_LOST,
    &HINTS,
    &GENERATION,
    &SERIAL,
    &DECISIONS,
    &PUBLICATIONS,
    &EVENTS,
    &ANSWERS,
    &NAME_SEVERITY,
    &STALE,
    &FALLBACK,
    &NAME_READY,
    &CHANGED,
    &ELIGIBLE,
    &SPLIT_BRAIN,
    &CLUSTER_SEVERITY,
    &STABLE,
    &CALM,
    &FAILOVERS,
    &WITHDRAWALS,
    &FLAPS,
    &FAILOVER_DURATION,
    &KICKED,
    &KICK_FAILURES,
    &UP,
    &ROLE,
    &STATE,
    &STATE_SINCE,
    &LAG,
    &DRAINED,
    &ADDED,
    &NODE_SEVERITY,
    &TRANSIENT,
    &DISCOVERED,
    &SOURCE_AGE,
    &OVERRIDE,
    &OVERRIDE_END,
    &PROBES,
    &PROBE_DURATION,
    &PROBE_SUCCESS,
    &QUERIES,
    &RESPONSES,
    &TRUNCATED,
    &REFUSED,
    &DROPPED,
    &HOOK_RUNS,
    &HOOK_PENDING,
    &HOOK_DROPPED,
    &HOOK_FAILING,
    &SECONDARY_SERIAL,
    &SECONDARY_LAG,
    &PUBLISH_LEVEL,
    &PUBLISH_EPOCH,
    &PUBLISH_WRITTEN,
    &CPU,
    &MEMORY,
    &DESCRIPTORS,
    &MOST_DESCRIPTORS,
    &THREADS,
    &PROCESS_STARTED,
];
