//! The run-book at `/runbook`: the sections of `docs/OPERATING.md` as they are written.
//!
//! A section is what stands below a heading of the second or third level, with its heading, up to
//! the next heading of its own level or a higher one. It is called by its heading as it is in links
//! to the document: in small letters, with a hyphen for each blank and nothing else but letters and
//! digits.

use axum::{extract::Path, http::StatusCode, response::Response};

use super::reply::{TEXT, reply};

/// The document, as this version of the program has it.
const OPERATING: &str = include_str!("../../../docs/OPERATING.md");

/// One section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Chapter<'d> {
    title: &'d str,
    /// 2 or 3.
    level: usize,
    /// The heading and what is below it.
    text: &'d str,
}

/// All sections, one line each.
pub async fn contents() -> Response {
    reply(TEXT, format!("The run-book. Its sections:\n{}", listing()))
}

/// One section; 404 with all of them when there is none of this name.
pub async fn section(Path(asked): Path<String>) -> Response {
    match chapter(&asked) {
        Some(found) => reply(TEXT, found.text.to_owned()),
        None => {
            let text = format!("The run-book has no such section. It has:\n{}", listing());
            let mut response = reply(TEXT, text);
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}

/// Where the section of a heading is served.
pub fn link(title: &str) -> String {
    format!("/runbook/{}", slug(title))
}

fn chapter(asked: &str) -> Option<Chapter<'static>> {
    chapters(OPERATING).into_iter().find(|one| slug(one.title) == asked)
}

fn listing() -> String {
    let line = |one: &Chapter<'_>| format!("{}{}\n", "  ".repeat(one.level - 1), link(one.title));
    chapters(OPERATING).iter().map(line).collect()
}

/// The sections of a document, in order. What stands in a block of code is no heading.
fn chapters(document: &str) -> Vec<Chapter<'_>> {
    let mut headings = Vec::new();
    let (mut offset, mut in_code) = (0, false);
    for line in document.split_inclusive('\n') {
        in_code ^= line.starts_with("```");
        let level = line.bytes().take_while(|octet| *octet == b'#').count();
        if !in_code && (2..=3).contains(&level) && line[level..].starts_with(' ') {
            headings.push((offset, level, line[level..].trim()));
        }
        offset += line.len();
    }
    let section = |(place, &(start, level, title)): (usize, &(usize, usize, _))| {
        let mut later = headings[place + 1..].iter();
        let end = later.find(|(_, other, _)| *other <= level).map_or(document.len(), |end| end.0);
        Chapter { title, level, text: &document[start..end] }
    };
    headings.iter().enumerate().map(section).collect()
}

/// How a section is called in links.
fn slug(title: &str) -> String {
    let kept = title.chars().filter_map(|character| match character {
        ' ' | '-' => Some('-'),
        _ if character.is_alphanumeric() => Some(character.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::{super::next::Section, *};

    #[test]
    fn a_section_has_its_parts_and_ends_where_the_next_begins() {
        let text = "# T\n\n## One, a\nx\n### Part\n```sh\n## no heading\n```\n## Two\ny\n";
        let found = chapters(text);
        let titles: Vec<_> = found.iter().map(|one| (one.title, one.level)).collect();
        assert_eq!(titles, [("One, a", 2), ("Part", 3), ("Two", 2)]);
        assert!(found[0].text.starts_with("## One, a\n") && found[0].text.ends_with("```\n"));
        assert_eq!(found[2].text, "## Two\ny\n");
        assert_eq!(slug("Taking a server out, and bringing it back"), TAKING);
    }

    const TAKING: &str = "taking-a-server-out-and-bringing-it-back";

    #[test]
    fn each_section_that_the_page_leads_to_is_there_and_no_two_are_called_alike() {
        for wanted in Section::ALL {
            assert!(chapter(&slug(wanted.title())).is_some(), "{wanted:?}");
        }
        let mut slugs: Vec<_> = chapters(OPERATING).iter().map(|one| slug(one.title)).collect();
        assert!(slugs.len() > 15 && slugs.contains(&TAKING.to_owned()), "{slugs:?}");
        slugs.sort();
        let all = slugs.len();
        slugs.dedup();
        assert_eq!(slugs.len(), all);
    }

    #[test]
    fn what_is_not_there_is_answered_with_what_is() {
        assert!(chapter("a-split-brain").is_some_and(|one| one.text.contains("Two servers")));
        assert!(chapter("A-split-brain").is_none() && chapter("../x").is_none());
        assert!(listing().contains("  /runbook/a-split-brain\n"), "{}", listing());
    }
}
