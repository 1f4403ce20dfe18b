//! Where the file of a module stands: with modules below it at the head of a folder, as `x/mod.rs`;
//! without any as `x.rs`, whose tests may stand in `x/tests.rs`.

use std::path::Path;

use crate::{
    fault::{Fault, assert_none},
    tree::{FOLDERS, RustFile, RustTree},
};

#[test]
fn modules_stand_where_one_looks_for_them() {
    let trees = FOLDERS.into_iter().map(RustTree::read);
    assert_none(trees.flat_map(|tree| misplaced(&tree)).collect());
}

fn misplaced(tree: &RustTree) -> Vec<Fault> {
    tree.files.iter().filter_map(|file| advice(tree, file)).collect()
}

fn advice(tree: &RustTree, file: &RustFile) -> Option<Fault> {
    let path = Path::new(&file.path);
    let (folder, is_head) = match path.file_stem()?.to_str()? {
        "mod" => (path.parent()?.to_owned(), true),
        "main" | "lib" => return None,
        _ => (path.with_extension(""), false),
    };
    let others = || {
        let below = tree.files.iter().filter(|other| Path::new(&other.path).starts_with(&folder));
        below.filter(|other| other.path != file.path)
    };
    // A folder of tests is no leaf: all that is in it is a test.
    let has_modules = others().any(|other| file.is_test || !other.is_test);
    let folder = folder.display();
    let advice = match (is_head, has_modules) {
        (true, false) => format!("no module is below it; move it to {folder}.rs"),
        (false, true) => format!("modules are below it; move it to {folder}/mod.rs"),
        (true, true) | (false, false) => return None,
    };
    Some(Fault::new(&file.path, 1, "module file", advice))
}

#[cfg(test)]
mod tests {
    use super::misplaced;
    use crate::tree::RustTree;

    #[test]
    fn only_a_head_has_modules_below_it() {
        let tests = "#[cfg(test)] mod tests;";
        for (files, expected) in [
            (vec![("a.rs", "")], None),
            (vec![("a.rs", tests), ("a/tests.rs", "")], None),
            (vec![("a.rs", tests), ("a/tests/mod.rs", ""), ("a/tests/b.rs", "")], None),
            (vec![("a/mod.rs", ""), ("a/b.rs", "")], None),
            (vec![("a/mod.rs", ""), ("a/b/mod.rs", ""), ("a/b/c.rs", "")], None),
            (vec![("a/mod.rs", "")], Some("src/a.rs")),
            (vec![("a/mod.rs", tests), ("a/tests.rs", "")], Some("src/a.rs")),
            (vec![("a.rs", ""), ("a/b.rs", "")], Some("src/a/mod.rs")),
            (vec![("a.rs", tests), ("a/tests.rs", ""), ("a/b.rs", "")], Some("src/a/mod.rs")),
            (vec![("main.rs", ""), ("main/a.rs", "")], None),
        ] {
            let named = format!("{files:?}");
            let files = files.into_iter();
            let files = files.map(|(path, source)| (format!("src/{path}"), source.to_owned()));
            let faults = misplaced(&RustTree::of("src/", files));
            assert_eq!(faults.len(), usize::from(expected.is_some()), "{named}: {faults:?}");
            let told = |to| faults[0].to_string().contains(&format!("move it to {to}"));
            assert!(expected.is_none_or(told), "{named}: {faults:?}");
        }
    }
}
