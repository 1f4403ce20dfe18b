//! What the witnesses of a story's servers say: what they were told to, and otherwise that all is
//! well. Patroni gives the leader key to whoever is the primary.

use std::collections::BTreeMap;

use pointsman::engine::{
    Check, ClusterId, ClusterPolicy, Failure, FailureKind, Moment, Observation, Outcome, ServerId,
    ServerIndex, Testimony, Word,
};

use crate::world::{Role, World};

/// What was said so far, by server and check.
#[derive(Default)]
pub(crate) struct Witnesses(BTreeMap<(usize, &'static str), Said>);

#[derive(Clone)]
enum Said {
    Nothing,
    Word(Word),
    Percent(u16),
}

impl Witnesses {
    /// Takes in `CHECK of SERVER says WORD`; `false` when the operation is another one.
    pub(crate) fn apply(&mut self, policy: &ClusterPolicy, operation: &[String]) -> bool {
        let [check, of, name, says, words @ ..] = operation else { return false };
        if (&**of, &**says) != ("of", "says") {
            return false;
        }
        let server = policy.servers.iter().position(|server| *server.name == **name);
        let server = server.unwrap_or_else(|| panic!("no such server: {name}"));
        let check = Check::ALL.into_iter().find(|known| known.name() == check);
        let check = check.unwrap_or_else(|| panic!("no such check: {operation:?}"));
        let said = match &*words.join(" ") {
            "nothing" => Said::Nothing,
            percent if percent.ends_with('%') => {
                Said::Percent(percent.trim_end_matches('%').parse().expect("a number"))
            }
            word => {
                let found = Word::ALL.into_iter().find(|known| known.to_string() == word);
                Said::Word(found.unwrap_or_else(|| panic!("no such word: {word}")))
            }
        };
        self.0.insert((server, check.name()), said);
        true
    }

    /// One round of questions to all of them.
    pub(crate) fn observe<'a>(
        &'a self,
        policy: &'a ClusterPolicy,
        world: &'a World,
        now: Moment,
    ) -> impl Iterator<Item = Observation> + 'a {
        policy.servers.iter().enumerate().flat_map(move |(index, server)| {
            server.witnesses.iter().map(move |&check| {
                let id = ServerId { cluster: ClusterId(0), server: ServerIndex::new(index) };
                let said = self.said(index, check, world);
                Observation { server: id, asked: now, outcome: Outcome::Witnessed(check, said) }
            })
        })
    }

    fn said(&self, index: usize, check: Check, world: &World) -> Result<Testimony, Failure> {
        let said = self.0.get(&(index, check.name())).cloned();
        let mut testimony = match said.unwrap_or(Said::Word(Word::Up)) {
            Said::Nothing => return Err(Failure::new(FailureKind::Refused, "nobody listens")),
            Said::Word(word) => Testimony::new(word, ""),
            Said::Percent(percent) => Testimony { percent, ..Testimony::new(Word::Up, "") },
        };
        if check == Check::Patroni {
            let is_primary = world.hosts[index].role == Role::Primary;
            testimony.leads = Some(is_primary && testimony.word != Word::NotLeader);
        }
        Ok(testimony)
    }
}
