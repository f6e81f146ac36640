//! As little HTTP/1.1 as a load needs: a request, its answer, and the connection is kept.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// What takes longer has no answer.
const PATIENCE: Duration = Duration::from_secs(10);
const MOST_BYTES: usize = 1024 * 1024;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A request as it goes over the wire, made once and sent many times.
pub(crate) struct Request(Vec<u8>);

/// Where a server is, and what it is told of the sender.
#[derive(Clone)]
pub(crate) struct Site {
    /// Host and port.
    pub(crate) authority: String,
    /// The value of `Authorization`.
    pub(crate) authorization: String,
}

/// What came back.
pub(crate) struct Answer<'a> {
    /// Its status.
    pub(crate) status: u16,
    /// Its body.
    pub(crate) body: &'a [u8],
}

impl Answer<'_> {
    /// Whether what was asked for was done.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A connection, kept alive.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// How far the head of an answer goes, and what it says.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    ends: usize,
    length: usize,
}

impl Request {
    /// As it goes over the wire.
    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.0).expect("requests are text")
    }
}

impl Site {
    /// The server at an address, asked with a key.
    pub(crate) fn at(url: &str, key: &str) -> anyhow::Result<Self> {
        let authority = url.strip_prefix("http://").context("--url must begin with http://")?;
        let authority = authority.trim_end_matches('/').to_owned();
        ensure!(!authority.contains('/'), "--url must end after host and port");
        Ok(Self { authority, authorization: format!("Bearer {key}") })
    }

    /// A GET of a path.
    pub(crate) fn get(&self, path: &str) -> Request {
        self.request("GET", path, &self.authorized(), "")
    }

    /// A POST of JSON to a path.
    pub(crate) fn post(&self, path: &str, body: &serde_json::Value) -> Request {
        self.request("POST", path, &self.authorized(), &body.to_string())
    }

    /// A POST of JSON, as it is, by somebody who has no key but these lines of the head.
    pub(crate) fn deliver(&self, path: &str, lines: &str, body: &str) -> Request {
        self.request("POST", path, lines, body)
    }

    fn authorized(&self) -> String {
        format!("Authorization: {}\r\n", self.authorization)
    }

    fn request(&self, method: &str, path: &str, lines: &str, body: &str) -> Request {
        let authority = &self.authority;
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {authority}\r\n{lines}");
        if !body.is_empty() {
            head += "Content-Type: application/json\r\n";
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        Request(format!("{head}\r\n{body}").into_bytes())
    }
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(site: &Site) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(&site.authority).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and waits for its answer. After an error the connection is of no more use.
    pub(crate) async fn ask(&mut self, request: &Request) -> anyhow::Result<Answer<'_>> {
        let head = timeout(PATIENCE, self.exchange(request)).await.context("no answer")??;
        let Head { status, ends, length } = head;
        let body = self.received.get(ends..ends + length).context("a body was cut off")?;
        Ok(Answer { status, body })
    }

    async fn exchange(&mut self, request: &Request) -> anyhow::Result<Head> {
        self.received.clear();
        self.stream.write_all(&request.0).await?;
        loop {
            ensure!(self.stream.read_buf(&mut self.received).await? > 0, "the server hung up");
            ensure!(self.received.len() <= MOST_BYTES, "an answer is too long");
            match Head::read(&self.received)? {
                Some(head) if self.received.len() >= head.ends + head.length => return Ok(head),
                _ => {}
            }
        }
    }
}

impl Head {
    /// The head of what was received, once it is complete.
    fn read(received: &[u8]) -> anyhow::Result<Option<Self>> {
        let found = received.windows(END_OF_HEAD.len()).position(|it| it == END_OF_HEAD);
        let Some(text) = found.and_then(|at| received.get(..at)) else { return Ok(None) };
        let mut lines = std::str::from_utf8(text)?.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
        let status = status.and_then(|rest| rest.split(' ').next()).context("not HTTP/1.1")?;
        let mut length = None;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse()?);
            }
        }
        let Some(length) = length else { bail!("an answer does not say how long it is") };
        Ok(Some(Self { status: status.parse()?, ends: text.len() + END_OF_HEAD.len(), length }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        let answer = b"HTTP/1.1 201 Created\r\ncontent-LENGTH: 2\r\nx: y\r\n\r\n{}";
        let (half, _) = answer.split_at(30);
        assert_eq!(Head::read(half).unwrap(), None);
        let head = Head::read(answer).unwrap();
        assert_eq!(head, Some(Head { status: 201, ends: answer.len() - 2, length: 2 }));
        Head::read(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").unwrap_err();
    }

    #[test]
    fn a_request_says_who_asks() {
        let site =
            Site { authority: "localhost:1".to_owned(), authorization: "Bearer k".to_owned() };
        let lines = "Host: localhost:1\r\nAuthorization: Bearer k\r\n";
        assert_eq!(site.get("/a").0, format!("GET /a HTTP/1.1\r\n{lines}\r\n").into_bytes());
        let head = "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        let posted = format!("POST /a HTTP/1.1\r\n{lines}{head}").into_bytes();
        assert_eq!(site.post("/a", &serde_json::json!({})).0, posted);
    }
}
