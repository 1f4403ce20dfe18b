//! No circles: a file can be read without those that import from it.
//!
//! The nodes are the files of `src`. An arrow leads from a file to the one that *defines* what it
//! names: what a `mod.rs` only passes on is followed to its home, and neither `mod` nor `pub use`
//! draws an arrow. What a file takes from the `mod.rs` above it draws none either: the parts of a
//! folder share what stands at its head. Tests are left out. A method that is called on a value
//! whose type is never named is not seen.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    paths::{NamedBy, NamedPath, named_paths},
    tree::{RustFile, RustTree},
};

#[test]
fn files_import_from_each_other_in_no_circle() {
    let graph = Graph::read(&RustTree::read("src/"));
    let shown: Vec<_> = graph.circles().iter().map(|circle| graph.shown(circle)).collect();
    assert!(
        shown.is_empty(),
        "{} circles of files; move what both ends need to a file that imports neither\n\n{}\n",
        shown.len(),
        shown.join("\n\n")
    );
}

#[test]
fn rooms_import_from_each_other_in_no_circle() {
    let circles = Graph::read(&RustTree::read("src/")).of_rooms().circles();
    assert!(circles.is_empty(), "modules in a circle: {circles:?}");
}

/// Who imports from whom.
#[derive(Clone, Debug, Default)]
struct Graph {
    /// Where each arrow leads, and a line that draws it.
    arrows: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Graph {
    fn read(tree: &RustTree) -> Self {
        let modules = Modules::read(tree);
        let mut graph = Self::default();
        for (file, paths) in &modules.files {
            let from = graph.arrows.entry(file.path.clone()).or_default();
            for path in paths.iter().filter(|path| !matches!(path.by, NamedBy::Export(_))) {
                if let Some(to) = modules.home(paths, path)
                    && !file.module.starts_with(&to.module)
                {
                    from.entry(to.path.clone()).or_insert(path.line);
                }
            }
        }
        graph
    }

    /// The same between top-level modules.
    fn of_rooms(&self) -> Self {
        let room = |path: &str| {
            let path = path.trim_start_matches("src/").trim_end_matches(".rs");
            path.split('/').next().unwrap_or_default().to_owned()
        };
        let mut graph = Self::default();
        for (from, to) in &self.arrows {
            let others = to.iter().map(|(to, line)| (room(to), *line));
            let others = others.filter(|(to, _)| *to != room(from));
            graph.arrows.entry(room(from)).or_default().extend(others);
        }
        graph
    }

    /// The largest sets of nodes of which each reaches each other one, of two nodes or more.
    fn circles(&self) -> Vec<Vec<String>> {
        let reached: BTreeMap<_, _> =
            self.arrows.keys().map(|node| (node, self.reached_from(node))).collect();
        let mut circles = BTreeSet::new();
        for (node, others) in &reached {
            if others.contains(*node) {
                let back = |other: &&String| reached.get(other).is_some_and(|r| r.contains(*node));
                circles.insert(others.iter().filter(back).cloned().collect::<Vec<_>>());
            }
        }
        circles.into_iter().collect()
    }

    fn reached_from(&self, node: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            for next in self.arrows.get(node).into_iter().flat_map(BTreeMap::keys) {
                if reached.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        reached
    }

    /// A circle with the arrows within it.
    fn shown(&self, circle: &[String]) -> String {
        let mut lines = vec![circle.join(", ")];
        for from in circle {
            let within = self.arrows[from].iter().filter(|(to, _)| circle.contains(to));
            lines.extend(within.map(|(to, line)| format!("  {from}:{line} imports from {to}")));
        }
        lines.join("\n")
    }
}

/// Every file that runs outside tests, with the paths it names there.
struct Modules<'a> {
    files: Vec<(&'a RustFile, Vec<NamedPath>)>,
    /// The places of modules in `files`.
    by_module: BTreeMap<&'a [String], usize>,
}

impl<'a> Modules<'a> {
    fn read(tree: &'a RustTree) -> Self {
        let files: Vec<_> = tree.files.iter().filter(|file| !file.is_test).collect();
        let is_module = |file: &RustFile| file.top() != "main";
        let places = files.iter().enumerate().filter(|(_, file)| is_module(file));
        let by_module: BTreeMap<_, _> =
            places.map(|(place, file)| (file.module.as_slice(), place)).collect();
        let paths = |file: &'a RustFile| {
            let mut paths = named_paths(&file.text, &file.module, "pointsman");
            paths.retain(|path| !path.in_test);
            for NamedPath { segments, .. } in &mut paths {
                let below = [file.module.as_slice(), &segments[..1]].concat();
                // A path may begin with a module right below the one that names it.
                if by_module.contains_key(below.as_slice()) {
                    let root = std::iter::once("crate".to_owned());
                    segments.splice(..0, root.chain(file.module.iter().cloned()));
                }
            }
            (file, paths)
        };
        let files = files.iter().copied().map(paths).collect();
        Self { files, by_module }
    }

    /// The file that defines what `path` leads to, where these `paths` are named; `None` for a mere
    /// module and for what is not ours.
    fn home(&self, paths: &[NamedPath], path: &NamedPath) -> Option<&'a RustFile> {
        let (first, below) = path.segments.split_first()?;
        match path.by {
            _ if first == "crate" => self.follow(below, FAR),
            NamedBy::Code => self.through(paths, first, below, FAR),
            NamedBy::Import(_) | NamedBy::Export(_) => None,
        }
    }

    /// As [`Self::home`], of a path below the root of the crate. `far` bounds the way.
    fn follow(&self, segments: &[String], far: usize) -> Option<&'a RustFile> {
        let depth = (0..=segments.len())
            .rev()
            .find(|depth| self.by_module.contains_key(&segments[..*depth]))?;
        let (file, paths) = &self.files[self.by_module[&segments[..depth]]];
        let (name, rest) = segments[depth..].split_first()?;
        let passed_on = || {
            let globs = paths.iter().filter(|path| is_called(path, "*"));
            let own = self.through(paths, name, rest, far.checked_sub(1)?);
            own.or_else(|| {
                globs
                    .filter_map(|glob| {
                        let (_, above) = glob.segments.split_last()?;
                        let (_, above) = above.split_first()?;
                        self.follow(&[above, &segments[depth..]].concat(), far.checked_sub(1)?)
                    })
                    .next()
            })
        };
        match defines(file, name) || name == "*" {
            true => Some(file),
            false => passed_on(),
        }
    }

    /// Where `name`, imported by one of `paths`, leads with `rest` behind it.
    fn through(
        &self,
        paths: &[NamedPath],
        name: &str,
        rest: &[String],
        far: usize,
    ) -> Option<&'a RustFile> {
        let import = paths.iter().find(|path| is_called(path, name))?;
        let (first, below) = import.segments.split_first()?;
        if first != "crate" {
            return None;
        }
        self.follow(&[below, rest].concat(), far.checked_sub(1)?)
    }
}

fn is_called(path: &NamedPath, name: &str) -> bool {
    match &path.by {
        NamedBy::Import(called) | NamedBy::Export(called) => called == name,
        NamedBy::Code => false,
    }
}

/// Whether an item called `name` stands in `file`.
fn defines(file: &RustFile, name: &str) -> bool {
    file.text.tokens.windows(2).any(|pair| {
        !pair[0].in_test && DEFINING.contains(&pair[0].text.as_str()) && pair[1].text == name
    })
}

const DEFINING: [&str; 8] = ["const", "enum", "fn", "mod", "static", "struct", "trait", "type"];

/// Steps from import to import.
const FAR: usize = 16;

#[cfg(test)]
mod tests {
    use super::Graph;
    use crate::tree::RustTree;

    /// The circles of a folder with these files, by their names.
    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let file = |(path, source): &(&str, &str)| (format!("src/{path}.rs"), (*source).to_owned());
        let tree = RustTree::of("src/", files.iter().map(file));
        let circles = Graph::read(&tree).circles();
        circles
            .iter()
            .map(|circle| circle.join(" ").replace("src/", "").replace(".rs", ""))
            .collect()
    }

    #[test]
    fn each_way_to_draw_an_arrow_is_seen() {
        for there in [
            "use super::one::One;",
            "use crate::a::{one::One as Other};",
            "use super::one; fn f() { one::One::new() }",
            "fn f(x: super::one::One) {}",
            "use super::One;",
            "use super::{one as other}; struct Two(other::One);",
            "use super::one::*;",
            "use crate::a::deep::One;",
            "use super::Low;",
        ] {
            let found = circles(&[
                ("a/mod", "mod one; mod two; mod deep; pub use self::one::One; pub use deep::*;"),
                ("a/deep", "pub use super::one::{One, One as Low};"),
                ("a/one", "pub struct One; use super::two::Two;"),
                ("a/two", &format!("pub struct Two; {there}")),
            ]);
            assert_eq!(found, ["a/one a/two"], "{there}");
        }
    }

    #[test]
    fn what_is_passed_on_is_followed_to_its_home() {
        let found = circles(&[
            ("lib", "mod a; mod b; pub use a::*;"),
            ("a/mod", "mod deep; pub use deep::{Deep as Low, *}; pub struct Head(crate::b::B);"),
            ("a/deep", "pub struct Deep; pub struct Other;"),
            ("b", "use crate::{a::Low, Other}; pub struct B;"),
        ]);
        assert_eq!(found, [""; 0]);
        let head = circles(&[
            ("lib", "mod a; mod b;"),
            ("a/mod", "pub struct Head(crate::b::B);"),
            ("b", "use crate::a::Head; pub struct B;"),
        ]);
        assert_eq!(head, ["a/mod b"]);
    }

    #[test]
    fn the_head_of_a_folder_and_its_parts_are_one() {
        let found = circles(&[
            ("a/mod", "mod one; pub use one::One; pub struct Head(one::One);"),
            ("a/one", "use super::Head; pub struct One;"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn tests_draw_no_arrows() {
        let found = circles(&[
            ("a", "use crate::b::B; pub struct A;"),
            ("b", "pub struct B; #[cfg(test)] mod tests { use crate::a::A; }"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn a_circle_has_all_its_nodes_and_no_others() {
        let found = circles(&[
            ("a", "use crate::b::B; pub struct A;"),
            ("b", "use crate::c::C; pub struct B;"),
            ("c", "use crate::{a::A, d::D}; pub struct C;"),
            ("d", "pub struct D;"),
            ("e", "use crate::a::A; use crate::f::F; pub struct E;"),
            ("f", "use crate::e::E; pub struct F;"),
        ]);
        assert_eq!(found, ["a b c", "e f"]);
    }

    #[test]
    fn rooms_are_joined_from_their_files() {
        let file = |path: &str, source: &str| (path.to_owned(), source.to_owned());
        let files = [
            file("src/a/mod.rs", "mod one; mod two;"),
            file("src/a/one.rs", "use crate::b::low::Low;"),
            file("src/a/two.rs", "pub struct Two;"),
            file("src/b/mod.rs", "mod low; mod high;"),
            file("src/b/low.rs", "pub struct Low;"),
            file("src/b/high.rs", "use crate::a::two::Two;"),
        ];
        let graph = Graph::read(&RustTree::of("src/", files));
        assert_eq!(graph.circles(), [[""; 0]; 0]);
        assert_eq!(graph.of_rooms().circles(), [["a", "b"]]);
    }
}
