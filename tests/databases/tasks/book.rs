//! The commands of a task, cut out of the document that has them.

/// A task, and the section whose commands do it.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// What is done.
    pub title: &'static str,
    document: Document,
    /// The section's heading.
    heading: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Document {
    Readme,
    Operating,
}

/// What stands on a line of a block of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// A command, without the remark behind it.
    Command(&'static str),
    /// What is to be done meanwhile.
    Remark(&'static str),
}

/// The tasks in the order in which the story does them.
pub const TASKS: [Task; 10] = [
    task("a first answer, after the build", Document::Readme, "Five minutes with your own servers"),
    task("read the reason of a held name", Document::Operating, "Why is a name held?"),
    task(
        "drain, a new kernel, undrain",
        Document::Operating,
        "Taking a server out, and bringing it back",
    ),
    task("another password for the probes", Document::Operating, "Another password for the probes"),
    task("add a server, and remove it", Document::Operating, "Adding and removing servers"),
    task("a planned switchover by hand", Document::Operating, "A planned switchover"),
    task(
        "find who still talks to the old primary",
        Document::Operating,
        "Who still talks to the old primary",
    ),
    task("restore after a wrong override", Document::Operating, "A wrong override"),
    task("an upgrade", Document::Operating, "An upgrade"),
    task(
        "prove to an auditor who froze what and why",
        Document::Operating,
        "Who changed what, for an auditor",
    ),
];

const fn task(title: &'static str, document: Document, heading: &'static str) -> Task {
    Task { title, document, heading }
}

impl Task {
    /// The lines of the section's blocks of shell commands. The build is no part of a task.
    ///
    /// # Panics
    /// When the document has no such section.
    pub fn lines(&self) -> Vec<Line> {
        let lines = shell_lines(self.section());
        lines.into_iter().filter(|line| *line != Line::Command("cargo build --release")).collect()
    }

    /// How many commands it takes.
    pub fn commands(&self) -> usize {
        self.lines().iter().filter(|line| matches!(line, Line::Command(_))).count()
    }

    /// The section without those below it.
    pub fn section(&self) -> &'static str {
        let mut parts = self.document.text().split("\n##").map(|part| part.trim_start_matches('#'));
        let section = parts.find_map(|part| part.trim_start().strip_prefix(self.heading));
        section.unwrap_or_else(|| panic!("no section {:?}", self.heading))
    }

    /// Where to find it, as seen from docs/OPERATING.md.
    pub fn link(&self) -> String {
        let words = self.heading.to_lowercase().replace(' ', "-");
        let anchor = words.replace(|c: char| !c.is_alphanumeric() && c != '-', "");
        let file = match self.document {
            Document::Readme => "../README.md",
            Document::Operating => "",
        };
        format!("{file}#{anchor}")
    }
}

impl Document {
    fn text(self) -> &'static str {
        match self {
            Self::Readme => include_str!("../../../README.md"),
            Self::Operating => include_str!("../../../docs/OPERATING.md"),
        }
    }
}

/// The lines of every block that is marked `sh`, however it is indented.
fn shell_lines(section: &'static str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut is_inside = false;
    for line in section.lines().map(str::trim) {
        match line.strip_prefix("```") {
            Some(language) => is_inside = language == "sh",
            None if !is_inside || line.is_empty() => {}
            None => lines.push(match line.strip_prefix("# ") {
                Some(remark) => Line::Remark(remark),
                None => Line::Command(
                    line.split_once("  #").map_or(line, |(command, _)| command).trim(),
                ),
            }),
        }
    }
    lines
}
