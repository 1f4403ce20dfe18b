//! One story per file in `tests/scenarios`: operations with their times in, the whole timeline of
//! what the engine said out. `UPDATE_SCENARIOS=1` writes the timelines anew; read the difference
//! before keeping it.
//!
//! ```text
//! cluster postgres db1 db2 db3          the first server is the primary of the others
//! cluster mysql db1 db2                 postgres, mariadb, mysql (uuids), tcp; galera and group,
//!                                       where all are members
//! later db4                             servers of the world that are not configured yet
//! outside db1 db2                       servers of the world that are never configured
//! read max_lag=10s min_servers=1        one line per read name
//! write failback=preferred              see `script`
//! thresholds fall=3 rise=2 stale_after=8s first_round=2s
//! priority db2 50
//! every 500ms                           how often each server is probed
//! heartbeats                            probes write where they are told to
//! no gtids                              MySQL and MariaDB without GTIDs
//! no write name                         a cluster that is served for reads alone
//! two domains                           MariaDB with changes in two GTID domains
//! own domains                           MariaDB: who is promoted writes in a domain of its own
//! multi-primary                         all members of a Group Replication group may write
//! checks patroni agent                  who is asked about each server, beside itself
//! 5s   kill db1                         an operation on a server, see `happenings`
//! 6s   every 5s                         from now on they are probed so often
//! 8s   remove db2                       another configuration, see `site`
//! 9s   agent of db3 says drain          what a witness says from now on; `nothing` is silence
//! 9s   lay freeze for 5s                what an operator does, see `operators`
//! until 20s
//! ---
//! 5.000s  ...                           what the engine said
//! ```

mod happenings;
mod script;
mod site;
mod wording;

use std::{fmt::Write as _, fs, path::Path};

use script::Script;
use site::Site;

#[test]
fn every_story_is_told_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let mut stories: Vec<_> = fs::read_dir(&folder)
        .expect("tests/scenarios exists")
        .map(|entry| entry.expect("a readable entry").path())
        .collect();
    stories.sort();
    assert!(stories.len() >= 10, "stories are missing from {}", folder.display());
    let mut wrong = String::new();
    for path in stories {
        let text = fs::read_to_string(&path).expect("a readable story");
        let (script, expected) = text.split_once("---\n").unwrap_or((&text, ""));
        let told = Site::new(Script::parse(script)).tell();
        if told == expected {
            continue;
        }
        if std::env::var_os("UPDATE_SCENARIOS").is_some() {
            fs::write(&path, format!("{script}---\n{told}")).expect("a writable story");
        } else {
            let name = path.display();
            writeln!(wrong, "{name}\n--- expected\n{expected}--- told\n{told}").expect("memory");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
