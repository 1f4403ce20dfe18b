//! An override in words: on the page, on a terminal, in the reply to whoever asked for it.

use std::fmt;

use super::Wish;

/// An override of a cluster, as one sentence without its end: `db1 is drained`.
#[derive(Clone, Copy, Debug)]
pub struct OverrideWords<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// What is wished of it.
    pub wish: &'a Wish,
}

impl<'a> OverrideWords<'a> {
    /// The server or the cluster that it is about.
    pub fn subject(&self) -> &'a str {
        match self.wish {
            Wish::Drain { server, .. } => server,
            Wish::Pin { .. } | Wish::Freeze | Wish::Maintenance => self.cluster,
        }
    }

    /// What is said of the subject, as in `drained`.
    pub fn predicate(&self) -> String {
        match self.wish {
            Wish::Drain { force: false, .. } => "drained".to_owned(),
            Wish::Drain { force: true, .. } => "drained of all names".to_owned(),
            Wish::Pin { server, even_if_not_writable: false } => format!("pinned to {server}"),
            Wish::Pin { server, even_if_not_writable: true } => {
                format!("pinned to {server} (writable or not)")
            }
            Wish::Freeze => "frozen".to_owned(),
            Wish::Maintenance => "in maintenance".to_owned(),
        }
    }

    /// What is said when it has ended.
    pub fn ended(&self) -> String {
        format!("{} is no longer {}", self.subject(), self.predicate())
    }

    /// The command that ends it.
    pub fn ending_command(&self) -> String {
        let Self { cluster, wish } = self;
        match wish {
            Wish::Drain { server, .. } => format!("pointsman undrain {server}"),
            Wish::Pin { .. } => format!("pointsman unpin {cluster}"),
            Wish::Freeze => format!("pointsman thaw {cluster}"),
            Wish::Maintenance => format!("pointsman maintenance {cluster} --end"),
        }
    }
}

impl fmt::Display for OverrideWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.subject(), self.predicate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_said_in_one_sentence_with_its_end() {
        for (wish, is, ended, command) in [
            (
                Wish::Drain { server: "db1".into(), force: true },
                "db1 is drained of all names",
                "db1 is no longer drained of all names",
                "pointsman undrain db1",
            ),
            (
                Wish::Pin { server: "db2".into(), even_if_not_writable: true },
                "shop is pinned to db2 (writable or not)",
                "shop is no longer pinned to db2 (writable or not)",
                "pointsman unpin shop",
            ),
            (Wish::Freeze, "shop is frozen", "shop is no longer frozen", "pointsman thaw shop"),
            (
                Wish::Maintenance,
                "shop is in maintenance",
                "shop is no longer in maintenance",
                "pointsman maintenance shop --end",
            ),
        ] {
            let words = OverrideWords { cluster: "shop", wish: &wish };
            assert_eq!(words.to_string(), is);
            assert_eq!(words.ended(), ended);
            assert_eq!(words.ending_command(), command);
        }
    }
}
