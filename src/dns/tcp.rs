//! DNS over TCP (RFC 7766).

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

use super::{Transport, responder::Responder};

/// Accepts connections until dropped.
pub(super) async fn serve(listener: TcpListener, responder: Responder, idle: Duration) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, client)) => {
                let responder = responder.another();
                connections.spawn(converse(stream, client, responder, idle));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Answers one connection until it ends, is silent, or does not read.
async fn converse(
    mut stream: TcpStream,
    client: SocketAddr,
    mut responder: Responder,
    idle: Duration,
) {
    let mut query = Vec::new();
    loop {
        let read = async {
            let length = stream.read_u16().await?;
            query.resize(usize::from(length), 0);
            stream.read_exact(&mut query).await
        };
        let Ok(Ok(_)) = timeout(idle, read).await else {
            return;
        };
        let mut reply = vec![0, 0];
        if responder.turn().respond(&query, client, Transport::Tcp, &mut reply) {
            let length = u16::try_from(reply.len() - 2).expect("a reply has at most 65,535 octets");
            reply[..2].copy_from_slice(&length.to_be_bytes());
            let Ok(Ok(())) = timeout(idle, stream.write_all(&reply)).await else {
                return;
            };
        }
    }
}
