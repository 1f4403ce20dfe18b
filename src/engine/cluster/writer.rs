//! The write name of a cluster: who is chosen, and what a move proves of the one that is left.

use super::Cluster;
use crate::engine::{
    Loss, Moment, ServerIndex, StateReason,
    judgement::{Judgement, WriterRule},
    steering::Steering,
};

impl Cluster {
    /// Climbs the ladder of the write name, and concludes what a move proves.
    pub(super) fn decide_write(&mut self, judgement: &Judgement, steering: &Steering, now: Moment) {
        let Some(rules) = self.policy.write else {
            return;
        };
        let moved = self.write.decide(judgement, &self.policy, &rules, steering, now);
        if let Some(moved) = moved.filter(|moved| steering.wanted == Some(moved.to)) {
            // An operator has settled what only precedence was against.
            let conclusion = &mut self.conclusions[moved.to];
            let lost = conclusion.superseded.as_ref().map(|superseded| superseded.loss);
            if lost == Some(Loss::Precedence) {
                conclusion.superseded = None;
            }
        }
        if let Some(moved) = moved.filter(|moved| moved.proven)
            && judgement.writer == WriterRule::History
            && !self.claims_anew(moved.from, moved.to)
        {
            let (left, had) = (&self.records[moved.from], &self.records[moved.to].history.gtid);
            let conclusion = &mut self.conclusions[moved.from];
            conclusion.mark_superseded(left, Some(moved.to), had, Loss::Name);
        }
        self.note_office(judgement, moved.is_some());
    }

    /// Whether a server that is left has already said that it was promoted anew: that claim is newer
    /// than the one that it is left for.
    fn claims_anew(&self, from: ServerIndex, to: ServerIndex) -> bool {
        let run = |server: ServerIndex| self.records[server].writable;
        let timeline = |server: ServerIndex| self.records[server].history.timeline;
        let answers = self.records[from].trouble.is_none();
        let is_no_older = timeline(from).is_some() && timeline(from) >= timeline(to);
        answers && run(from).is_some() && is_no_older
    }

    /// Keeps what the one in office has.
    fn note_office(&mut self, judgement: &Judgement, moved: bool) {
        let Some(writer) = self.write.decision.server else { return };
        self.office.since = self.write.last_since;
        // The one in office may have been a replica in between.
        let run = self.records[writer].writable.filter(|run| run.promoted);
        let promoted = run.map(|run| run.since).or(self.office.promoted);
        let asked = self.records[writer].facts_at;
        let history = &mut self.records[writer].history;
        history.followed |= self.ready;
        let confirmed = judgement.verdicts[writer].reason == StateReason::SaysWritable;
        self.office.led = match confirmed {
            true => Some(asked),
            false => self.office.led.filter(|_| !moved),
        };
        if confirmed || moved {
            self.office.timeline = history.timeline.or(self.office.timeline);
            if !history.gtid.is_unknown() {
                self.office.gtid.clone_from(&history.gtid);
                if moved || promoted != self.office.promoted {
                    self.office.promoted = promoted;
                    self.office.began_with.clone_from(&history.gtid);
                }
            }
        }
    }
}
