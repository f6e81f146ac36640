//! Over a real connection: what only the wire shows.

use actix_web::{HttpServer, rt};
use billing_http::app;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::world::World;

/// Sends bytes to a server of its own, and reads until it closes the connection.
async fn said(world: &World, bytes: &str) -> String {
    let http = world.http.clone();
    let server = HttpServer::new(move || app(http.clone())).workers(1).disable_signals();
    let server = server.bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    let running = server.run();
    let handle = running.handle();
    rt::spawn(running);
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    handle.stop(false).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[actix_web::test]
async fn a_key_opens_the_door() {
    let world = World::new().await;
    let key = &world.reader;
    let request = format!(
        "GET /api/hello HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
         Connection: close\r\n\r\n"
    );
    let answer = said(&world, &request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with("{\"ok\":true}"), "{answer}");
}

#[actix_web::test]
async fn a_body_without_a_length_has_an_end_too() {
    let world = World::new().await;
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let request = format!(
        "POST /api/billing/credits/consume HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
         2\r\n{{}}\r\n{chunk}0\r\n\r\n",
        world.bound
    );
    let answer = said(&world, &request).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("PAYLOAD_TOO_LARGE"), "{answer}");
}
