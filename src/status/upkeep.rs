//! What goes on beside answering, in the words of the admin API: the state file and the hooks.
//!
//! None of it keeps a name from being answered, so nothing of it makes the service unready; what
//! somebody should look at is a warning.

use super::told;
use crate::{
    api::{HookStatus, StateStatus},
    hooks::HookTally,
    state::StateReport,
};

/// So many events of one hook may wait before somebody should look at it. A failover is a handful.
const BACKLOG: u64 = 20;

/// The state file.
pub(super) fn state(report: StateReport) -> StateStatus {
    let (fault, since) = report.fault.unzip();
    let aside = report.set_aside;
    StateStatus {
        saved: fault.is_none(),
        fault: fault.map(String::from),
        unsaved_since: since.map(told),
        serial_limited: report.is_serial_limited,
        set_aside: aside.as_ref().map(|aside| aside.path.display().to_string()),
        set_aside_why: aside.map(|aside| aside.why.into()),
    }
}

/// One hook.
pub(super) fn hook(tally: HookTally) -> HookStatus {
    HookStatus {
        name: tally.name.into(),
        runs: tally.runs,
        failures: tally.failures,
        dropped: tally.dropped,
        pending: u64::try_from(tally.pending).unwrap_or(u64::MAX),
        failing_since: tally.failing_since.map(told),
    }
}

/// What somebody should look at, one line each, with what to do.
pub(super) fn warnings(state: Option<&StateStatus>, hooks: &[HookStatus]) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(state) = state {
        if let (Some(fault), Some(since)) = (&state.fault, &state.unsaved_since) {
            warnings.push(format!(
                "{fault}; since {since} nothing is saved: answers go on, but a restart would \
                 forget what has changed"
            ));
        }
        if state.serial_limited {
            warnings.push(
                "the SOA serial has used up what was saved for it: it follows the clock and grows \
                 once a second at most"
                    .to_owned(),
            );
        }
        if let (Some(path), Some(why)) = (&state.set_aside, &state.set_aside_why) {
            warnings.push(format!(
                "the state file of an earlier process was of no use ({why}): check the overrides \
                 that should be in force, then remove {path}"
            ));
        }
    }
    warnings.extend(hooks.iter().filter_map(complaint));
    warnings
}

fn complaint(hook: &HookStatus) -> Option<String> {
    let HookStatus { name, dropped, pending, failing_since, .. } = hook;
    let backlog = format!("{pending} events wait, {dropped} were never told");
    match failing_since {
        Some(since) => Some(format!(
            "the hook {name} fails since {since}: {backlog}; the log says why (event=hook)"
        )),
        None if *pending > BACKLOG => {
            Some(format!("the hook {name} is too slow: {backlog}; see its timeout and its target"))
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{answers::WallTime, state::SetAside};

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
    fn what_goes_well_is_no_warning() {
        let state = state(StateReport::default());
        assert!(state.saved && state.fault.is_none() && state.unsaved_since.is_none());
        assert_eq!(warnings(Some(&state), &[hook(tally())]), [""; 0]);
        assert_eq!(warnings(None, &[]), [""; 0]);
    }

    #[test]
    fn a_file_that_is_not_written_or_was_of_no_use_is_told_with_what_to_do() {
        let fault = "the state cannot be saved: cannot write x: full; make room on that disk";
        let aside = SetAside { path: "/s/x.broken-1".into(), why: "its checksum is wrong".into() };
        let told = state(StateReport {
            fault: Some((fault.into(), SINCE)),
            is_serial_limited: true,
            set_aside: Some(aside),
        });
        assert!(!told.saved && told.serial_limited);
        let [unsaved, limited, aside] = &warnings(Some(&told), &[])[..] else {
            panic!("three warnings")
        };
        assert!(unsaved.contains("make room on that disk; since 2026-11-21T06:00:00.000Z nothing"));
        assert!(limited.contains("once a second"), "{limited}");
        assert!(aside.ends_with("then remove /s/x.broken-1"), "{aside}");
    }

    #[test]
    fn a_hook_that_fails_or_falls_behind_is_told() {
        let failing = hook(HookTally { failing_since: Some(SINCE), ..tally() });
        let slow = hook(HookTally { pending: 21, ..tally() });
        assert_eq!(
            warnings(None, &[failing, slow]),
            [
                "the hook chat fails since 2026-11-21T06:00:00.000Z: 3 events wait, 1 were never \
                 told; the log says why (event=hook)",
                "the hook chat is too slow: 21 events wait, 1 were never told; see its timeout and \
                 its target",
            ]
        );
    }
}
