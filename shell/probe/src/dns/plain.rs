//! Resolvers over UDP and TCP (RFC 1035 §4.2).

use super::Fault;
use super::message::{Misfit, Question};
use crate::{Ground, wire};
use ir::evidence::Answer;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// Datagrams that are no answer to our question, before nothing more is awaited.
const FOREIGN_MAX: usize = 16;

/// Asks over UDP: twice, since datagrams are lost, and over TCP where the answer did not fit.
pub(super) async fn datagrams(
    ground: &Ground,
    to: SocketAddr,
    question: &Question,
) -> Result<Answer, Fault> {
    let socket = wire::udp(ground, to).await.map_err(|_| Fault::Unreachable)?;
    send(&socket, question).await?;
    let patience = ground.limits.dns / 2;
    let patience = patience.max(Duration::from_millis(1));
    let heard = if let Ok(heard) = timeout(patience, hear(&socket, question)).await {
        heard
    } else {
        send(&socket, question).await?;
        hear(&socket, question).await
    };
    match heard? {
        Some(answer) => Ok(answer),
        None => stream(ground, to, question).await,
    }
}

async fn send(socket: &UdpSocket, question: &Question) -> Result<(), Fault> {
    socket.send(&question.bytes).await.map(drop).map_err(|_| Fault::Unreachable)
}

/// The answer; none where it was cut. What answers other questions is passed over: it may be
/// somebody's guess.
async fn hear(socket: &UdpSocket, question: &Question) -> Result<Option<Answer>, Fault> {
    let mut room = vec![0; 4096];
    for _ in 0..FOREIGN_MAX {
        // Nobody listens there: the system tells of it at the next call.
        let length = socket.recv(&mut room).await.map_err(|_| Fault::Unreachable)?;
        match question.read(room.get(..length).unwrap_or_default()) {
            Ok(answer) => return Ok(Some(answer)),
            Err(Misfit::Truncated) => return Ok(None),
            Err(Misfit::Foreign) => {}
            // A socket hears only its resolver: what cannot be read is its answer.
            Err(Misfit::Garbled) => return Err(Fault::Garbled),
        }
    }
    Err(Fault::Garbled)
}

/// Asks over TCP.
pub(super) async fn stream(
    ground: &Ground,
    to: SocketAddr,
    question: &Question,
) -> Result<Answer, Fault> {
    let mut stream = wire::connect(ground, to).await.map_err(|_| Fault::Unreachable)?;
    let length = u16::try_from(question.bytes.len()).map_err(|_| Fault::Garbled)?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(&question.bytes);
    stream.write_all(&framed).await.map_err(|_| Fault::Unreachable)?;
    // Whoever hangs up without a word was not reached.
    let length = stream.read_u16().await.map_err(|_| Fault::Unreachable)?;
    let mut room = vec![0; length.into()];
    stream.read_exact(&mut room).await.map_err(|_| Fault::Garbled)?;
    Ok(question.read(&room)?)
}
