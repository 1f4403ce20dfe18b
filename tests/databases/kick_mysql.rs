//! Sessions that hold on to a former primary of MySQL or MariaDB are ended, and no others.

use std::{collections::BTreeSet, net::Ipv4Addr};

use mysql_async::{Conn, OptsBuilder, prelude::Queryable as _};
use tokio::runtime::Runtime;

use crate::{
    in_turn,
    kick::{counted, of_user, report, wait_for_count, wait_for_log, wait_for_writer, watch},
    mysql_cluster::MySqlCluster,
    mysql_programs::MySqlPrograms,
    mysql_sessions::runtime,
    patience,
    pointsman::{Cluster, Engine, Pointsman},
};

/// How a flavour calls what matters here.
#[derive(Clone, Copy)]
struct Words {
    servers: [Ipv4Addr; 3],
    /// The right to end sessions of others.
    kill: &'static str,
    /// Beside what MariaDB makes by itself.
    more_accounts: &'static [&'static str],
}

const MARIADB: Words =
    Words { servers: [v4(2, 1), v4(2, 2), v4(2, 3)], kill: "CONNECTION ADMIN", more_accounts: &[] };
const MYSQL: Words = Words {
    servers: [v4(3, 1), v4(3, 2), v4(3, 3)],
    kill: "CONNECTION_ADMIN",
    more_accounts: &["CREATE USER root@'127.%'", "GRANT ALL ON story.* TO root@'127.%'"],
};

/// An application, one with SUPER, and one who has a role that may end sessions.
fn accounts(kill: &str) -> [String; 9] {
    [
        "GRANT ALL ON story.* TO application@'127.%'",
        "CREATE USER chief@'127.%'",
        "GRANT SUPER ON *.* TO chief@'127.%'",
        "GRANT ALL ON story.* TO chief@'127.%'",
        "CREATE ROLE officers",
        &format!("GRANT {kill} ON *.* TO officers"),
        "CREATE USER boss@'127.%'",
        "GRANT officers TO boss@'127.%'",
        "GRANT ALL ON story.* TO boss@'127.%'",
    ]
    .map(str::to_owned)
}

#[test]
fn sessions_on_a_former_mariadb_primary_are_ended() {
    play(MySqlPrograms::mariadb(), MARIADB);
}

#[test]
fn sessions_on_a_former_mysql_primary_are_ended() {
    play(MySqlPrograms::mysql(), MYSQL);
}

fn play(programs: MySqlPrograms, words: Words) {
    in_turn(|| {
        let stage = Stage::new(programs.clone(), words);
        let mut held = stage.hold();
        stage.missing_rights_are_named(&mut held);
        stage.a_dry_run_counts(&mut held);
        stage.a_former_primary_is_left_by_its_clients(held);
    });
}

struct Stage {
    servers: MySqlCluster,
    words: Words,
    runtime: Runtime,
}

/// Open sessions with the first server.
struct Held {
    /// To be ended.
    applications: Vec<Conn>,
    /// To live on, with what they are.
    others: Vec<(&'static str, Conn)>,
}

impl Stage {
    fn new(programs: MySqlPrograms, words: Words) -> Self {
        let servers = MySqlCluster::start(programs, &words.servers);
        let accounts = accounts(words.kill);
        let accounts = accounts.iter().map(String::as_str);
        let all: Vec<_> = accounts.chain(words.more_accounts.iter().copied()).collect();
        servers.sql(0, &all);
        servers.sql(0, &[&servers.grants().kick()[0]]);
        let stage = Self { servers, words, runtime: runtime() };
        stage.catch_up();
        stage
    }

    fn catch_up(&self) {
        for replica in [1, 2] {
            self.servers.wait_caught_up(replica, 0);
        }
    }

    fn serve(&self, mode: &str) -> (Pointsman, Cluster) {
        let mut cluster =
            Cluster::new("km", Engine::MySql, self.words.servers, self.servers.port());
        cluster.more_probe = format!(
            "\n[cluster.kick]\nmode = \"{mode}\"\nusers = [\"application\", \"chief\", \"boss\"]\n\
             databases = [\"story\"]\nuser = \"pointsman_kick\"\n\
             password_file = \"probe.password\"\n"
        );
        let pointsman = Pointsman::serve(&[&cluster]);
        wait_for_writer(&pointsman, &cluster, 0);
        (pointsman, cluster)
    }

    fn open(&self, user: &str, database: Option<&str>) -> Conn {
        let options = OptsBuilder::default()
            .ip_or_hostname(self.words.servers[0].to_string())
            .tcp_port(self.servers.port())
            .user(Some(user))
            .db_name(database)
            .prefer_socket(false);
        let session = self.runtime.block_on(Conn::new(options));
        session.unwrap_or_else(|error| panic!("{user} gets no session: {error}"))
    }

    fn hold(&self) -> Held {
        let application = || self.open("application", Some("story"));
        Held {
            applications: vec![application(), application()],
            others: vec![
                ("no database", self.open("application", None)),
                ("SUPER", self.open("chief", Some("story"))),
                ("a role", self.open("boss", Some("story"))),
                ("another user", self.open("root", Some("story"))),
            ],
        }
    }

    fn lives(&self, session: &mut Conn) -> bool {
        let one = self.runtime.block_on(session.query_first::<u8, _>("SELECT 1"));
        matches!(one, Ok(Some(1)))
    }

    fn all_live(&self, held: &mut Held) -> bool {
        held.applications.iter_mut().all(|session| self.lives(session))
            && held.others.iter_mut().all(|(_, session)| self.lives(session))
    }

    /// The ids of the threads that send binary logs.
    fn dumps(&self) -> BTreeSet<String> {
        let ids = "SELECT group_concat(id ORDER BY id) FROM information_schema.processlist \
                   WHERE command LIKE 'Binlog Dump%'";
        self.servers.value(0, ids).split(',').map(str::to_owned).collect()
    }

    fn missing_rights_are_named(&self, held: &mut Held) {
        println!("{} kick 1: missing rights", self.servers.flavour().title());
        let (pointsman, cluster) = self.serve("on");
        let (code, text) = pointsman.command(&["sessions", "km1"]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("GRANT PROCESS ON *.* TO 'pointsman_kick'@'%';"), "{text}");
        let pin = ["pin", "km", "km2", "--unsafe", "--reason", "a test", "--for", "1m"];
        let (code, text) = pointsman.command(&pin);
        assert_eq!(code, Some(0), "{text}");
        wait_for_writer(&pointsman, &cluster, 1);
        wait_for_log(&pointsman, "GRANT PROCESS ON *.* TO");
        self.servers.sql(0, &["GRANT PROCESS ON *.* TO pointsman_kick@'%'"]);
        // The next attempt gets one step further, and so does a report.
        wait_for_log(&pointsman, "GRANT SELECT ON mysql.* TO 'pointsman_kick'@'%';");
        let found = report(&pointsman, "km1");
        assert_eq!((&found["kick"]["would_end"], found["clients"].as_u64()), (&0.into(), Some(6)));
        self.servers.sql(0, &["GRANT SELECT ON mysql.* TO pointsman_kick@'%'"]);
        let kill = self.words.kill;
        wait_for_log(&pointsman, &format!("GRANT {kill} ON *.* TO 'pointsman_kick'@'%';"));
        assert!(self.all_live(held), "nothing is ended");
        assert_eq!(counted(&pointsman, "km1", "on"), Some(0));
        pointsman.stop();
        let all: Vec<_> = self.servers.grants().kick();
        self.servers.sql(0, &all[1..].iter().map(String::as_str).collect::<Vec<_>>());
        self.catch_up();
    }

    fn a_dry_run_counts(&self, held: &mut Held) {
        println!("{} kick 2: a dry run", self.servers.flavour().title());
        let (pointsman, cluster) = self.serve("dry-run");
        let pin = ["pin", "km", "km2", "--unsafe", "--reason", "a test", "--for", "1m"];
        assert_eq!(pointsman.command(&pin).0, Some(0));
        wait_for_writer(&pointsman, &cluster, 1);
        wait_for_log(&pointsman, "2 sessions on km1 would be ended");
        watch("a dry run ends nothing", || self.all_live(held));
        wait_for_count(&pointsman, "km1", "dry-run", 2);
        assert_eq!(counted(&pointsman, "km1", "on"), Some(0));
        pointsman.stop();
    }

    fn a_former_primary_is_left_by_its_clients(&self, mut held: Held) {
        println!("{} kick 3: a switchover by read_only", self.servers.flavour().title());
        let (pointsman, cluster) = self.serve("on");
        let found = report(&pointsman, "km1");
        let rights = || "the user has special rights".to_owned();
        assert_eq!(found["kick"]["fault"], serde_json::Value::Null, "{found}");
        let application = of_user(&found, "application");
        assert_eq!(application, (3, 2, vec!["not of `databases`".to_owned()]));
        assert_eq!(of_user(&found, "chief"), (1, 0, vec![rights()]));
        assert_eq!(of_user(&found, "boss"), (1, 0, vec![rights()]));
        assert_eq!(of_user(&found, "root"), (1, 0, vec!["not of `users`".to_owned()]));
        assert_eq!(found["replication"], 2);

        // Nothing is ended while the name has merely lost its server.
        self.servers.set_read_only(0, true);
        wait_for_log(&pointsman, "ReadOnlyPrimary");
        watch("nothing is ended yet", || self.all_live(&mut held));
        self.servers.wait_caught_up(1, 0);
        let dumps = self.dumps();
        self.servers.promote(1);
        wait_for_writer(&pointsman, &cluster, 1);
        wait_for_log(&pointsman, "2 sessions on km1 were ended");
        for session in &mut held.applications {
            assert!(!self.lives(session), "the application has left");
        }
        let mut back = self.open("application", Some("story"));
        patience::until("the client that came back is ended", || !self.lives(&mut back));
        for (what, session) in &mut held.others {
            assert!(self.lives(session), "{what} lives on");
        }
        // The third server still follows the first; the second is its own master now.
        let after = self.dumps();
        assert!(!after.is_empty() && after.is_subset(&dumps), "{after:?} of {dumps:?}");
        wait_for_count(&pointsman, "km1", "on", 3);
        let mut late = self.open("application", Some("story"));
        watch("there is no third round", || self.lives(&mut late));
        pointsman.stop();
    }
}

const fn v4(cluster: u8, server: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 61, cluster, server)
}
