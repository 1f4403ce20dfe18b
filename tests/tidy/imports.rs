//! Who may import whom. The table is the architecture; `docs/ARCHITECTURE.md` shows the same one.
//!
//! An entry is a module (`config`) or one thing of it (`config::DnsConfig`). Nobody may import what
//! is not in its row, and a row names nothing that is not needed, so that a new dependency is a
//! decision that somebody sees.

use std::collections::BTreeSet;

use crate::{
    fault::{Fault, assert_none},
    paths::named_paths,
    tree::{RustFile, RustTree, content, in_project},
};

/// What one top-level module of `src` may import.
struct Row {
    module: &'static str,
    of_ours: &'static [&'static str],
    from_outside: &'static [&'static str],
}

const TABLE: [Row; 40] = [
    Row { module: "engine", of_ours: &[], from_outside: &[] },
    Row {
        module: "answers",
        of_ours: &["engine", "plain_text"],
        from_outside: &["foldhash", "hickory_proto", "rand", "thiserror"],
    },
    Row {
        module: "report",
        of_ours: &["answers", "engine", "plain_text", "wall_time"],
        from_outside: &["hickory_proto"],
    },
    Row { module: "chronicle", of_ours: &["report", "wall_time"], from_outside: &["tokio"] },
    Row { module: "wall_time", of_ours: &["engine::Moment"], from_outside: &["jiff"] },
    Row {
        module: "api",
        of_ours: &["chronicle", "engine", "report", "wall_time"],
        from_outside: &["serde", "utoipa"],
    },
    Row {
        module: "control",
        of_ours: &["config::AddedServer", "config::Changes", "engine", "plain_text", "report"],
        from_outside: &["thiserror", "tokio"],
    },
    Row {
        module: "publish",
        of_ours: &["answers", "report"],
        from_outside: &["arc_swap", "tokio"],
    },
    Row {
        module: "status",
        of_ours: &[
            "answers",
            "engine",
            "hooks::HookTally",
            "publish",
            "push::PushView",
            "report",
            "state::SetAside",
            "state::StateReport",
            "transfer::SecondaryFault",
            "transfer::SecondaryState",
            "transfer::SecondaryView",
            "wall_time",
        ],
        from_outside: &[],
    },
    Row {
        module: "config",
        of_ours: &[
            "answers",
            "discovery",
            "duration",
            "engine",
            "plain_text",
            "report",
            "wall_time",
        ],
        from_outside: &[
            "data_encoding",
            "hickory_proto",
            "ipnet",
            "rustls",
            "serde",
            "strsim",
            "thiserror",
            "toml",
            "toml_edit",
        ],
    },
    Row {
        module: "probe",
        of_ours: &[
            "clock",
            "config::AuthConfig",
            "config::AuthMethod",
            "config::ChannelBinding",
            "config::ProbeConfig",
            "config::ProbeTarget",
            "config::RequireAuth",
            "config::Secret",
            "config::ServerPublicKey",
            "config::TargetHost",
            "config::TlsMode",
            "config::WitnessConfig",
            "discovery::Follower",
            "discovery::Introduction",
            "discovery::Login",
            "discovery::Word",
            "engine",
            "metrics::ProbeMeter",
            "plain_text",
            "process_group",
            "report::ProbeStep",
        ],
        from_outside: &[
            "futures_util",
            "http_body_util",
            "hyper",
            "hyper_util",
            "mysql_common",
            "rand",
            "rustls",
            "serde",
            "serde_json",
            "socket2",
            "thiserror",
            "tokio",
            "tokio_postgres",
            "tokio_postgres_rustls",
            "tokio_rustls",
            "tracing",
        ],
    },
    Row {
        module: "transfer",
        of_ours: &[
            "answers",
            "clock",
            "config::CatalogConfig",
            "config::KeyAlgorithm",
            "config::KeyConfig",
            "config::SecondaryConfig",
            "config::TransferConfig",
            "config::TransferTransport",
            "config::ZoneTransfer",
            "publish::Reader",
        ],
        from_outside: &["arc_swap", "hickory_proto", "hmac", "rand", "sha2", "tokio"],
    },
    Row {
        module: "push",
        of_ours: &[
            "answers",
            "chronicle",
            "clock",
            "config::PublishConfig",
            "config::PublishedRecord",
            "engine",
            "publish::Reader",
            "report",
            "state::Keeper",
            "state::PushImage",
            "transfer",
            "wall_time",
        ],
        from_outside: &["hickory_proto", "rand", "sha2", "tokio", "tracing"],
    },
    Row {
        module: "dns",
        of_ours: &[
            "answers",
            "clock",
            "config::DnsConfig",
            "config::ExposeConfig",
            "config::Networks",
            "config::RateLimitConfig",
            "config::TcpConfig",
            "config::TlsListenConfig",
            "engine::Degradation",
            "inherited",
            "metrics",
            "publish",
            "report",
            "transfer",
            "watchdog::Part",
            "watchdog::Pulse",
        ],
        from_outside: &[
            "hickory_proto",
            "hickory_server",
            "nix",
            "rand",
            "rustls",
            "siphasher",
            "socket2",
            "thiserror",
            "tokio",
            "tokio_rustls",
            "tracing",
        ],
    },
    Row {
        module: "admin",
        of_ours: &[
            "api",
            "chronicle",
            "clock",
            "config::AddedServer",
            "config::AdminConfig",
            "config::Changes",
            "config::Clusters",
            "config::Scope",
            "config::TokenConfig",
            "config::read_token",
            "control",
            "duration",
            "engine",
            "hooks",
            "inherited",
            "metrics",
            "plain_text",
            "publish",
            "push",
            "report",
            "state",
            "status",
            "transfer",
            "wall_time",
            "watchdog::Health",
        ],
        from_outside: &[
            "axum",
            "futures_util",
            "http_body_util",
            "hyper",
            "hyper_util",
            "maud",
            "nix",
            "serde",
            "serde_json",
            "socket2",
            "subtle",
            "thiserror",
            "tokio",
            "tracing",
            "utoipa",
            "utoipa_axum",
        ],
    },
    Row { module: "discovery", of_ours: &["engine", "plain_text"], from_outside: &["ipnet"] },
    Row {
        module: "sources",
        of_ours: &[
            "config",
            "discovery",
            "engine::Failure",
            "plain_text",
            "probe::HttpClient",
            "probe::HttpLines",
            "process_group",
            "resolv_conf",
        ],
        from_outside: &["hickory_net", "hickory_proto", "rand", "serde_json", "thiserror", "tokio"],
    },
    Row { module: "clock", of_ours: &["engine::Moment", "wall_time"], from_outside: &["tokio"] },
    Row {
        module: "metrics",
        of_ours: &["clock", "engine", "report::DiscoveryReport"],
        from_outside: &[],
    },
    Row {
        module: "telemetry",
        of_ours: &["config::LogConfig", "config::LogFormat", "engine"],
        from_outside: &["tracing", "tracing_appender", "tracing_subscriber"],
    },
    Row {
        module: "watchdog",
        of_ours: &["clock", "engine::Moment"],
        from_outside: &["sd_notify", "tokio", "tracing"],
    },
    Row {
        module: "driver",
        of_ours: &[
            "answers",
            "chronicle",
            "clock",
            "config::AddedServer",
            "control",
            "engine",
            "metrics::DriverCounts",
            "probe::Finding",
            "probe::advice",
            "publish",
            "report",
            "state",
            "telemetry",
            "wall_time",
            "watchdog::Pulse",
        ],
        from_outside: &["tokio", "tracing"],
    },
    Row {
        module: "state",
        of_ours: &[
            "answers",
            "chronicle",
            "clock",
            "config::AddedServer",
            "config::FoundServer",
            "engine",
            "report",
            "wall_time",
        ],
        from_outside: &[
            "crc32fast",
            "litemap",
            "nix",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "tracing",
        ],
    },
    Row {
        module: "hooks",
        of_ours: &[
            "api::EventEntry",
            "chronicle",
            "clock",
            "config::HookAction",
            "config::HookConfig",
            "config::TargetHost",
            "config::TlsMode",
            "config::WebhookConfig",
            "process_group",
            "report",
            "wall_time",
        ],
        from_outside: &[
            "hmac",
            "http_body_util",
            "hyper",
            "hyper_util",
            "rustls",
            "serde_json",
            "sha2",
            "thiserror",
            "tokio",
            "tokio_rustls",
            "tracing",
        ],
    },
    Row {
        module: "sessions",
        of_ours: &[
            "answers",
            "chronicle",
            "clock",
            "config",
            "engine",
            "metrics::KickCounts",
            "metrics::KickTotals",
            "plain_text",
            "probe",
            "publish::Reader",
            "report",
            "wall_time",
        ],
        from_outside: &["thiserror", "tokio", "tracing"],
    },
    Row { module: "duration", of_ours: &[], from_outside: &["thiserror"] },
    Row { module: "plain_text", of_ours: &[], from_outside: &[] },
    Row { module: "resolv_conf", of_ours: &[], from_outside: &[] },
    Row {
        module: "process_group",
        of_ours: &["plain_text"],
        from_outside: &["nix", "rustix", "tokio"],
    },
    Row { module: "descriptors", of_ours: &[], from_outside: &["nix", "tracing"] },
    Row { module: "threads", of_ours: &[], from_outside: &["thiserror"] },
    Row { module: "inherited", of_ours: &[], from_outside: &["listenfd", "socket2", "thiserror"] },
    Row {
        module: "app",
        of_ours: &[
            "admin",
            "answers",
            "chronicle",
            "clock",
            "config",
            "control",
            "descriptors",
            "discovery",
            "dns",
            "driver",
            "engine",
            "hooks",
            "inherited",
            "metrics",
            "probe",
            "publish::Reader",
            "push",
            "report",
            "sessions",
            "sources",
            "state",
            "status",
            "telemetry::Losses",
            "transfer",
            "wall_time",
            "watchdog",
        ],
        from_outside: &["thiserror", "tokio", "tracing"],
    },
    Row {
        module: "cli",
        of_ours: &["api", "clock", "config", "duration", "plain_text"],
        from_outside: &[
            "clap",
            "http_body_util",
            "hyper",
            "hyper_util",
            "ipnet",
            "jiff",
            "nix",
            "rustix",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
        ],
    },
    Row {
        module: "follow",
        of_ours: &["engine::ServerState", "plain_text", "process_group"],
        from_outside: &[
            "hickory_proto",
            "ipnet",
            "netlink_packet_core",
            "netlink_packet_sock_diag",
            "netlink_sys",
            "nix",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "tracing",
        ],
    },
    Row {
        module: "client_files",
        of_ours: &["config::Secret"],
        from_outside: &["nix", "thiserror"],
    },
    Row {
        module: "rehearsal",
        of_ours: &[
            "api",
            "cli::Client",
            "cli::ClientError",
            "client_files",
            "clock",
            "config::AuthConfig",
            "config::ProbeConfig",
            "config::ProbeTarget",
            "config::Secret",
            "config::TargetHost",
            "config::TlsMode",
            "engine::ClusterKind",
            "follow::Question",
            "plain_text",
            "probe::Dial",
            "probe::Row",
            "probe::Visit",
            "probe::VisitError",
            "wall_time",
        ],
        from_outside: &["serde", "serde_json", "thiserror", "tokio"],
    },
    Row {
        module: "init",
        of_ours: &[
            "client_files",
            "config",
            "discovery",
            "engine",
            "metrics::ProbeMeter",
            "plain_text",
            "probe",
        ],
        from_outside: &["nix", "rand", "rustix", "thiserror", "tokio"],
    },
    Row {
        module: "demo",
        of_ours: &["app", "clock", "config", "engine", "inherited", "plain_text", "probe"],
        from_outside: &[
            "hickory_proto",
            "postgres_protocol",
            "rand",
            "rustix",
            "thiserror",
            "tokio",
        ],
    },
    Row {
        module: "main",
        of_ours: &[
            "app",
            "cli",
            "config",
            "demo",
            "follow",
            "inherited",
            "init",
            "probe",
            "process_group",
            "rehearsal",
            "resolv_conf",
            "telemetry",
            "threads",
        ],
        from_outside: &["clap", "tokio", "tracing"],
    },
];

/// Shells that stand side by side: none knows another.
const SIBLINGS: [&str; 4] = ["probe", "dns", "admin", "cli"];

/// What the rows of the document stand below.
const HEADING: &str = "## Who may import whom";

const DOCUMENT: &str = "docs/ARCHITECTURE.md";

#[test]
fn modules_import_what_their_row_allows_and_rows_allow_no_more() {
    assert_none(faults(&RustTree::read("src/"), &TABLE, &dependencies()));
}

/// Named for their features alone, which another dependency leaves open.
const CHOSEN: [&str; 1] = ["flate2"];

#[test]
fn every_dependency_is_used() {
    let mut idle = dependencies();
    idle.retain(|name| !CHOSEN.contains(&name.as_str()));
    for file in ["src/", "tests/"].into_iter().flat_map(|folder| RustTree::read(folder).files) {
        for path in named_paths(&file.text, &file.module, "pointsman") {
            idle.remove(&path.segments[0]);
        }
    }
    assert!(idle.is_empty(), "nobody uses {idle:?}; strike them out of Cargo.toml");
}

#[test]
fn the_table_has_no_cycle_and_no_way_between_siblings() {
    assert_eq!(cycle(&TABLE), None, "each module must be readable without the ones above it");
    for row in TABLE.iter().filter(|row| SIBLINGS.contains(&row.module)) {
        for entry in row.of_ours {
            assert!(!SIBLINGS.contains(&top(entry)), "{} may not know {entry}", row.module);
        }
    }
    let above_all = TABLE.iter().filter(|row| row.of_ours.contains(&"app"));
    assert_eq!(above_all.map(|row| row.module).collect::<Vec<_>>(), ["demo", "main"]);
}

#[test]
fn the_document_shows_the_same_table() {
    if !in_project(DOCUMENT).exists() {
        return;
    }
    let document = content(DOCUMENT);
    let (_, below) = document.split_once(HEADING).expect("the document has the heading");
    let shown: Vec<_> =
        below.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect();
    let expected: Vec<_> = TABLE.iter().map(Row::markdown).collect();
    assert!(
        shown == expected,
        "{DOCUMENT} below \"{HEADING}\" must have these rows:\n{}\n",
        expected.join("\n")
    );
}

impl Row {
    fn markdown(&self) -> String {
        let cell = |entries: &[&str]| match entries {
            [] => "—".to_owned(),
            entries => {
                entries.iter().map(|entry| format!("`{entry}`")).collect::<Vec<_>>().join(", ")
            }
        };
        format!("| `{}` | {} | {} |", self.module, cell(self.of_ours), cell(self.from_outside))
    }
}

/// Every import that `table` does not allow, and everything it allows in vain. `outside` are the
/// names of the crates there are.
fn faults(tree: &RustTree, table: &[Row], outside: &BTreeSet<String>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut needed = BTreeSet::new();
    for file in &tree.files {
        let row = table.iter().find(|row| row.module == file.top());
        if row.is_none() && file.top() != "lib" {
            faults.push(Fault::new(
                &file.path,
                1,
                "imports",
                format!("`{}` has no row; give it one in tests/tidy/imports.rs", file.top()),
            ));
        }
        let (of_ours, from_outside) =
            row.map_or_else(Default::default, |row| (row.of_ours, row.from_outside));
        for (line, import) in imports(file, outside) {
            let entry = match &import {
                Import::Ours(path) => of_ours.iter().find(|entry| allows(entry, path)),
                Import::Outside(name) => from_outside.iter().find(|entry| *entry == name),
            };
            match entry {
                Some(entry) => _ = needed.insert((file.top(), *entry)),
                None => faults.push(forbidden(file, line, &import)),
            }
        }
    }
    faults.extend(idle_entries(tree, table, &needed));
    faults
}

/// Entries that no file needs, of modules that exist.
fn idle_entries(tree: &RustTree, table: &[Row], needed: &BTreeSet<(&str, &str)>) -> Vec<Fault> {
    let exists = |module: &str| tree.files.iter().any(|file| file.top() == module);
    let is_ours = |module: &str| table.iter().any(|row| row.module == module);
    let entries = table
        .iter()
        .flat_map(|row| row.of_ours.iter().chain(row.from_outside).map(move |entry| (row, *entry)));
    entries
        .filter(|(row, entry)| exists(row.module) && (!is_ours(top(entry)) || exists(top(entry))))
        .filter(|(row, entry)| !needed.contains(&(row.module, entry)))
        .map(|(row, entry)| {
            let advice =
                format!("`{}` may import `{entry}` and does not; strike it out", row.module);
            Fault::new("tests/tidy/imports.rs", 1, "imports", advice)
        })
        .collect()
}

enum Import {
    /// The path without `crate`, never of the importing module itself.
    Ours(Vec<String>),
    /// A crate.
    Outside(String),
}

/// What `file` imports, each with its line. Code for tests may use any crate.
fn imports(file: &RustFile, outside: &BTreeSet<String>) -> Vec<(usize, Import)> {
    let mut imports = Vec::new();
    for path in named_paths(&file.text, &file.module, "pointsman") {
        let in_test = file.is_test || path.in_test;
        let first = path.segments[0].as_str();
        if first == "crate" {
            let ours = path.segments[1..].to_vec();
            if ours.first().is_some_and(|first| first != file.top()) {
                imports.push((path.line, Import::Ours(ours)));
            }
        } else if outside.contains(first) && !in_test {
            imports.push((path.line, Import::Outside(first.to_owned())));
        }
    }
    imports
}

/// Whether `entry` is `path` or something around it.
fn allows(entry: &str, path: &[String]) -> bool {
    let entry: Vec<_> = entry.split("::").collect();
    path.len() >= entry.len() && path.iter().zip(&entry).all(|(segment, entry)| segment == entry)
}

fn forbidden(file: &RustFile, line: usize, import: &Import) -> Fault {
    let name = match import {
        Import::Ours(path) => path.join("::"),
        Import::Outside(name) => format!("the crate {name}"),
    };
    let advice = format!(
        "`{}` may not import {name}; move the code to where it is known, or change the table in \
         tests/tidy/imports.rs and {DOCUMENT} if the architecture changes",
        file.top()
    );
    Fault::new(&file.path, line, "imports", advice)
}

/// The modules of a way from a module to itself.
fn cycle(table: &[Row]) -> Option<Vec<&'static str>> {
    let mut open: Vec<&Row> = table.iter().collect();
    // Take away, again and again, what imports nothing that is still there.
    loop {
        let left: BTreeSet<_> = open.iter().map(|row| row.module).collect();
        let before = open.len();
        open.retain(|row| row.of_ours.iter().any(|entry| left.contains(top(entry))));
        if open.is_empty() {
            return None;
        }
        if open.len() == before {
            return Some(open.iter().map(|row| row.module).collect());
        }
    }
}

fn top(entry: &str) -> &str {
    entry.split("::").next().unwrap_or(entry)
}

/// The crates that code could name: the keys of the dependency tables of `Cargo.toml`.
fn dependencies() -> BTreeSet<String> {
    let manifest = content("Cargo.toml");
    let mut names = BTreeSet::new();
    let mut section = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section.ends_with("dependencies]")
            && !line.starts_with('#')
            && let Some((name, _)) = line.split_once(['=', '.'])
        {
            names.insert(name.trim().replace('-', "_"));
        }
    }
    assert!(names.contains("tokio") && names.contains("tempfile"), "{names:?}");
    names
}

#[cfg(test)]
mod tests {
    use super::{Row, cycle, faults};
    use crate::tree::RustTree;

    const TABLE: [Row; 2] = [
        Row { module: "low", of_ours: &[], from_outside: &[] },
        Row { module: "high", of_ours: &["low::Thing"], from_outside: &["tokio"] },
    ];

    /// The faults of a `high` of this source above a `low` of that one.
    fn check(high: &str, low: &str) -> Vec<String> {
        let file = |path: &str, source: &str| (path.to_owned(), source.to_owned());
        let files = [file("src/high.rs", high), file("src/low/mod.rs", low)];
        let outside = ["tokio", "serde"].map(str::to_owned).into();
        let found = faults(&RustTree::of("src/", files), &TABLE, &outside);
        found
            .iter()
            .map(|fault| format!("{}:{} {}", fault.file, fault.line, fault.advice))
            .collect()
    }

    const FINE: &str = "use tokio::spawn;\nuse crate::low::Thing;\n";

    #[test]
    fn what_the_table_says_is_fine() {
        assert_eq!(check(FINE, "use std::fmt;\nmod part;\n"), [""; 0]);
        let inline = "fn f() { tokio::spawn(crate::low::Thing::new()) }";
        assert_eq!(check(inline, ""), [""; 0]);
    }

    #[test]
    fn each_way_to_import_is_seen() {
        for low in [
            "\nuse crate::high::f;",
            "\nuse crate::{high};",
            "\nuse super::high::f;",
            "\nfn g() { crate::high::f() }",
            "\nfn g() { super::high::f() }",
            "\nuse crate::*;",
            "\nuse tokio::spawn;",
            "\nfn g() { tokio::spawn(x) }",
            "\n#[derive(serde::Serialize)] struct A;",
            "\n#[cfg(test)] mod tests { use crate::high::f; }",
        ] {
            let found = check(FINE, low);
            assert_eq!(found.len(), 1, "{low}: {found:?}");
            assert!(found[0].starts_with("src/low/mod.rs:2 `low` may not import"), "{found:?}");
        }
    }

    #[test]
    fn more_of_a_module_than_the_row_names_is_too_much() {
        let found = check(&format!("{FINE}use crate::low::Other;"), "");
        assert!(
            found[0].starts_with("src/high.rs:3 `high` may not import low::Other"),
            "{found:?}"
        );
    }

    #[test]
    fn tests_may_use_any_crate() {
        assert_eq!(check(FINE, "#[cfg(test)] mod tests { use serde::Serialize; }"), [""; 0]);
    }

    #[test]
    fn an_idle_entry_is_a_fault() {
        let found = check("use crate::low::Thing;", "");
        assert!(found[0].contains("`high` may import `tokio` and does not"), "{found:?}");
    }

    #[test]
    fn a_module_without_a_row_is_a_fault() {
        let tree = RustTree::of("src/", [("src/new.rs".to_owned(), String::new())]);
        let found = faults(&tree, &TABLE, &[].into());
        assert!(found[0].advice.starts_with("`new` has no row"), "{found:?}");
    }

    #[test]
    fn a_cycle_is_found() {
        assert_eq!(cycle(&TABLE), None);
        let round = [
            Row { module: "a", of_ours: &["b::X"], from_outside: &[] },
            Row { module: "b", of_ours: &["a"], from_outside: &[] },
            Row { module: "c", of_ours: &[], from_outside: &[] },
        ];
        assert_eq!(cycle(&round), Some(vec!["a", "b"]));
    }
}
