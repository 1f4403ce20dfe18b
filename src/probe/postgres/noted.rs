//! What is noted of a login while the protocol library makes it.
//!
//! The library asks for encryption, encrypts and logs in without a pause between; the connector
//! that it is given is the one place where it comes by.

use std::pin::Pin;

use tokio_postgres::tls::TlsConnect;

use super::guard::Guarded;
use crate::probe::{
    dial::Dial,
    socket::Metered,
    trail::{Step, Trail},
};

/// Notes on the trail when the server has agreed to encryption, and when that is done.
pub struct Noted<C> {
    /// What encrypts.
    pub connector: C,
    /// Where it is noted.
    pub trail: Trail,
}

/// The watch over what the server asks for moves to the inside of the encryption.
impl<C> TlsConnect<Guarded<Metered>> for Noted<C>
where
    C: TlsConnect<Metered>,
    C::Future: Send + 'static,
{
    type Stream = Guarded<C::Stream>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, C::Error>> + Send>>;

    fn connect(self, stream: Guarded<Metered>) -> Self::Future {
        let Self { connector, trail } = self;
        trail.say(|| "the server agrees".to_owned());
        let (stream, watch) = stream.into_parts();
        let connecting = connector.connect(stream);
        Box::pin(async move {
            let connected = connecting.await?;
            trail.begin(Step::Login);
            Ok(Guarded::new(connected, watch))
        })
    }
}

/// Who has been let in where.
pub fn let_in(dial: &Dial, version: Option<&str>) -> String {
    let (user, database) = (&dial.config.user, &dial.config.database);
    let version = version.unwrap_or("of an unknown version");
    format!("as {user} in database {database}: PostgreSQL {version}")
}
