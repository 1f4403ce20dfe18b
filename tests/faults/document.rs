//! `docs/FAULTS.md` has the table of the rows, as they are.

use std::{fmt::Write as _, fs, path::Path};

use pointsman_testbed::group::Kind;

use crate::{
    row::{ALL, Phase, Row},
    rows,
};

const BEGIN: &str = "<!-- rows -->\n";
const END: &str = "<!-- end of rows -->\n";

/// What befalls groups, which elect their own writer; `tests/databases` has the files.
const GROUPS: [(&str, &str); 4] = [
    (
        "galera_stories.rs",
        "Galera: the writer is killed and comes back; the majority is gone, and the last node is \
         no writer",
    ),
    (
        "galera_split.rs",
        "Galera, the network between the nodes splits: the writer is cut off from the majority; \
         two of three nodes without a quorum are never the writer; both parts take writes, which \
         is told; the end of one makes the other no heir",
    ),
    (
        "galera_replicas.rs",
        "Galera with more asynchronous replicas than nodes: no false split brain; the node that is \
         left without a quorum is no writer, and the replicas are read",
    ),
    (
        "mysql_group_stories.rs",
        "Group Replication: an election, a planned switch, the majority is gone",
    ),
];

#[test]
fn the_document_has_the_rows() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/FAULTS.md");
    let text = fs::read_to_string(&path).expect("docs/FAULTS.md can be read");
    let (before, rest) = text.split_once(BEGIN).expect("the document has a place for the rows");
    let (_, after) = rest.split_once(END).expect("and that place has an end");
    let right = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("UPDATE_FAULTS").is_some() {
        fs::write(&path, &right).expect("docs/FAULTS.md can be written");
    }
    let text = fs::read_to_string(&path).expect("docs/FAULTS.md can be read");
    assert!(text == right, "docs/FAULTS.md has other rows; UPDATE_FAULTS=1 writes them anew");
}

#[test]
fn every_name_is_unique_for_its_engine() {
    for &kind in ALL {
        let rows = rows::all();
        let rows = rows.iter().filter(|row| row.kinds.contains(&kind));
        let mut names: Vec<_> = rows.map(|row| row.name).collect();
        names.sort_unstable();
        let doubled = names.windows(2).find(|pair| pair[0] == pair[1]);
        assert_eq!(doubled, None, "{kind:?} has a row twice");
    }
}

fn table() -> String {
    let mut table = "| fault | on | steady | during a failover | at the start |\n\
                     | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for row in rows::all() {
        let phases = [Phase::Steady, Phase::Failover, Phase::Start].map(|phase| told(&row, phase));
        let (name, story) = (row.name, row.story);
        writeln!(table, "| `{name}`: {story} | {} | {} |", engines(row.kinds), phases.join(" | "))
            .expect("memory takes what is written");
    }
    table + &groups()
}

fn groups() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/databases");
    let story = |(file, told): &(&str, &str)| {
        assert!(folder.join(file).exists(), "there is no {file}");
        format!("- `tests/databases/{file}`: {told}.\n")
    };
    let stories: String = GROUPS.iter().map(story).collect();
    format!(
        "\n## Groups\n\nFaults of groups are no rows: a group elects, and has no A that is \
         promoted. They are stories, watched in\nthe same way.\n\n{stories}"
    )
}

/// What is answered, and after the arrow what is answered when the fault is over.
fn told(row: &Row, phase: Phase) -> String {
    let course = row.courses.iter().find(|course| course.phase == phase);
    course.map_or_else(|| "–".to_owned(), |course| format!("{} → {}", course.during, course.after))
}

fn engines(kinds: &[Kind]) -> String {
    if kinds == ALL {
        return "all".to_owned();
    }
    kinds.iter().map(|kind| kind.title()).collect::<Vec<_>>().join(", ")
}
