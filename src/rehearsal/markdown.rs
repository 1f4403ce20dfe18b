//! The report of a rehearsal as Markdown. It is pure.

use std::fmt::{self, Write as _};

use super::{
    beat::BeatKind,
    findings::{End, Findings, ResolverFindings},
    wording::of_millis,
};

impl Findings {
    /// The Markdown report.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        self.write_to(&mut text).expect("a string can be written to");
        text
    }

    fn write_to(&self, text: &mut String) -> fmt::Result {
        self.write_summary(text)?;
        self.write_tables(text)?;
        writeln!(text, "\n{} {HOW}", self.beat.meaning())?;
        if let Some(left) = &self.left_behind {
            writeln!(text, "\n**Left behind:** {left}")?;
        }
        Ok(())
    }

    fn write_summary(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "# Switchover of {}, {}\n", self.cluster, self.began)?;
        writeln!(text, "**{}**\n", self.headline())?;
        let to = self.to.as_ref().map_or_else(|| "-".to_owned(), |to| to.join(", "));
        let end = match self.end {
            End::Complete => "everything had followed",
            End::TimedOut => "the time was over",
            End::Interrupted => "Ctrl-C",
        };
        writeln!(text, "| what | |\n| --- | --- |")?;
        writeln!(text, "| name | `{}` |", self.name)?;
        writeln!(text, "| from | {} |\n| to | {to} |", self.from.join(", "))?;
        writeln!(
            text,
            "| last good {} | {} |",
            self.beat.noun(),
            shown(self.writes.last_good.as_ref())
        )?;
        writeln!(text, "| name moved | {} |", shown(self.moved.as_ref()))?;
        writeln!(
            text,
            "| first good {} | {} |",
            self.beat.noun(),
            shown(self.writes.first_good.as_ref())
        )?;
        writeln!(
            text,
            "| without a good {} | {} |",
            self.beat.noun(),
            time(self.writes.outage_ms)
        )?;
        writeln!(text, "| without a good new connection | {} |", time(self.connects.outage_ms))?;
        let left = match (&self.sessions_left, &self.sessions_fault) {
            (Some(left), _) => left.to_string(),
            (None, Some(why)) => format!("not known: {}", cell(why)),
            (None, None) => "-".to_owned(),
        };
        writeln!(text, "| sessions of clients left on {} | {left} |", self.from.join(", "))?;
        if matches!(self.beat, BeatKind::Insert(_)) {
            let lost =
                self.lost_writes.map_or_else(|| "not known".to_owned(), |lost| lost.to_string());
            writeln!(text, "| acknowledged writes that are lost | {lost} |")?;
        }
        writeln!(text, "| target | {} |", of_millis(self.target_ms))?;
        writeln!(text, "| watched | {}, until {end} |\n", of_millis(self.lasted_ms))
    }

    fn write_tables(&self, text: &mut String) -> fmt::Result {
        writeln!(
            text,
            "| resolver | last old answer | first new answer | late | answers | failures |"
        )?;
        writeln!(text, "| --- | --- | --- | ---: | ---: | ---: |")?;
        for resolver in &self.resolvers {
            let ResolverFindings {
                address, last_old, first_new, late_ms, answers, failures, ..
            } = resolver;
            let (old, new) = (shown(last_old.as_ref()), shown(first_new.as_ref()));
            let late = time(*late_ms);
            writeln!(text, "| {address} | {old} | {new} | {late} | {answers} | {failures} |")?;
        }
        writeln!(
            text,
            "\n| attempts | good | failed | on an old server after the move | first failure |"
        )?;
        writeln!(text, "| --- | ---: | ---: | ---: | --- |")?;
        for (what, of) in [(self.beat.noun(), &self.writes), ("new connection", &self.connects)] {
            let failure = of.first_failure.as_deref().map_or_else(|| "-".to_owned(), cell);
            let (good, failed, astray) = (of.good, of.failed, of.astray);
            writeln!(text, "| {what} | {good} | {failed} | {astray} | {failure} |")?;
        }
        Ok(())
    }
}

/// A moment, or that there was none.
fn shown(moment: Option<&String>) -> &str {
    moment.map_or("-", String::as_str)
}

fn time(millis: Option<u128>) -> String {
    millis.map_or_else(|| "-".to_owned(), of_millis)
}

/// Words of others in a cell of a table.
fn cell(words: &str) -> String {
    words.replace('|', "\\|").replace('\n', " ")
}

/// How it was measured, for who reads the report alone.
const HOW: &str = "The name, writes and new connections were tried every 0.1 s; times are exact \
                   to that. Both led where the first resolver said. After a failure the next \
                   write came from a new session; one without a reply within 1 s counted as \
                   failed, where a client without a deadline would still wait.";

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, time::Duration};

    use crate::{
        rehearsal::{
            beat::BeatKind,
            findings::{Aftermath, End, Findings, Subject},
            record::{Outcome, Record, Sight},
        },
        wall_time::WallTime,
    };

    const OLD: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    /// A rehearsal in which the first write failed and nothing moved.
    fn findings(words: &str) -> Findings {
        let subject = Subject {
            cluster: "orders".into(),
            name: "write.db.internal.".into(),
            engine: "postgres".into(),
            beat: BeatKind::Commit,
            target: Duration::from_secs(2),
            resolvers: vec!["10.0.0.53:53".into()],
            began: WallTime::from_unix_millis(1_800_000_000_000),
        };
        let mut record = Record::new(vec!["db1".into()], [OLD].into(), 1);
        let at = Duration::from_millis(1_250);
        record.note(at, Sight::Resolved(0, Ok([OLD].into())));
        let failure = Some(words.into());
        record.note(at, Sight::Write(1, Outcome { began: at, server: None, failure }));
        let after = Aftermath { left_behind: Some("a table".into()), ..Aftermath::default() };
        Findings::of(&subject, &record, End::TimedOut, Duration::from_secs(3), after)
    }

    #[test]
    fn what_did_not_happen_is_a_dash_and_words_of_others_break_no_table() {
        let text = findings("a | b").markdown();
        for line in [
            "# Switchover of orders, 2027-01-15T08:00:00.000Z",
            "**write.db.internal. has not moved while it was watched**",
            "| to | - |",
            "| without a good commit | - |",
            "| watched | 3.000 s, until the time was over |",
            "| 10.0.0.53:53 | 2027-01-15T08:00:01.250Z | - | - | 1 | 0 |",
            "| commit | 0 | 1 | 0 | 2027-01-15T08:00:01.250Z: a \\| b |",
            "**Left behind:** a table",
        ] {
            assert!(text.lines().any(|told| told == line), "no {line:?} in\n{text}");
        }
        assert!(!text.contains("acknowledged writes that are lost"), "there was no table:\n{text}");
    }

    #[test]
    fn json_has_the_same_figures() {
        let json: serde_json::Value = serde_json::from_str(&findings("x").json()).unwrap();
        assert_eq!(json["verdict"], "not-moved");
        assert_eq!((&json["end"], &json["lasted_ms"]), (&"timed-out".into(), &3_000.into()));
        assert_eq!(json["resolvers"][0]["last_old"], "2027-01-15T08:00:01.250Z");
        assert!(json["moved"].is_null() && json.get("beat").is_none(), "{json}");
    }
}
