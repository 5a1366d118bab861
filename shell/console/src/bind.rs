//! Where the console listens, if it does.

use config::ConsoleListen;
use std::io;
use tokio::net::TcpListener;

/// What came of it.
#[derive(Debug)]
pub enum Bound {
    /// It listens.
    Here(TcpListener),
    /// It was not wanted.
    Off,
    /// Nobody asked for this address, and it is not to be had; why.
    Taken(io::Error),
}

/// Takes the console's address. One that the configuration names must be free.
pub async fn bind(listen: ConsoleListen) -> io::Result<Bound> {
    match listen {
        ConsoleListen::Off => Ok(Bound::Off),
        ConsoleListen::At(addr) => transport::bind(addr).await.map(Bound::Here),
        ConsoleListen::IfFree(addr) => {
            Ok(transport::bind(addr).await.map_or_else(Bound::Taken, Bound::Here))
        }
    }
}
