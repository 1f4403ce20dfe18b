//! Whether a switchover was as quick as it should be.

use std::time::Duration;

use super::{
    beat::BeatKind,
    record::Record,
    wording::{seconds, times},
};

/// What a rehearsal came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything was within the target.
    Passed,
    /// Something was not; a sentence for each.
    Failed(Vec<String>),
    /// The name did not move while it was watched.
    NotMoved,
}

impl Verdict {
    /// Of what was seen, against a target. `resolvers` are their addresses. `lost` are the writes that
    /// were acknowledged and are not there any more, where somebody could look.
    pub fn of(
        record: &Record,
        kind: &BeatKind,
        target: Duration,
        resolvers: &[String],
        lost: Option<u64>,
    ) -> Self {
        let Some(moved) = record.moved else { return Self::NotMoved };
        let mut faults = Vec::new();
        let what = [(kind.noun(), &record.writes), ("new connection", &record.connects)];
        for (noun, attempts) in what {
            match attempts.outage() {
                None => faults.push(format!("no good {noun} was seen on a new server")),
                Some(outage) if outage > target => faults.push(format!(
                    "from the last good {noun} to the first on a new server it took {}, more than \
                     {}",
                    seconds(outage),
                    seconds(target)
                )),
                Some(_) => {}
            }
        }
        for (resolver, address) in record.resolvers.iter().zip(resolvers) {
            let late = resolver.lateness(moved);
            if !resolver.has_followed() {
                faults.push(format!("the resolver {address} has not followed"));
            } else if late > target {
                faults.push(format!(
                    "the resolver {address} gave old answers for {} after the name had moved, \
                     longer than {}",
                    seconds(late),
                    seconds(target)
                ));
            }
        }
        if kind.writes() && record.writes.astray > 0 {
            faults.push(format!(
                "an old server has acknowledged {} after the name had moved",
                times(record.writes.astray, "write")
            ));
        }
        if let Some(lost @ 1..) = lost {
            faults.push(format!("{} that were acknowledged are lost", times(lost, "write")));
        }
        if faults.is_empty() { Self::Passed } else { Self::Failed(faults) }
    }

    /// The word in the reports.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::NotMoved => "not-moved",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, SocketAddr};

    use super::*;
    use crate::rehearsal::record::{Outcome, Sight};

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    const OLD: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const NEW: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    /// A switchover with the last good work at 1 s, the move at 1.5 s, the resolver at 1.6 s.
    fn record(first_good: Option<u64>) -> Record {
        let mut record = Record::new(vec!["db1".into()], [OLD].into(), 1);
        let on = |server, began| Outcome {
            began: ms(began),
            server: Some(SocketAddr::new(server, 1)),
            failure: None,
        };
        record.note(ms(1_000), Sight::Write(1, on(OLD, 995)));
        record.note(ms(1_000), Sight::Connect(on(OLD, 990)));
        record.note(ms(1_500), Sight::Published(vec!["db2".into()]));
        record.note(ms(1_600), Sight::Resolved(0, Ok([OLD].into())));
        record.note(ms(1_700), Sight::Resolved(0, Ok([NEW].into())));
        if let Some(first) = first_good {
            record.note(ms(first), Sight::Write(1, on(NEW, first - 5)));
            record.note(ms(first), Sight::Connect(on(NEW, first - 5)));
        }
        record
    }

    fn verdict(record: &Record, target: u64, lost: Option<u64>) -> Verdict {
        let resolvers = ["10.0.0.53:53".to_owned()];
        Verdict::of(record, &BeatKind::Commit, ms(target), &resolvers, lost)
    }

    #[test]
    fn within_the_target_it_passes() {
        assert_eq!(verdict(&record(Some(1_900)), 900, Some(0)), Verdict::Passed);
        assert_eq!(verdict(&record(Some(1_900)), 900, None), Verdict::Passed);
    }

    #[test]
    fn each_fault_is_told() {
        let of = |record: &Record, target, lost| match verdict(record, target, lost) {
            Verdict::Failed(faults) => faults,
            other => panic!("{other:?}"),
        };
        let slow = of(&record(Some(1_900)), 899, None);
        assert_eq!(slow.len(), 2);
        assert_eq!(
            slow[0],
            "from the last good commit to the first on a new server it took 0.900 s, more than \
             0.899 s"
        );
        let late = of(&record(Some(1_050)), 99, None);
        assert_eq!(late.len(), 1);
        assert!(late[0].contains("10.0.0.53:53 gave old answers for 0.100 s"), "{late:?}");
        let never = of(&record(None), 5_000, None);
        assert!(never[0].contains("no good commit was seen"), "{never:?}");
        let lost = of(&record(Some(1_900)), 2_000, Some(3));
        assert_eq!(lost, ["3 writes that were acknowledged are lost"]);

        let mut astray = record(Some(1_900));
        let outcome =
            Outcome { began: ms(1_501), server: Some(SocketAddr::new(OLD, 1)), failure: None };
        astray.note(ms(1_502), Sight::Write(2, outcome));
        let told = of(&astray, 2_000, None);
        assert_eq!(told, ["an old server has acknowledged 1 write after the name had moved"]);
        let harmless =
            Verdict::of(&astray, &BeatKind::Role, ms(2_000), &["10.0.0.53:53".to_owned()], None);
        assert_eq!(harmless, Verdict::Passed, "nothing was written");
    }

    #[test]
    fn a_resolver_that_stays_behind_fails_and_a_name_that_stays_is_no_switchover() {
        let mut behind = record(Some(1_900));
        behind.note(ms(1_950), Sight::Resolved(0, Ok([OLD].into())));
        let Verdict::Failed(faults) = verdict(&behind, 2_000, None) else { panic!() };
        assert_eq!(faults, ["the resolver 10.0.0.53:53 has not followed"]);
        let still = Record::new(vec!["db1".into()], [OLD].into(), 1);
        assert_eq!(verdict(&still, 2_000, None), Verdict::NotMoved);
    }
}
