//! What somebody should look at beside the clusters: the state file, the log, the hooks and the secondaries, in
//! sentences that say what to do.

use super::Process;
use crate::{
    hooks::HookTally,
    push::PushView,
    state::SetAside,
    transfer::{SecondaryState, SecondaryView},
};

/// So many events of one hook may wait before somebody should look at it. A failover is a handful.
const BACKLOG: usize = 20;

/// What somebody should look at, one line each, with what to do.
pub fn warnings(process: &Process) -> Vec<String> {
    let Process { state, log_fault, audit_fault, hooks, secondaries, pushes, .. } = process;
    let mut warnings = Vec::new();
    if let Some(state) = state {
        if let Some((fault, since)) = &state.fault {
            warnings.push(format!(
                "{fault}; since {since:.3} nothing is saved: answers go on, but a restart would \
                 forget what has changed"
            ));
        }
        if state.is_serial_limited {
            warnings.push(
                "the SOA serial has used up what was saved for it: it follows the clock and grows \
                 once a second at most"
                    .to_owned(),
            );
        }
        if let Some(SetAside { path, why }) = &state.set_aside {
            warnings.push(format!(
                "the state file of an earlier process was of no use ({why}): check the overrides \
                 that should be in force, then remove {}",
                path.display()
            ));
        }
    }
    if let Some(fault) = log_fault {
        warnings.push(format!(
            "lines of the log are lost ({fault}): make room where standard error goes, or start \
             anew whoever reads it"
        ));
    }
    if let Some(fault) = audit_fault {
        warnings.push(format!(
            "changes by people are not written to the audit file ({fault}): see `audit_file` in \
             [admin] and its folder"
        ));
    }
    warnings.extend(hooks.iter().filter_map(complaint));
    warnings.extend(secondaries.iter().filter_map(behind));
    warnings.extend(pushes.iter().flat_map(not_kept));
    warnings
}

/// What is wrong with a secondary: it lacks a change for long, or says something that is no good answer.
fn behind(secondary: &SecondaryView) -> Option<String> {
    let SecondaryView { zone, name, address, serial, lag, fault, .. } = secondary;
    match (secondary.state() == SecondaryState::Behind, fault) {
        (true, _) => Some(format!(
            "the secondary {name} at {address} has lacked changes of {zone} for {} s: it {}; see \
             docs/SECONDARIES.md",
            lag.as_secs(),
            secondary.reason().unwrap_or_default()
        )),
        // Who has never had the zone has 5 s for it.
        (false, Some(why)) if serial.is_some() => {
            Some(format!("the secondary {name} at {address} of {zone} {why}"))
        }
        (false, _) => None,
    }
}

/// What is wrong with a name in somebody else's zone.
fn not_kept(push: &PushView) -> Vec<String> {
    let PushView { publish, to, state, astray, .. } = push;
    let reason = state.reason().filter(|_| state.is_bad());
    let stopped = reason.map(|reason| {
        format!("{to} is not kept by publish {publish}: {reason}; see docs/SECONDARIES.md")
    });
    let astray = astray
        .iter()
        .map(|(server, what)| format!("{server} of publish {publish}, asked for {to}, {what}"));
    stopped.into_iter().chain(astray).collect()
}

fn complaint(hook: &HookTally) -> Option<String> {
    let HookTally { name, dropped, pending, failing_since, .. } = hook;
    let backlog = format!("{pending} events wait, {dropped} were never told");
    match failing_since {
        Some(since) => Some(format!(
            "the hook {name} fails since {since:.3}: {backlog}; the log says why (event=hook)"
        )),
        None if *pending > BACKLOG => {
            Some(format!("the hook {name} is too slow: {backlog}; see its timeout and its target"))
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{state::StateReport, transfer::SecondaryFault, wall_time::WallTime};

    const SINCE: WallTime = WallTime::from_unix_millis(1_795_240_800_000);

    fn tally() -> HookTally {
        HookTally {
            name: "chat".into(),
            runs: 9,
            failures: 2,
            dropped: 1,
            pending: 3,
            failing_since: None,
        }
    }

    #[test]
    fn an_audit_file_that_cannot_be_written_is_told() {
        let audit_fault = Some("Permission denied (os error 13)".to_owned());
        let [warning] = &warnings(&Process { audit_fault, ..Process::default() })[..] else {
            panic!("one warning");
        };
        assert!(warning.contains("Permission denied") && warning.contains("audit_file"));
    }

    #[test]
    fn a_secondary_that_does_not_follow_is_told() {
        let level = SecondaryView {
            zone: "db.internal.".into(),
            name: "ns3".into(),
            address: "10.0.0.53:53".parse().unwrap(),
            serial: Some(7),
            ours: Some(7),
            lag: Duration::ZERO,
            fault: None,
        };
        let late = SecondaryView { lag: Duration::from_secs(9), ..level.clone() };
        let silent = SecondaryView { fault: Some(SecondaryFault::Silent), ..late.clone() };
        let early = SecondaryView { lag: Duration::from_secs(5), ..level.clone() };
        let secondaries = vec![level, early, late, silent];
        assert_eq!(
            warnings(&Process { secondaries, ..Process::default() }),
            [
                "the secondary ns3 at 10.0.0.53:53 has lacked changes of db.internal. for 9 s: it \
                 answers with an old serial; see docs/SECONDARIES.md",
                "the secondary ns3 at 10.0.0.53:53 has lacked changes of db.internal. for 9 s: it \
                 does not answer; see docs/SECONDARIES.md",
            ]
        );
    }

    #[test]
    fn what_goes_well_is_no_warning() {
        let state = Some(StateReport::default());
        let well = Process { state, hooks: vec![tally()], ..Process::default() };
        assert_eq!(warnings(&well), [""; 0]);
        assert_eq!(warnings(&Process::default()), [""; 0]);
    }

    #[test]
    fn a_file_that_is_not_written_or_was_of_no_use_is_told_with_what_to_do() {
        let fault = "the state cannot be saved: cannot write x: full; make room on that disk";
        let aside = SetAside { path: "/s/x.broken-1".into(), why: "its checksum is wrong".into() };
        let report = StateReport {
            fault: Some((fault.into(), SINCE)),
            is_serial_limited: true,
            set_aside: Some(aside),
        };
        let process = Process { state: Some(report), ..Process::default() };
        let [unsaved, limited, aside] = &warnings(&process)[..] else { panic!("three warnings") };
        assert!(unsaved.contains("make room on that disk; since 2026-11-21T06:00:00.000Z nothing"));
        assert!(limited.contains("once a second"), "{limited}");
        assert!(aside.ends_with("then remove /s/x.broken-1"), "{aside}");
    }

    #[test]
    fn a_log_that_cannot_be_written_is_told_with_the_words_of_the_system() {
        let log_fault = Some("No space left on device (os error 28)".to_owned());
        let [warning] = &warnings(&Process { log_fault, ..Process::default() })[..] else {
            panic!("one warning")
        };
        assert!(warning.starts_with("lines of the log are lost (No space left on device"));
    }

    #[test]
    fn a_hook_that_fails_or_falls_behind_is_told() {
        let failing = HookTally { failing_since: Some(SINCE), ..tally() };
        let slow = HookTally { pending: 21, ..tally() };
        let process = Process { hooks: vec![failing, slow], ..Process::default() };
        assert_eq!(
            warnings(&process),
            [
                "the hook chat fails since 2026-11-21T06:00:00.000Z: 3 events wait, 1 were never \
                 told; the log says why (event=hook)",
                "the hook chat is too slow: 21 events wait, 1 were never told; see its timeout and \
                 its target",
            ]
        );
    }
}
