//! From the text to its sections, piece by piece.
//!
//! A parsed table of the file takes about a kilobyte, so that ten thousand clusters parsed at once
//! would take more memory than all the rest of Pointsman, and most of the time of a start. So the
//! text is cut before each line `[[cluster]]`, and each piece is parsed and turned into sections by
//! itself. That means the same as the whole, provided that
//!
//! - no text spans lines, so that such a line is a header;
//! - every piece is TOML, what comes before the first one has no `cluster`, and the others have
//!   nothing else.
//!
//! A file that does not comply is parsed as a whole. That includes every file that is not TOML,
//! whose errors therefore are those of the whole.

use std::ops::Range;

use toml::{Spanned, de::DeTable};

use super::{Faults, Field, Section};
use crate::config::{admin::AdminSection, cluster::ClusterSection, file::FileSection};

/// Reads the sections of `text`, with a fault for everything that cannot be read; `None` if it is
/// not TOML.
pub fn read(text: &str, faults: &mut Faults<'_>) -> Option<FileSection> {
    let mark = faults.mark();
    let section = in_pieces(text, faults);
    faults.begin_at(0);
    section.or_else(|| {
        faults.revert(mark);
        whole(text, faults)
    })
}

/// Reads `[admin]` alone.
pub fn admin(text: &str, faults: &mut Faults<'_>) -> Option<Field<AdminSection>> {
    let table = table(text, faults)?;
    Some(Field::read("admin", &table, faults))
}

/// Reads everything at once.
pub fn whole(text: &str, faults: &mut Faults<'_>) -> Option<FileSection> {
    let table = table(text, faults)?;
    Some(FileSection::from_table(&table, faults))
}

/// The parsed text, with a fault for everything that is not TOML.
fn table<'a>(text: &'a str, faults: &mut Faults<'_>) -> Option<DeTable<'a>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    // Where a section that is there twice ends: its keys are no faults of their own.
    let mut repeated = 0;
    for error in &errors {
        let span = error.span().unwrap_or(text.len()..text.len());
        let what = error.message().replace('\n', ", ");
        if what != DUPLICATE {
            faults.add(span, format!("not TOML: {what}"), SPECIFICATION);
        } else if let Some(header) = header(text, span.start) {
            let title = header.trim_matches(['[', ']']).trim();
            let what = format!("not TOML: the section `[{title}]` is there twice");
            let advice = match LISTS.contains(&title) {
                true => format!("there may be several: write `[[{title}]]` above each"),
                false => "put its keys into one".to_owned(),
            };
            repeated = text[span.end..].find("\n[").map_or(text.len(), |next| span.end + next);
            faults.add(span, what, advice);
        } else if span.start >= repeated {
            let key = text.get(span.clone()).unwrap_or_default().escape_debug();
            let what = format!("not TOML: the key `{key}` is there twice in one section");
            faults.add(span, what, "keep one of them");
        }
    }
    errors.is_empty().then(|| table.into_inner())
}

/// The line around `place`, if it is the header of a section.
fn header(text: &str, place: usize) -> Option<&str> {
    let start = text.get(..place)?.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next()?;
    let line = line.split('#').next().unwrap_or(line).trim();
    (line.starts_with('[') && line.ends_with(']')).then_some(line)
}

/// What the parser says of a key that is there twice. A section is one, too.
const DUPLICATE: &str = "duplicate key";

const SPECIFICATION: &str = "see https://toml.io/en/v1.1.0";

/// Sections of which there may be several.
const LISTS: [&str; 7] =
    ["zone", "zone.secondary", "key", "hook", "cluster", "cluster.read", "cluster.server"];

/// Reads one piece after the other; `None` if that could mean something else than the whole.
fn in_pieces(text: &str, faults: &mut Faults<'_>) -> Option<FileSection> {
    let (head, pieces) = cut(text)?;
    let mut file = FileSection::from_table(&parsed(head)?, faults);
    if file.cluster.is_present() {
        return None;
    }
    let mut clusters = Vec::with_capacity(pieces.len());
    for piece in &pieces {
        let table = parsed(&text[piece.clone()])?;
        if table.len() != 1 {
            return None;
        }
        faults.begin_at(piece.start);
        match Field::<Vec<Spanned<ClusterSection>>>::read("cluster", &table, faults) {
            Field::Given(read) => clusters.extend(read.into_inner()),
            Field::Absent | Field::Faulty => return None,
        }
    }
    file.cluster = match pieces.first() {
        Some(first) => Field::Given(Spanned::new(first.start..text.len(), clusters)),
        None => Field::Absent,
    };
    Some(file)
}

/// What comes before the first cluster, and the clusters; `None` if the lines that look like
/// headers may be something else.
fn cut(text: &str) -> Option<(&str, Vec<Range<usize>>)> {
    if text.contains("\"\"\"") || text.contains("'''") {
        return None;
    }
    let at_start = text.starts_with(HEADER).then_some(0);
    let on_lines = text.match_indices("\n[[cluster]]").map(|(newline, _)| newline + 1);
    let starts: Vec<usize> = at_start.into_iter().chain(on_lines).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let head = &text[..*starts.first().unwrap_or(&text.len())];
    Some((head, starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()))
}

const HEADER: &str = "[[cluster]]";

fn parsed(text: &str) -> Option<DeTable<'_>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    errors.is_empty().then(|| table.into_inner())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    /// Sections and faults, once in pieces where that is possible, and once as a whole.
    fn both(text: &str) -> [String; 2] {
        [read, whole].map(|reading| {
            let mut faults = Faults::new(Path::new("x.toml"), text);
            let section = reading(text, &mut faults);
            // Where the list of clusters begins is of no use to anybody.
            let shown = section.map(|file| {
                let FileSection {
                    dns,
                    zone,
                    key,
                    catalog,
                    publish,
                    state,
                    admin,
                    log,
                    discovery,
                    hook,
                    cluster,
                } = file;
                let clusters = cluster.given().map(|list| format!("{list:#?}"));
                let others = format!(
                    "{key:#?} {catalog:#?} {publish:#?} {state:#?} {admin:#?} {log:#?} {hook:#?}"
                );
                format!("{dns:#?} {zone:#?} {others} {discovery:#?} {clusters:?}")
            });
            format!("{shown:?} {:#?}", faults.into_sorted())
        })
    }

    const LINES: [&str; 35] = [
        "[[cluster]]",
        "[[cluster]]",
        "[[cluster]]",
        "[[cluster]] # one more",
        " [[cluster]]",
        "[[ cluster ]]",
        "[[\"cluster\"]]",
        "[cluster]",
        "cluster = []",
        "cluster.name = 'x'",
        "x = [",
        "]",
        "x = \"\"\"",
        "'''",
        "# comment\r",
        "[dns]",
        "workers = 'é'",
        "listen = ['127.0.0.1:53', 1]",
        "[state]",
        "directory = 'd'",
        "[[hook]]",
        "events = ['split_brain', 'x']",
        "[[zone]]",
        "origin = 'internal.'",
        "[cluster.write]",
        "name = 'a'",
        "ttl = '1x'",
        "nmae = 'ü'",
        "[[cluster.read]]",
        "[cluster.probe]",
        "fall = 99999999999999999999",
        "[[cluster.server]]",
        "address = ['10.0.0.1', 7]",
        "port = 1",
        "",
    ];

    fn text() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(LINES.to_vec()), 0..12)
            .prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn pieces_mean_the_same_as_the_whole(text in text()) {
            let [pieces, whole] = both(&text);
            prop_assert_eq!(pieces, whole);
        }
    }

    #[test]
    fn only_a_plain_list_of_clusters_is_cut() {
        let text = "[dns]\nworkers = 1\n[[cluster]]\nname = 'é'\n\n[[cluster]]\r\nnam = 1\n";
        let clusters = |text| {
            let mut faults = Faults::new(Path::new("x.toml"), text);
            in_pieces(text, &mut faults)?.cluster.given().map(Vec::len)
        };
        assert_eq!(clusters(text), Some(2));
        let [pieces, whole] = both(text);
        assert_eq!(pieces, whole);
        assert_eq!(clusters("cluster = []\n[[cluster]]"), None);
        assert_eq!(clusters("[[cluster]]\nx = '''\n[[cluster]]'''"), None);
        assert_eq!(clusters("[[cluster]]\n[dns]\n[[cluster]]\n[dns]"), None);
    }
}
