//! How far an item can be seen is said once: an item is `pub` or private, and the `mod` lines and
//! `pub use` of its room decide how far `pub` goes. `pub(super)` and `pub(in …)` are for members of
//! types that go further than the member.

use crate::{
    fault::{Fault, assert_none},
    tree::{RustFile, RustTree},
};

#[test]
fn modules_decide_how_far_items_are_seen() {
    let all = RustTree::read("src/").files.into_iter();
    assert_none(all.flat_map(|file| restricted_items(&file)).collect());
}

fn restricted_items(file: &RustFile) -> Vec<Fault> {
    let lines = (1..).zip(file.source.lines());
    let items = lines.filter(|(_, line)| {
        ["pub(super) ", "pub(in ", "pub(self) "].iter().any(|start| line.starts_with(start))
    });
    let advice = "write `pub`, and keep the module private that it is in";
    items.map(|(number, _)| Fault::new(&file.path, number, "visibility", advice)).collect()
}

#[cfg(test)]
mod tests {
    use super::restricted_items;
    use crate::tree::RustTree;

    #[test]
    fn members_may_be_restricted_and_items_may_not() {
        for (source, count) in [
            ("pub fn f() {}\n", 0),
            ("fn f() {}\n", 0),
            ("pub(crate) fn f() {}\n", 0),
            ("pub struct A {\n    pub(super) b: u8,\n}\n", 0),
            ("pub(super) fn f() {}\n", 1),
            ("pub(in crate::dns) use a::B;\npub(super) mod c;\n", 2),
        ] {
            let file =
                RustTree::of("src/", [("src/a.rs".to_owned(), source.to_owned())]).files.remove(0);
            assert_eq!(restricted_items(&file).len(), count, "{source}");
        }
    }
}
