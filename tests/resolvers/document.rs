//! `docs/RESOLVERS.md`: the snippets that the tests use.

use crate::site::Site;

const DOCUMENT: &str = include_str!("../../docs/RESOLVERS.md");

/// The code blocks below the heading `## {title}`, in order, with the addresses and the port of
/// the document replaced by those of the two instances of `site`.
///
/// # Panics
/// When the heading, or an address in any of the blocks, is missing.
pub(crate) fn snippets<const COUNT: usize>(title: &str, site: &Site) -> [String; COUNT] {
    let (_, section) =
        DOCUMENT.split_once(&format!("\n## {title}\n")).expect("the document has the heading");
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let fenced = section.split("\n```").skip(1).step_by(2);
    let blocks = fenced.map(|block| block.split_once('\n').expect("a language, then the text").1);
    let blocks: Vec<String> = blocks.take(COUNT).map(|block| localise(block, site)).collect();
    blocks.try_into().unwrap_or_else(|found: Vec<_>| {
        panic!("{COUNT} snippets of {title} are tested, and {} are there", found.len())
    })
}

/// The snippet `block` with the lines `inside` in the place of its remark that other settings stay.
///
/// # Panics
/// When it has no such remark.
pub(crate) fn with_settings(block: &str, inside: &str) -> String {
    let remark = "// ... your other options ...";
    assert!(block.contains(remark), "no “{remark}” in:\n{block}");
    block.replace(remark, inside)
}

fn localise(block: &str, site: &Site) -> String {
    let [first, second] = site.instances();
    block
        .replace("10.0.0.11", &first.ip().to_string())
        .replace("10.0.0.12", &second.ip().to_string())
        .replace("5300", &first.port().to_string())
}
