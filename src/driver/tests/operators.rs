//! What operators ask of the driver: overrides, and another configuration while it runs.

use tokio::sync::oneshot;

use super::*;
use crate::{
    control::{AcceptRequest, LayRequest, LiftRequest, OverrideReply, Refusal, Signed, Term},
    engine::{Acceptance, Supposition},
    report::{ClusterView, Wish, WishKey},
};

fn signed(reason: &str) -> Signed {
    Signed::new("anna", reason)
}

fn drain(server: &str) -> LayRequest {
    request(None, Wish::Drain { server: server.into(), force: false })
}

fn maintenance(cluster: &str) -> LayRequest {
    request(Some(cluster), Wish::Maintenance)
}

fn request(cluster: Option<&str>, wish: Wish) -> LayRequest {
    let (signed, term) = (signed("a test"), Term::DEFAULT);
    LayRequest { cluster: cluster.map(Box::from), wish, signed, term }
}

fn undrain(server: &str, reason: &str) -> LiftRequest {
    let (key, signed) = (WishKey::Drain(server.into()), signed(reason));
    LiftRequest { cluster: None, key, signed }
}

impl Running {
    async fn lay(&self, request: LayRequest) -> Result<OverrideReply, Refusal> {
        self.control.lay(request).await
    }

    /// Puts another plan in force.
    async fn replan(&self, plan: Plan, newcomers: Vec<Newcomer>) {
        let (in_force, is_in_force) = oneshot::channel();
        let (settled, is_settled) = oneshot::channel();
        let sent = self.ends.replans.send(Replan { plan, newcomers, in_force, settled }).await;
        sent.expect("the driver is alive");
        is_in_force.await.expect("it is put in force");
        let unsaved = is_settled.await.expect("there is nothing to wait for").unsaved;
        // These tests have no folder to save to, and that is told.
        assert!(unsaved.is_some_and(|why| why.contains("[state]")));
    }
}

#[tokio::test(start_paused = true)]
async fn an_override_is_told_with_who_why_and_until_when() {
    let mut running = Running::healthy().await;
    let OverrideReply { cluster, laid, .. } = running.lay(drain("DB2")).await.expect("db3 is left");
    assert_eq!(&*cluster, "orders");
    assert_eq!(laid.wish, Wish::Drain { server: "db2".into(), force: false });
    assert_eq!((&*laid.author, &*laid.reason), ("anna", "a test"));
    assert!(laid.until.as_ref().is_some_and(|until| *until > laid.since));
    // All of it is published before the reply.
    let status = running.told("_status.db-read");
    let line = status.last().expect("lines");
    assert!(line.starts_with("override=drain server=db2 author=anna since="), "{line}");
    assert!(running.told("_events.orders").iter().any(|line| line.contains("override=drain")));
    let events = running.take_events();
    assert!(events.iter().any(|event| matches!(event, Event::Override { .. })), "{events:?}");

    let lifted = running.control.lift(undrain("db2", "done")).await.expect("it was laid");
    assert_eq!(lifted.laid, laid);
    assert!(!running.told("_status.db-read").concat().contains("override="));
    let again = running.control.lift(undrain("db2", "done")).await;
    assert_eq!(
        again,
        Err(Refusal::NotLaid { key: WishKey::Drain("db2".into()), of: "db2".into() })
    );
}

#[tokio::test(start_paused = true)]
async fn a_name_that_there_is_not_is_refused_with_those_that_there_are() {
    let running = Running::healthy().await;
    let pin = Wish::Pin { server: "db1".into(), even_if_not_writable: false };
    for (request, words) in [
        (drain("db9"), "there is no server `db9`; known: db1, db2, db3"),
        (maintenance("x"), "there is no cluster `x`; known: orders"),
        (request(Some("x"), pin), "there is no cluster `x`; known: orders"),
        // A word that is something else says what it is.
        (
            drain("Orders"),
            "there is no server `Orders`, it is a cluster: `pointsman status Orders` tells of it; \
             known: db1, db2, db3",
        ),
        (
            maintenance("db1"),
            "there is no cluster `db1`, it is a server: `pointsman why db1` tells of it; known: \
             orders",
        ),
        (
            drain("db-read.internal"),
            "there is no server `db-read.internal`, it is a served name: `pointsman explain \
             db-read.internal` tells of it; known: db1, db2, db3",
        ),
        (drain("\u{1b}[31m"), "there is no server `\\u{1b}[31m`; known: db1, db2, db3"),
    ] {
        let refusal = running.lay(request).await.expect_err("nothing is called so");
        assert!(matches!(refusal, Refusal::Unknown(_)), "{refusal}");
        assert_eq!(refusal.to_string(), words);
    }
}

fn acceptance(cluster: &str, server: &str) -> AcceptRequest {
    let signed = signed("restored\nfrom a backup");
    AcceptRequest { cluster: cluster.into(), server: server.into(), signed }
}

#[tokio::test(start_paused = true)]
async fn a_history_is_accepted_with_who_and_why_and_everybody_is_told() {
    let mut running = Running::healthy().await;
    let accepted = running.control.accept(acceptance("Orders", "DB2")).await;
    let accepted = accepted.expect("it answers");
    assert_eq!((&*accepted.cluster, &*accepted.server), ("orders", "db2"));
    // These tests have no folder to save to, and that is told.
    assert!(accepted.unsaved.is_some_and(|why| why.contains("[state]")));
    let told = running.take_events().into_iter().find_map(|event| match event {
        Event::Accepted { accepted, .. } => Some(*accepted),
        _ => None,
    });
    let (by, because) = ("anna".into(), "restored from a backup".into());
    assert_eq!(told, Some(Acceptance { server: ServerIndex::new(1), by, because }));
    let events = running.told("_events.orders");
    let line = events.iter().find(|line| line.contains("accepted=db2")).expect("a line");
    assert!(line.contains(" author=anna reason=\"restored from a backup\""), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_history_that_nobody_knows_is_not_accepted() {
    let mut running = Running::healthy().await;
    for _ in 0..3 {
        running.tell(1, refused()).await;
    }
    running.take_events();
    let refused = running.control.accept(acceptance("orders", "db2")).await;
    let refused = refused.expect_err("it does not answer");
    assert!(
        matches!(&refused, Refusal::DoesNotAnswer { server, state: ServerState::Down, .. }
            if &**server == "db2"),
        "{refused}"
    );
    assert!(refused.to_string().contains("`pointsman probe db2`"), "{refused}");
    for (cluster, server) in [("x", "db1"), ("orders", "db9")] {
        assert!(running.control.accept(acceptance(cluster, server)).await.is_err());
    }
    assert_eq!(running.take_events(), [], "nothing has changed");
}

#[tokio::test(start_paused = true)]
async fn what_lasts_for_ever_has_no_end() {
    let running = Running::healthy().await;
    let wish = LayRequest { term: Term::FOREVER, ..drain("db2") };
    let laid = running.control.lay(wish).await.expect("db3 is left").laid;
    assert_eq!(laid.until, None);
    assert!(running.told("_status.db-read").concat().contains(" until=never "));
}

#[tokio::test(start_paused = true)]
async fn texts_of_strangers_are_one_line() {
    let running = Running::healthy().await;
    let signed = Signed::new("a\nb", &"x".repeat(1_000));
    let laid = running.control.lay(LayRequest { signed, ..drain("db2") }).await;
    let laid = laid.expect("db3 is left").laid;
    assert_eq!((&*laid.author, laid.reason.len()), ("a b", Signed::REASON_CHARS));
}

#[tokio::test(start_paused = true)]
async fn what_is_the_same_in_another_plan_goes_on_as_it_is() {
    let mut running = Running::healthy().await;
    let (serial, generation) = (running.serial(), running.generation());
    let before = running.told("_events.orders");
    // The same again, with the tasks that there are.
    let (mut same, _) = plan(&[1, 2, 3], &[0, 1, 2]);
    same.fresh.clear();
    running.replan(same, Vec::new()).await;
    assert_eq!((running.serial(), running.generation()), (serial, generation + 1));
    assert_eq!(running.addresses("db-write"), ["127.27.1.1"]);
    assert_eq!(running.addresses("db-read"), ["127.27.1.2", "127.27.1.3"]);
    assert_eq!(running.told("_events.orders"), before, "nothing is forgotten");
    for advice in &mut running.advice {
        advice.see_latest();
        assert_eq!(advice.changed().now_or_never(), None, "its task goes on");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_leaves_with_its_task_and_its_last_words_are_nobodys() {
    let mut running = Running::healthy().await;
    let serial = running.serial();
    let (mut fewer, _) = plan(&[1, 3], &[0, 2]);
    fewer.fresh.clear();
    running.replan(fewer, Vec::new()).await;
    assert_eq!(running.addresses("db-read"), ["127.27.1.3"]);
    assert!(running.serial() > serial, "other records are published");
    let has_ended = |advice: &mut AdviceReceiver| {
        advice.see_latest();
        advice.changed().now_or_never() == Some(Err(AdviceOver))
    };
    let ended: Vec<_> = running.advice.iter_mut().map(has_ended).collect();
    assert_eq!(ended, [false, true, false]);
    // The task of db2 has a last word: db3, which is in its place now, has not said it.
    for _ in 0..3 {
        running.tell(1, refused()).await;
    }
    assert_eq!(running.addresses("db-read"), ["127.27.1.3"]);
    // And that of db3 still speaks for it.
    for _ in 0..2 {
        running.tell(2, refused()).await;
    }
    let status = running.told("_status.db-read");
    assert!(status[2].starts_with("server=db3 state=Down "), "{status:?}");
}

#[tokio::test(start_paused = true)]
async fn history_names_servers_as_they_were_when_places_move() {
    let running = Running::healthy().await;
    for _ in 0..2 {
        running.tell(2, refused()).await;
    }
    let down = |events: Vec<String>| {
        events.into_iter().filter(|line| line.contains(" to=Down ")).collect::<Vec<_>>()
    };
    let before = down(running.told("_events.orders"));
    assert!(before.len() == 1 && before[0].contains(" server=db3 "), "{before:?}");
    let (mut moved, _) = plan(&[3, 1, 2], &[2, 0, 1]);
    moved.fresh.clear();
    running.replan(moved, Vec::new()).await;
    assert_eq!(down(running.told("_events.orders")), before);
    let (mut fewer, _) = plan(&[1, 2], &[0, 1]);
    fewer.fresh.clear();
    running.replan(fewer, Vec::new()).await;
    assert_eq!(down(running.told("_events.orders")), [""; 0], "db3 has no name any more");
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_is_asked_and_drained_until_somebody_ends_that() {
    let running = Running::healthy().await;
    let (mut more, _) = plan(&[1, 2, 3, 4], &[0, 1, 2, 3]);
    more.fresh.drain(..3);
    let added = AddedServer {
        cluster: "orders".into(),
        name: "db4".into(),
        address: "127.27.1.4".into(),
        author: "anna".into(),
        found: None,
    };
    more.added = [added].into();
    let newcomer = Newcomer { server: "db4".into(), signed: signed("added at run time") };
    running.replan(more, vec![newcomer]).await;
    for _ in 0..3 {
        running.round().await;
        running.tell(3, answer(3)).await;
    }
    assert_eq!(running.addresses("db-read"), ["127.27.1.2", "127.27.1.3"]);
    let report = running.ends.reader.snapshot().reports.of(ClusterId(0)).cloned().expect("one");
    let added: Vec<_> = report.servers.iter().map(|server| server.added).collect();
    assert_eq!(added, [false, false, false, true]);
    let why = running.told("_why.db4").concat();
    assert!(why.contains("author=anna") && why.contains("reason=\"added at run time\""), "{why}");
    running.control.lift(undrain("db4", "ready")).await.expect("it is drained");
    assert_eq!(running.addresses("db-read"), ["127.27.1.2", "127.27.1.3", "127.27.1.4"]);
}

#[tokio::test(start_paused = true)]
async fn a_name_is_explained_server_by_server() {
    let running = Running::healthy().await;
    running.lay(drain("db2")).await.expect("db3 is left");
    for asked in ["DB-Read.internal", "db-read.internal."] {
        let told = running.control.explain(asked.into()).await.expect("a served name");
        assert_eq!((&*told.cluster, told.name.servers.as_slice()), ("orders", &["db3".into()][..]));
        let included: Vec<_> =
            told.candidates.iter().map(|one| (&*one.server, one.candidacy.included)).collect();
        assert_eq!(included, [("db1", false), ("db2", false), ("db3", true)]);
        assert_eq!(told.candidates[1].candidacy.because.to_string(), "drained by an operator");
    }
    let unknown = running.control.explain("x.internal.".into()).await;
    let words = "there is no served name `x.internal.`; known: db-write.internal, db-read.internal";
    assert_eq!(unknown.expect_err("no name").to_string(), words);
}

#[tokio::test(start_paused = true)]
async fn what_if_decides_on_a_copy_and_changes_nothing() {
    let mut running = Running::healthy().await;
    let generation = running.generation();
    let told =
        running.control.what_if(vec![("db2".into(), Supposition::Down)]).await.expect("a server");
    let says = |cluster: &ClusterView| cluster.names[1].servers.clone();
    assert_eq!(
        (says(&told.now), says(&told.then)),
        (vec!["db2".into(), "db3".into()], vec!["db3".into()])
    );
    assert_eq!(told.then.servers[1].state, ServerState::Down);
    assert_eq!((running.generation(), running.take_events()), (generation, vec![]));
    let unknown = running.control.what_if(vec![("db9".into(), Supposition::Up)]).await;
    assert!(matches!(unknown, Err(Refusal::Unknown(_))));
}

#[tokio::test(start_paused = true)]
async fn the_note_of_an_answer_tells_who_and_why() {
    let running = Running::healthy().await;
    running.lay(maintenance("orders")).await.expect("a cluster");
    assert_eq!(running.addresses("db-write"), [""; 0]);
    for name in ["db-write", "db-read"] {
        let note = running.note(name).expect("a reason");
        assert!(note.text.ends_with(" (anna: a test)"), "{note:?}");
    }
    // Said again for another reason: the note follows, and no pooler needs to know.
    let serial = running.serial();
    let again = LayRequest { signed: signed("another"), ..maintenance("orders") };
    running.control.lay(again).await.expect("a cluster");
    let note = running.note("db-write").expect("a reason");
    assert!(note.text.ends_with(" (anna: another)"), "{note:?}");
    assert_eq!(running.serial(), serial);
}
