//! One simulated server: the wire protocol of PostgreSQL around one member of the model.
//!
//! It asks for the password (MD5, which needs no TLS library), answers the probe's one question
//! from the model, and every other statement with a syntax error. What becomes of a connection
//! follows from the model's [`Condition`]:
//!
//! | condition | a new connection | an open one |
//! | --- | --- | --- |
//! | stopped | is refused | has been closed |
//! | starting | 57P03 | gets no answer until it is up |
//! | frozen | is accepted by the kernel, then silence | silence |
//! | running | logs in | is answered |

use std::{fmt::Debug, io, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{Sink, stream};
use pgwire::{
    api::{
        ClientInfo, ClientPortalStore, PgWireServerHandlers, Type,
        auth::{
            AuthSource, DefaultServerParameterProvider, LoginInfo, Password, StartupHandler,
            md5pass::{Md5PasswordAuthStartupHandler, hash_md5_password},
        },
        query::SimpleQueryHandler,
        results::{DataRowEncoder, FieldFormat, FieldInfo, QueryResponse, Response},
        store::PortalStore,
    },
    error::{ErrorInfo, PgWireError, PgWireResult},
    messages::{PgWireBackendMessage, PgWireFrontendMessage},
    tokio::process_socket,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::sleep,
};

use super::{
    cluster::{Cluster, Condition},
    reply,
};
use crate::{
    clock::Clock,
    engine::ServerIndex,
    probe::{POSTGRES_COLUMNS, POSTGRES_FACTS},
};

/// The process of one server. Dropping it ends it soon; [`Self::close`] ends it now.
#[derive(Debug)]
pub struct Server {
    orders: mpsc::Sender<Order>,
    task: JoinHandle<()>,
}

/// One server as its connections see it.
#[derive(Clone, Debug)]
pub struct Member {
    /// Which of the model's.
    pub index: ServerIndex,
    /// The model.
    pub cluster: watch::Receiver<Cluster>,
    /// The time of the model.
    pub clock: Clock,
}

#[derive(Debug)]
enum Order {
    EndSessions,
}

impl Server {
    /// Serves `member` at `address`, where the server before it may have left only just now.
    pub async fn open(address: SocketAddr, member: Member) -> io::Result<Self> {
        let mut attempts = BIND_ATTEMPTS;
        let listener = loop {
            match TcpListener::bind(address).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts > 0 => {
                    attempts -= 1;
                    sleep(BIND_PAUSE).await;
                }
                bound => break bound?,
            }
        };
        Ok(Self::serve(listener, member))
    }

    /// Serves `member` on a socket that listens already.
    pub fn serve(listener: TcpListener, member: Member) -> Self {
        let (orders, orders_to_task) = mpsc::channel(1);
        Self { orders, task: tokio::spawn(accept(listener, member, orders_to_task)) }
    }

    /// Closes the port and every connection, as the kernel does for a killed process.
    pub async fn close(self) {
        drop(self.orders);
        // Only a panic could be told, and there is nobody left to take it out on.
        let _ended = self.task.await;
    }

    /// Closes every connection and goes on accepting (`pg_terminate_backend`).
    pub async fn end_sessions(&self) {
        // A task that has ended has no sessions.
        let _ = self.orders.send(Order::EndSessions).await;
    }
}

/// Accepts until the sender of orders is gone.
async fn accept(listener: TcpListener, member: Member, mut orders: mpsc::Receiver<Order>) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::EndSessions) => sessions.shutdown().await,
                None => break,
            },
            Some(_ended) = sessions.join_next() => {}
            Ok((stream, _)) = listener.accept() => {
                sessions.spawn(session(stream, member.clone()));
            }
        }
    }
    drop(listener);
    sessions.shutdown().await;
}

async fn session(stream: TcpStream, member: Member) {
    let parameters = Arc::new(DefaultServerParameterProvider::default());
    let login = Md5PasswordAuthStartupHandler::new(Arc::new(member.clone()), parameters);
    let handlers = Handlers { login: Arc::new(Login { member: member.clone(), login }), member };
    // A client that leaves in the middle is no news.
    let _ended = process_socket(stream, None, handlers).await;
}

impl Member {
    /// Waits while the process stands still.
    async fn thawed(&self) {
        let mut cluster = self.cluster.clone();
        let is_frozen = |cluster: &Cluster| {
            cluster.condition(self.index, self.clock.now()) == Condition::Frozen
        };
        // When the model is gone, nothing thaws any more, and soon nothing is served.
        let _ = cluster.wait_for(|cluster| !is_frozen(cluster)).await;
    }

    /// The error that a server in this condition greets a client with.
    fn refusal(&self) -> Option<PgWireError> {
        match self.cluster.borrow().condition(self.index, self.clock.now()) {
            Condition::Starting(_) => {
                Some(error("FATAL", "57P03", "the database system is starting up"))
            }
            Condition::Stopped => {
                Some(error("FATAL", "57P03", "the database system is shutting down"))
            }
            Condition::Frozen | Condition::Running => None,
        }
    }

    /// The reply to the probe's question.
    fn facts(&self) -> PgWireResult<Response> {
        let facts = self.cluster.borrow().facts(self.index, self.clock.now());
        let text = |column: &&str| {
            FieldInfo::new((*column).to_owned(), None, None, Type::TEXT, FieldFormat::Text)
        };
        let columns = Arc::new(POSTGRES_COLUMNS.iter().map(text).collect::<Vec<_>>());
        let mut encoder = DataRowEncoder::new(Arc::clone(&columns));
        for value in reply::row(&facts) {
            encoder.encode_field(&value)?;
        }
        let row = stream::iter([Ok(encoder.take_row())]);
        Ok(Response::Query(QueryResponse::new(columns, row)))
    }
}

/// What pgwire calls for one connection.
struct Handlers {
    member: Member,
    login: Arc<Login>,
}

/// The login of one connection.
struct Login {
    member: Member,
    login: Md5PasswordAuthStartupHandler<Member, DefaultServerParameterProvider>,
}

impl PgWireServerHandlers for Handlers {
    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::clone(&self.login)
    }

    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::new(self.member.clone())
    }
}

#[async_trait]
impl StartupHandler for Login {
    async fn on_startup<C>(
        &self,
        client: &mut C,
        message: PgWireFrontendMessage,
    ) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        self.member.thawed().await;
        match self.member.refusal() {
            Some(refusal) => Err(refusal),
            None => self.login.on_startup(client, message).await,
        }
    }
}

#[async_trait]
impl AuthSource for Member {
    #[expect(elided_lifetimes_in_paths, reason = "async_trait must see the trait's own signature")]
    async fn get_password(&self, login: &LoginInfo) -> PgWireResult<Password> {
        let salt: [u8; 4] = rand::random();
        let cluster = self.cluster.borrow();
        let user = login.user().unwrap_or_default();
        let hash = hash_md5_password(user, cluster.password(self.index), &salt);
        Ok(Password::new(Some(salt.to_vec()), hash.into_bytes()))
    }
}

#[async_trait]
impl SimpleQueryHandler for Member {
    async fn do_query<C>(&self, _client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        self.thawed().await;
        if query != POSTGRES_FACTS {
            return Err(error("ERROR", "42601", "a simulated server knows one statement only"));
        }
        Ok(vec![self.facts()?])
    }
}

fn error(severity: &str, code: &str, message: &str) -> PgWireError {
    let mut info = ErrorInfo::new(severity.to_owned(), code.to_owned(), message.to_owned());
    info.severity_nonlocalized = Some(severity.to_owned());
    PgWireError::UserError(Box::new(info))
}

/// How often a port that is still in use is tried again.
const BIND_ATTEMPTS: u32 = 100;

/// Pause between two attempts.
const BIND_PAUSE: Duration = Duration::from_millis(20);
