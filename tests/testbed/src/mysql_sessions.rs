//! Sessions that tests have with MySQL and MariaDB servers.

use std::time::Duration;

use mysql_async::{Conn, Opts, Row, prelude::Queryable};
use tokio::{runtime::Runtime, task::JoinHandle, time};

/// Sessions held open; dropped, they end.
pub struct Sessions {
    pub(crate) _connections: Vec<Conn>,
}

/// A session that writes every 20 ms; dropped, it ends.
pub struct Workload {
    task: JoinHandle<()>,
}

impl Workload {
    /// Runs `statement` again and again until it fails.
    pub(crate) fn begin(runtime: &Runtime, mut session: Conn, statement: &str) -> Self {
        let statement = statement.to_owned();
        let task = runtime.spawn(async move {
            while run(&mut session, &statement).await {
                time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self { task }
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A new session; `None` when the server lets nobody in, or says nothing.
pub(crate) async fn connect(options: Opts) -> Option<Conn> {
    let connect = time::timeout(Duration::from_secs(5), Conn::new(options));
    connect.await.ok()?.ok()
}

/// Runs one statement; whether that went well.
pub async fn run(session: &mut Conn, statement: &str) -> bool {
    session.query_drop(statement).await.is_ok()
}

/// The ids of the sessions of `user`; `None` when the server does not tell.
pub(crate) async fn ids_of(session: &mut Conn, user: &str) -> Option<Vec<u64>> {
    let sessions: Vec<Row> = session.query("SHOW PROCESSLIST").await.ok()?;
    let of_user = |row: &Row| row.get::<String, _>("User").is_some_and(|name| name == user);
    Some(sessions.iter().filter(|row| of_user(row)).filter_map(|row| row.get("Id")).collect())
}

/// How many clients other than `user` have a session, replicas that receive among them; `None` when the
/// server does not tell. One that has not logged in yet may be `user`.
pub(crate) async fn count_clients_beside(session: &mut Conn, user: &str) -> Option<usize> {
    let sessions: Vec<Row> = session.query("SHOW PROCESSLIST").await.ok()?;
    let no_client = [user, "unauthenticated user", "system user", "event_scheduler"];
    let is_client = |row: &&Row| {
        row.get::<String, _>("User").is_some_and(|name| !no_client.contains(&name.as_str()))
    };
    Some(sessions.iter().filter(is_client).count())
}

/// Ends the sessions of `user`; whether the server could be asked. One may end by itself meanwhile.
pub(crate) async fn end_sessions_of(session: &mut Conn, user: &str) -> bool {
    let Some(ids) = ids_of(session, user).await else { return false };
    for id in ids {
        run(session, &format!("KILL {id}")).await;
    }
    true
}

/// Runs the sessions of the tests themselves.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime can be made")
}
