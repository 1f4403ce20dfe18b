//! Sessions that hold on to a former primary of PostgreSQL are ended, and no others.

use std::{collections::BTreeSet, net::Ipv4Addr};

use tokio_postgres::Client;

use crate::{
    in_turn,
    kick::{counted, of_user, report, wait_for_count, wait_for_log, wait_for_writer, watch},
    patience,
    pointsman::{Cluster, Engine, Pointsman},
    postgres_cluster::PgCluster,
    postgres_programs::Programs,
    postgres_sessions::SessionMaker,
};

const SERVERS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 61, 1, 1), Ipv4Addr::new(127, 61, 1, 2), Ipv4Addr::new(127, 61, 1, 3)];

#[test]
fn sessions_on_a_former_postgres_primary_are_ended() {
    in_turn(|| {
        let stage = Stage::new();
        let held = stage.hold(0);
        stage.without_a_right_nothing_is_ended(&held);
        stage.servers.sql(0, "GRANT pg_signal_backend TO pointsman");
        stage.catch_up();
        stage.a_dry_run_counts(&held);
        stage.a_server_that_is_down_or_unknown_is_said_to_be(&held);
        stage.a_stale_primary_is_left_by_its_clients(held);
    });
}

struct Stage {
    servers: PgCluster,
    maker: SessionMaker,
}

/// Open sessions with one server.
struct Held {
    /// To be ended.
    applications: Vec<Client>,
    /// To live on, with what they are.
    others: Vec<(&'static str, Client)>,
}

impl Stage {
    fn new() -> Self {
        let servers = PgCluster::start(Programs::installed(), &SERVERS);
        servers.sql(0, "CREATE ROLE chief LOGIN SUPERUSER; CREATE ROLE reporter LOGIN");
        let stage = Self { servers, maker: SessionMaker::start() };
        stage.catch_up();
        stage
    }

    fn catch_up(&self) {
        for standby in [1, 2] {
            self.servers.wait_caught_up(standby, 0);
        }
    }

    fn serve(&self, mode: &str) -> (Pointsman, Cluster) {
        let mut cluster = Cluster::new("kp", Engine::Postgres, SERVERS, self.servers.port());
        cluster.more_probe = format!(
            "\n[cluster.kick]\nmode = \"{mode}\"\nusers = [\"application\", \"chief\"]\n\
             databases = [\"postgres\"]\n"
        );
        let pointsman = Pointsman::serve(&[&cluster]);
        wait_for_writer(&pointsman, &cluster, 0);
        (pointsman, cluster)
    }

    fn open(&self, server: usize, user: &str) -> Client {
        let session = self.maker.open(SERVERS[server], self.servers.port(), user);
        session.unwrap_or_else(|| panic!("{user} gets no session"))
    }

    fn hold(&self, server: usize) -> Held {
        let applications = vec![self.open(server, "application"), self.open(server, "application")];
        // In a transaction, as the worst of clients are.
        self.maker.run(&applications[1], "BEGIN");
        let others = ["chief", "reporter", "postgres"];
        let others = others.map(|user| (user, self.open(server, user))).into();
        Held { applications, others }
    }

    fn all_live(&self, held: &Held) -> bool {
        let applications = held.applications.iter();
        applications
            .chain(held.others.iter().map(|(_, session)| session))
            .all(|session| self.maker.ask(session, "SELECT 1").as_deref() == Some("1"))
    }

    fn without_a_right_nothing_is_ended(&self, held: &Held) {
        println!("PostgreSQL kick 1: without pg_signal_backend");
        let (pointsman, cluster) = self.serve("on");
        let found = report(&pointsman, "kp1");
        let fault = found["kick"]["fault"].as_str().expect("a fault");
        assert!(fault.contains("GRANT pg_signal_backend TO \"pointsman\";"), "{fault}");
        assert_eq!(
            (&found["kick"]["would_end"], &found["kick"]["mode"]),
            (&0.into(), &"on".into())
        );
        let pin = ["pin", "kp", "kp2", "--unsafe", "--reason", "a test", "--for", "1m"];
        let (code, text) = pointsman.command(&pin);
        assert_eq!(code, Some(0), "{text}");
        wait_for_writer(&pointsman, &cluster, 1);
        wait_for_log(&pointsman, "GRANT pg_signal_backend TO");
        watch("nothing is ended", || self.all_live(held));
        assert_eq!(counted(&pointsman, "kp1", "on"), Some(0));
        pointsman.stop();

        self.servers.sql(0, "REVOKE pg_read_all_stats FROM pointsman");
        let (pointsman, _) = self.serve("on");
        let (code, text) = pointsman.command(&["sessions", "kp1"]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("GRANT pg_read_all_stats TO \"pointsman\";"), "{text}");
        pointsman.stop();
        self.servers.sql(0, "GRANT pg_read_all_stats TO pointsman");
    }

    fn a_dry_run_counts(&self, held: &Held) {
        println!("PostgreSQL kick 2: a dry run");
        let (pointsman, cluster) = self.serve("dry-run");
        // The write name stands still while its server is silent for a moment.
        self.servers.freeze(0);
        wait_for_log(&pointsman, "\"to\":\"Down\"");
        self.servers.thaw(0);
        patience::until("the primary is back", || {
            pointsman.command(&["why", "kp1"]).1.contains("is Primary")
        });
        assert_eq!(counted(&pointsman, "kp1", "dry-run"), None, "the name has not moved");
        let pin = ["pin", "kp", "kp2", "--unsafe", "--reason", "a test", "--for", "1m"];
        assert_eq!(pointsman.command(&pin).0, Some(0));
        wait_for_writer(&pointsman, &cluster, 1);
        wait_for_log(&pointsman, "2 sessions on kp1 would be ended");
        patience::until("both rounds have ended", || {
            pointsman.log().text().matches("on kp1 would be ended").count() == 2
        });
        assert!(self.all_live(held), "a dry run ends nothing");
        assert_eq!(counted(&pointsman, "kp1", "dry-run"), Some(2), "each session once");
        assert_eq!(counted(&pointsman, "kp1", "on"), Some(0));
        pointsman.stop();
    }

    fn a_server_that_is_down_or_unknown_is_said_to_be(&self, held: &Held) {
        println!("PostgreSQL kick 3: reports");
        let (pointsman, _) = self.serve("off");
        let found = report(&pointsman, "KP1");
        assert_eq!((&found["cluster"], &found["server"]), (&"kp".into(), &"kp1".into()));
        assert_eq!(of_user(&found, "application"), (2, 0, vec![]));
        assert_eq!(found["kick"]["mode"], "off");
        assert_eq!((found["replication"].as_u64(), found["clients"].as_u64()), (Some(2), Some(5)));
        let (code, text) = pointsman.command(&["sessions", "kp9"]);
        assert_eq!(code, Some(1));
        assert!(text.contains("there is no server `kp9`"), "{text}");
        self.servers.freeze(1);
        let (code, text) = pointsman.command(&["sessions", "kp2"]);
        self.servers.thaw(1);
        assert_eq!(code, Some(1));
        assert!(
            text.contains("kp2 cannot be asked for its sessions: accepts connections"),
            "{text}"
        );
        assert!(self.all_live(held));
        pointsman.stop();
    }

    fn a_stale_primary_is_left_by_its_clients(&self, held: Held) {
        println!("PostgreSQL kick 4: a primary freezes, is replaced, and thaws");
        let (pointsman, cluster) = self.serve("on");
        let found = report(&pointsman, "kp1");
        assert_eq!(of_user(&found, "application"), (2, 2, vec![]));
        let rights = vec!["the user has special rights".to_owned()];
        assert_eq!(of_user(&found, "chief"), (1, 0, rights));
        assert_eq!(of_user(&found, "reporter"), (1, 0, vec!["not of `users`".to_owned()]));
        assert!(found["own"].as_u64() >= Some(2), "the probe and this report: {found}");
        assert_eq!(found["kick"]["would_end"], 2);
        let (_, table) = pointsman.command(&["sessions", "kp1"]);
        assert!(table.contains("idle in transaction"), "{table}");
        let before = self.senders();
        assert_eq!(before.len(), 2, "both standbys receive");

        self.servers.freeze(0);
        wait_for_log(&pointsman, "\"to\":\"Down\"");
        self.servers.promote(1);
        wait_for_writer(&pointsman, &cluster, 1);
        assert_eq!(counted(&pointsman, "kp1", "on"), Some(0), "it does not answer yet");
        self.servers.thaw(0);
        patience::until("the sessions of the application end", || {
            held.applications.iter().all(|session| !self.maker.is_open(session))
        });
        self.assert_live(&held.others);
        let after = self.senders();
        let others = !after.is_empty() && after.is_subset(&before);
        assert!(others, "the other standby still receives: {after:?} of {before:?}");
        wait_for_log(&pointsman, "2 sessions on kp1 were ended");

        // One that comes back by an old answer is ended once more; then that is all.
        let back = self.open(0, "application");
        patience::until("the client that came back is ended", || !self.maker.is_open(&back));
        wait_for_log(&pointsman, "1 session on kp1 were ended");
        let late = self.open(0, "application");
        watch("there is no third round", || self.maker.is_open(&late));
        self.assert_live(&held.others);
        wait_for_count(&pointsman, "kp1", "on", 3);
        assert_eq!(counted(&pointsman, "kp2", "on"), None);
        let (_, events) = pointsman.command(&["events"]);
        assert!(events.contains("2 sessions on kp1 were ended"), "{events}");
        let new = report(&pointsman, "kp1");
        assert_eq!(of_user(&new, "application"), (1, 1, vec![]));
        pointsman.stop();
    }

    /// The processes of the first server that send changes.
    fn senders(&self) -> BTreeSet<String> {
        let ids = "SELECT coalesce(string_agg(pid::text, ','), '') FROM pg_stat_replication";
        let ids = self.servers.value(0, ids);
        ids.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect()
    }

    fn assert_live(&self, others: &[(&'static str, Client)]) {
        for (user, session) in others {
            let answer = self.maker.ask(session, "SELECT current_user");
            assert_eq!(answer.as_deref(), Some(*user), "the session of {user} lives on");
        }
    }
}
