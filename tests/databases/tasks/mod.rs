//! Ten tasks of an operator on a real PostgreSQL primary with three standbys, by the commands of README.md
//! and docs/OPERATING.md, word for word. What the documents say is what is run, and what is counted.

mod book;
mod desk;

use std::{
    env, fs,
    net::Ipv4Addr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use hickory_proto::{op::ResponseCode, rr::Name};

use self::{
    book::{Line, TASKS, Task},
    desk::Desk,
};
use crate::{
    dns_client::DnsClient,
    in_turn, patience,
    postgres_cluster::{PgCluster, Shutdown},
    postgres_programs::Programs,
};

/// db1 to db3 are in the configuration; db4 joins.
const SERVERS: [Ipv4Addr; 4] = [
    Ipv4Addr::new(127, 63, 20, 1),
    Ipv4Addr::new(127, 63, 20, 2),
    Ipv4Addr::new(127, 63, 20, 3),
    Ipv4Addr::new(127, 63, 20, 4),
];

const ASK_WRITE: &str = "dig @127.0.0.1 -p 5300 +short write.db.internal";
const ASK_READ: &str = "dig @127.0.0.1 -p 5300 +short read.db.internal";

/// What issue trackers call a first hour: a first answer takes no more commands.
const FIRST_ANSWER_MAX: usize = 8;

#[test]
fn ten_tasks_by_the_commands_of_the_documents() {
    in_turn(|| {
        let servers = PgCluster::start(Programs::installed(), &SERVERS);
        servers.forget_probe(0);
        let desk = Desk::new(&SERVERS, servers.port());
        let mut story = Story { servers, desk };
        let does: [fn(&mut Story, Task); 10] = [
            Story::first_answer,
            Story::held_name,
            Story::new_kernel,
            Story::other_password,
            Story::one_more_server,
            Story::switchover,
            Story::who_holds_on,
            Story::wrong_override,
            Story::upgrade,
            Story::audit,
        ];
        println!("ten tasks by the commands of the documents:");
        for (task, does) in TASKS.into_iter().zip(does) {
            let begun = Instant::now();
            does(&mut story, task);
            let took = begun.elapsed().as_secs_f64();
            println!("  {:<45} {:>2} commands, {took:>4.1} s", task.title, task.commands());
        }
    });
}

#[test]
fn the_table_of_tasks_is_that_of_the_documents() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/OPERATING.md");
    let text = fs::read_to_string(&file).expect("the document can be read");
    let (before, rest) = text.split_once(HEAD).expect("the head of the table");
    let (table, after) = rest.split_once("\n\n").expect("the end of the table");
    let row = |task: &Task| {
        let title = task.title;
        format!("| [{title}]({}) | {} |", task.link(), task.commands())
    };
    let rows = TASKS.iter().map(row).collect::<Vec<_>>().join("\n");
    if table != rows && env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&file, format!("{before}{HEAD}{rows}\n\n{after}")).expect("it can be written");
        return;
    }
    assert_eq!(table, rows, "UPDATE_EXPECTED=1 writes the table anew");
    assert!(TASKS[0].commands() <= FIRST_ANSWER_MAX, "{:?}", TASKS[0].lines());
    assert!(TASKS.iter().all(|task| task.commands() > 0), "{rows}");
}

const HEAD: &str = "\n| task | commands |\n| --- | ---: |\n";

/// The servers, and who looks after them.
struct Story {
    servers: PgCluster,
    desk: Desk,
}

impl Story {
    fn first_answer(&mut self, task: Task) {
        let config =
            task.section().split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
        self.each(task, |story, line| match line {
            Line::Command(command) if command.ends_with('&') => {
                assert!(command.contains(" serve --config pointsman/pointsman.toml"), "{command}");
                story.desk.start();
            }
            // README's two servers are three here.
            Line::Command(ASK_FIRST_WRITE) => story.expect_write(0),
            Line::Command(ASK_FIRST_READ) => story.expect_read(&[1, 2]),
            Line::Command(command) => {
                if command.contains("check-config") {
                    story.desk.write_config(config.expect("the configuration"));
                }
                story.desk.said(command);
            }
            Line::Remark(remark) => panic!("nobody knows what to do: {remark}"),
        });
    }

    fn held_name(&mut self, task: Task) {
        self.servers.stop(0, Shutdown::Fast);
        self.desk.wait_for_words("pointsman status orders", &["Down", "held"]);
        self.each(task, |story, line| {
            let (code, words): (_, &[&str]) = match line {
                Line::Command(command) if command.starts_with("dig") => {
                    (Some(0), &["EDE: 3 (Stale Answer)", "held: the last primary is Down"])
                }
                Line::Command(command) if command.starts_with("pointsman explain") => {
                    (Some(0), &["held: the last primary is Down", "db1", "db2", "db3"])
                }
                _ => (Some(1), &["broken at connect"]),
            };
            let Line::Command(command) = line else { panic!("{line:?}") };
            let outcome = story.desk.run(command);
            assert_eq!(outcome.code, code, "{command}: {outcome:?}");
            assert!(words.iter().all(|word| outcome.text.contains(word)), "{command}: {outcome:?}");
        });
        self.servers.start_server(0);
        self.expect_states(&["Primary", "Replica", "Replica"]);
    }

    fn new_kernel(&mut self, task: Task) {
        self.each(task, |story, line| match line {
            Line::Command(command) => {
                story.desk.said(command);
                let is_back = command.contains("undrain");
                story.expect_read(if is_back { &[1, 2] } else { &[1] });
            }
            Line::Remark(_) => {
                story.servers.stop(2, Shutdown::Fast);
                story.servers.start_server(2);
                story.expect_states(&["Primary", "Replica", "Replica"]);
            }
        });
    }

    fn other_password(&mut self, task: Task) {
        let file = self.desk.config_folder().join("orders.password");
        let password = || fs::read_to_string(&file).expect("the password is there");
        let before = password();
        self.each(task, |story, line| {
            let Line::Command(command) = line else { panic!("{line:?}") };
            let text = story.desk.said(command);
            assert!(!command.contains("probe") || text.contains("login"), "{command}: {text}");
        });
        assert_ne!(password(), before);
        // Only logins with the new one are let in from here on.
        (0..SERVERS.len() - 1).for_each(|server| self.servers.end_probe_sessions(server));
        self.expect_states(&["Primary", "Replica", "Replica"]);
        self.desk.said("pointsman probe db3");
        self.expect_write(0);
    }

    fn one_more_server(&mut self, task: Task) {
        self.each(task, |story, line| {
            let Line::Command(command) = line else { panic!("{line:?}") };
            let text = story.desk.said(command);
            if command.contains("server add") {
                story.desk.wait_for_words("pointsman why db4", &["Replica"]);
                story.expect_read(&[1, 2]);
            } else if command.contains("server ready") {
                story.expect_read(&[1, 2, 3]);
            } else if command.contains("drain") || command.contains("server remove") {
                story.expect_read(&[1, 2]);
            } else {
                assert!(text.contains("db4") && text.contains("Replica"), "{command}: {text}");
            }
        });
    }

    fn switchover(&mut self, task: Task) {
        self.each(task, |story, line| match line {
            Line::Command("ssh db1 systemctl stop postgresql") => {
                story.servers.stop(0, Shutdown::Fast);
            }
            Line::Command(command) if command.starts_with("dig") => story.expect_write(1),
            Line::Command(command) => {
                let text = story.desk.said(command);
                assert!(!command.contains("explain") || text.contains("db2"), "{text}");
            }
            Line::Remark(_) => {
                story.servers.start_as_standby(0, 1);
                story.servers.repoint(2, 1);
                story.servers.repoint(3, 1);
            }
        });
        self.expect_states(&["Replica", "Primary", "Replica"]);
        self.expect_read(&[0, 2]);
    }

    fn who_holds_on(&mut self, task: Task) {
        let _held = self.servers.open_sessions(0, 2);
        self.each(task, |story, line| {
            let Line::Command(command) = line else { panic!("{line:?}") };
            let text = story.desk.said(command);
            assert!(text.contains("application") && text.contains("127.0.0.1"), "{text}");
        });
    }

    fn wrong_override(&mut self, task: Task) {
        self.desk.said("pointsman maintenance orders --reason INC-7 --yes");
        self.desk.wait_for_lines(ASK_WRITE, &[]);
        self.each(task, |story, line| match line {
            Line::Command(command) if command.starts_with("dig") => story.expect_write(1),
            Line::Command(command) => {
                let text = story.desk.said(command);
                let is_look = !command.contains("--end");
                assert!(!is_look || (text.contains("INC-7") && text.contains("ann@")), "{text}");
            }
            Line::Remark(remark) => panic!("nobody knows what to do: {remark}"),
        });
        self.expect_read(&[0, 2]);
    }

    fn upgrade(&mut self, task: Task) {
        self.desk.said("pointsman drain db3 --reason kept");
        self.expect_read(&[0]);
        let questions = Questions::start(self.desk.dns(), SERVERS[1]);
        questions.wait_for_some();
        self.each(task, |story, line| match line {
            Line::Command(command) if command.starts_with("apt install ./pointsman_") => {
                story.desk.upgrade();
            }
            Line::Command(command) => {
                let text = story.desk.wait_for_words(command, &["Pointsman ", "kept"]);
                assert!(text.contains(env!("CARGO_PKG_VERSION")), "{text}");
            }
            Line::Remark(remark) => panic!("nobody knows what to do: {remark}"),
        });
        questions.wait_for_some();
        questions.end();
        self.expect_read(&[0]);
        self.desk.said("pointsman undrain db3");
        self.expect_read(&[0, 2]);
    }

    fn audit(&mut self, task: Task) {
        self.desk.said("pointsman freeze orders --reason INC-9");
        self.desk.said("pointsman thaw orders");
        self.each(task, |story, line| {
            let Line::Command(command) = line else { panic!("{line:?}") };
            let text = story.desk.said(command);
            for word in ["freeze", "INC-9", "ann@", "orders"] {
                assert!(text.contains(word), "{command}: {word} is not in\n{text}");
            }
            if command.contains("--json") {
                let log: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                let entries = log["entries"].as_array().expect("a list");
                assert!(entries.iter().all(|entry| entry["uid"].is_u64()), "{log}");
            }
        });
    }

    /// Does what stands on each line of a task.
    fn each(&mut self, task: Task, mut does: impl FnMut(&mut Self, Line)) {
        for line in task.lines() {
            does(self, line);
        }
    }

    fn expect_write(&self, server: usize) {
        self.desk.wait_for_lines(ASK_WRITE, &[SERVERS[server].to_string()]);
    }

    fn expect_read(&self, servers: &[usize]) {
        let addresses: Vec<_> = servers.iter().map(|server| SERVERS[*server].to_string()).collect();
        self.desk.wait_for_lines(ASK_READ, &addresses);
    }

    fn expect_states(&self, states: &[&str]) {
        patience::until(&format!("servers are {states:?}"), || {
            let text = self.desk.run("pointsman status orders --json").text;
            let status: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let servers = status["servers"].as_array().cloned().unwrap_or_default();
            servers.iter().map(|server| &server["state"]).eq(states)
        });
    }
}

const ASK_FIRST_WRITE: &str = "dig @127.0.0.1 -p 5300 write.db.internal +short";
const ASK_FIRST_READ: &str = "dig @127.0.0.1 -p 5300 read.db.internal +short";

/// Somebody who asks for the write name all the time, and wants one answer to each question.
struct Questions {
    answered: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    thread: thread::JoinHandle<Vec<String>>,
}

impl Questions {
    fn start(dns: std::net::SocketAddr, expected: Ipv4Addr) -> Self {
        let (answered, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, ended) = (Arc::clone(&answered), Arc::clone(&over));
        let name = Name::from_ascii("write.db.internal.").expect("a name");
        let thread = thread::spawn(move || {
            let mut client = DnsClient::new(dns);
            let mut wrong = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                match client.addresses(&name) {
                    Some(answer)
                        if answer.code == ResponseCode::NoError
                            && answer.addresses == [expected] => {}
                    other => wrong.push(format!("{other:?}")),
                }
                counted.fetch_add(1, Ordering::Relaxed);
            }
            wrong
        });
        Self { answered, over, thread }
    }

    /// Waits until some more questions have been asked.
    fn wait_for_some(&self) {
        let before = self.answered.load(Ordering::Relaxed);
        patience::until("questions are answered", || {
            self.answered.load(Ordering::Relaxed) > before + 100
        });
    }

    /// # Panics
    /// When one was not answered, or not rightly.
    fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        let wrong = self.thread.join().expect("it asks to its end");
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
