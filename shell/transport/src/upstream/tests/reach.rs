//! Promise: nobody is connected to but the address that was judged.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use ir::{Dns, Failure, Place, Reach};

use super::peer::{Step, peer};
use super::{plain, send, upstream, whole};

/// Refused before any SYN.
#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let address = trap.local_addr().unwrap();
    let mapped: SocketAddr = format!("[::ffff:127.0.0.1]:{}", address.port()).parse().unwrap();
    for inside in [address, mapped] {
        let upstream = upstream(Ok(vec![inside]), |settings| settings.reach = Reach::default());
        for _ in 0..3 {
            let failure = send(&upstream, "http://localhost/").await.unwrap_err();
            assert_eq!(failure, Failure::Dns(Dns::Forbidden(inside.ip(), Place::Loopback)));
        }
    }
    // Who had connected would stand in the queue.
    assert_eq!(trap.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// Of a name with two addresses the one that may not be used is not even tried first.
#[tokio::test]
async fn one_forbidden_address_does_not_spoil_the_other() {
    let ok = vec![Step::Read, Step::Say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")];
    let (there, _) = peer(vec![ok.clone(), ok]).await;
    let metadata: SocketAddr = "169.254.169.254:80".parse().unwrap();
    for found in [vec![metadata, there], vec![there, metadata]] {
        let upstream = upstream(Ok(found), |_| {});
        assert_eq!(whole(&upstream, "http://localhost/").await, Ok(("ok".to_owned(), false)));
    }
}

/// There is one lookup, and the connection goes to what it said. A name that
/// answers otherwise the second time is judged again.
#[tokio::test]
async fn the_connection_goes_to_the_address_that_was_judged() {
    let ok = vec![Step::Read, Step::Say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")];
    let (there, seen) = peer(vec![ok]).await;
    // No resolver but the script knows this name, and the port is the script's as well: whoever
    // looked a second time would find nobody.
    let upstream = plain(there);
    let uri = "http://localhost:9/v1/messages";
    assert_eq!(whole(&upstream, uri).await, Ok(("ok".to_owned(), false)));
    assert!(seen.await.unwrap()[0].contains("host: localhost:9\r\n"));
}

/// An address that was written down was named.
#[tokio::test]
async fn a_literal_is_what_the_operator_wrote() {
    let ok = vec![Step::Read, Step::Say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")];
    let (there, _) = peer(vec![ok]).await;
    let upstream = upstream(Err(Dns::NotFound), |settings| {
        settings.reach = Reach { loopback: false, private: false };
    });
    let uri = format!("http://{there}/v1");
    let request = http::Request::get(uri).body(crate::Payload::empty()).unwrap();
    assert_eq!(upstream.send(request).await.unwrap().status, 200);
}
