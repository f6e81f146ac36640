//! A server that answers as a test says.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What to answer to a method with path, and a body.
pub(crate) trait Answers: Fn(&str, &str) -> (u16, String) + Send + Sync + 'static {}

impl<F: Fn(&str, &str) -> (u16, String) + Send + Sync + 'static> Answers for F {}

/// Starts it; gives its address. It ends with the test.
pub(crate) async fn serve(answers: impl Answers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers = Arc::new(answers);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(keep(stream, answers.clone()));
        }
    });
    url
}

async fn keep(mut stream: TcpStream, answers: Arc<impl Answers>) {
    let mut received = Vec::new();
    while stream.read_buf(&mut received).await.is_ok_and(|read| read > 0) {
        while let Some((line, body, ends)) = request(&received) {
            let (status, body) = answers(&line, &body);
            received.drain(..ends);
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// Method and path, the body, and where it ends.
fn request(received: &[u8]) -> Option<(String, String, usize)> {
    let text = std::str::from_utf8(received).unwrap();
    let (head, rest) = text.split_once("\r\n\r\n")?;
    let line = head.lines().next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let length = length.map_or(0, |it| it.parse().unwrap());
    let body = rest.get(..length)?.to_owned();
    Some((line, body, head.len() + 4 + length))
}
