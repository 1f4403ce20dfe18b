//! The files of the project, as git knows them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::rust_text::RustText;

/// Where Rust files are.
pub(crate) const FOLDERS: [&str; 3] = ["src/", "tests/", "fuzz/"];

/// Every Rust file below one folder.
pub(crate) struct RustTree {
    pub(crate) files: Vec<RustFile>,
}

/// One of them.
pub(crate) struct RustFile {
    /// From the root of the project.
    pub(crate) path: String,
    /// Where it stands in its crate: `src/probe/mysql/mod.rs` is `probe`, `mysql`.
    pub(crate) module: Vec<String>,
    pub(crate) source: String,
    pub(crate) text: RustText,
    /// The whole file exists only in tests.
    pub(crate) is_test: bool,
}

impl RustTree {
    /// The files below `folder`, which ends with a slash.
    pub(crate) fn read(folder: &str) -> Self {
        let paths = tracked().into_iter().filter(|path| path.starts_with(folder));
        let sources = paths.filter(|path| path.ends_with(".rs")).map(|path| {
            let source = content(&path);
            (path, source)
        });
        let tree = Self::of(folder, sources);
        assert!(tree.files.len() > 3, "only {} Rust files below {folder}", tree.files.len());
        tree
    }

    /// A tree of these paths and sources.
    pub(crate) fn of(folder: &str, sources: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut files: Vec<_> = sources
            .into_iter()
            .map(|(path, source)| {
                let module = module(&path[folder.len()..]);
                let text = RustText::read(&source);
                RustFile { path, module, source, text, is_test: false }
            })
            .collect();
        let test_modules: BTreeSet<_> = files.iter().flat_map(RustFile::test_modules).collect();
        for file in &mut files {
            let parents = 1..=file.module.len();
            file.is_test = parents
                .map(|length| file.module[..length].to_vec())
                .any(|module| test_modules.contains(&module));
        }
        Self { files }
    }
}

impl RustFile {
    /// The top-level module it belongs to; `main` and `lib` are their own.
    pub(crate) fn top(&self) -> &str {
        match self.module.first() {
            Some(first) => first,
            None if self.path.ends_with("main.rs") => "main",
            None => "lib",
        }
    }

    fn test_modules(&self) -> impl Iterator<Item = Vec<String>> {
        let below = |name: &String| [self.module.as_slice(), std::slice::from_ref(name)].concat();
        self.text.test_modules.iter().map(below)
    }
}

fn module(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let mut module: Vec<_> = path.split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "main" | "lib")) {
        module.pop();
    }
    module
}

/// Every file that git tracks or would track, and that is there.
pub(crate) fn tracked() -> Vec<String> {
    let listed = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .args(["--cached", "--others", "--exclude-standard"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("git can be run");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let paths = String::from_utf8(listed.stdout).expect("paths are UTF-8");
    let paths: BTreeSet<_> = paths.split_terminator('\0').map(str::to_owned).collect();
    paths.into_iter().filter(|path| in_project(path).is_file()).collect()
}

/// What is in the file `path`, as text; octets that are none are replaced.
pub(crate) fn content(path: &str) -> String {
    match fs::read(in_project(path)) {
        Ok(octets) => String::from_utf8_lossy(&octets).into_owned(),
        Err(error) => panic!("{path}: {error}"),
    }
}

/// `path` from the root of the project.
pub(crate) fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[cfg(test)]
mod tests {
    use super::RustTree;

    #[test]
    fn files_find_their_modules_and_tests_are_known() {
        let file = |path: &str, source: &str| (path.to_owned(), source.to_owned());
        let tree = RustTree::of(
            "src/",
            [
                file("src/lib.rs", "mod a;"),
                file("src/main.rs", "fn main() {}"),
                file("src/a/mod.rs", "mod b; #[cfg(test)] mod tests;"),
                file("src/a/b.rs", "#[cfg(test)] mod sample;"),
                file("src/a/tests.rs", ""),
                file("src/a/b/sample.rs", ""),
                file("src/a/b/sample/deep.rs", ""),
            ],
        );
        let seen: Vec<_> = tree
            .files
            .iter()
            .map(|file| (file.top(), file.module.join("::"), file.is_test))
            .collect();
        let expected = [
            ("lib", "", false),
            ("main", "", false),
            ("a", "a", false),
            ("a", "a::b", false),
            ("a", "a::tests", true),
            ("a", "a::b::sample", true),
            ("a", "a::b::sample::deep", true),
        ];
        assert_eq!(seen, expected.map(|(top, module, test)| (top, module.to_owned(), test)));
    }
}
