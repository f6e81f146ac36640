//! Looks into a database as its superuser, past the product: just enough of PostgreSQL's protocol,
//! so that no client library is needed here.

use std::{
    fs,
    io::{BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

/// A database behind a unix socket.
#[derive(Clone)]
pub(crate) struct Sql {
    socket: PathBuf,
    database: String,
}

impl Sql {
    /// Where a URL of a cluster of ours leads: `postgresql://user@%2Fsome%2Fdirectory/database`.
    pub(crate) fn at(url: &str) -> Self {
        let (_, place) = url.split_once('@').unwrap();
        let (directory, database) = place.split_once('/').unwrap();
        Self::behind(&unescaped(directory), database)
    }

    /// The product's database in an embedded cluster that runs.
    pub(crate) fn embedded(data: &Path) -> Self {
        let file = fs::read_to_string(data.join("postmaster.pid")).unwrap();
        Self::behind(file.lines().nth(4).unwrap(), "billing")
    }

    fn behind(directory: &str, database: &str) -> Self {
        let socket = Path::new(directory).join(".s.PGSQL.5432");
        Self { socket, database: database.to_owned() }
    }

    /// The name of the database.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// Another database of the same cluster.
    pub(crate) fn beside(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// All rows of a query; NULL is nothing.
    #[track_caller]
    pub(crate) fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self.ask(sql) {
            Ok(rows) => rows,
            Err(error) => panic!("{error}, asked\n{sql}"),
        }
    }

    /// The number that a query gives.
    #[track_caller]
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.rows(sql)[0][0].parse().unwrap()
    }

    fn ask(&self, sql: &str) -> Result<Vec<Vec<String>>, String> {
        let stream = UnixStream::connect(&self.socket).map_err(|error| error.to_string())?;
        let mut to = &stream;
        let mut from = BufReader::new(&stream);
        let mut startup = 196_608_i32.to_be_bytes().to_vec();
        startup.extend(format!("user\0postgres\0database\0{}\0\0", self.database).as_bytes());
        to.write_all(&framed(&startup)).map_err(|error| error.to_string())?;
        until_ready(&mut from)?;
        let query = [b"Q".to_vec(), framed(format!("{sql}\0").as_bytes())].concat();
        to.write_all(&query).map_err(|error| error.to_string())?;
        until_ready(&mut from)
    }
}

/// The length counts itself.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = i32::try_from(message.len() + 4).unwrap();
    [&length.to_be_bytes(), message].concat()
}

fn until_ready(from: &mut impl Read) -> Result<Vec<Vec<String>>, String> {
    let mut rows = Vec::new();
    let mut failed = None;
    loop {
        let mut head = [0; 5];
        let read = from.read_exact(&mut head);
        read.map_err(|error| failed.clone().unwrap_or_else(|| error.to_string()))?;
        let [kind, length @ ..] = head;
        let mut body = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap() - 4];
        from.read_exact(&mut body).map_err(|error| error.to_string())?;
        match kind {
            b'Z' => return failed.map_or(Ok(rows), Err),
            b'E' => failed = Some(String::from_utf8_lossy(&body).replace('\0', " ")),
            b'D' => rows.push(columns(&body)),
            _ => {}
        }
    }
}

fn columns(row: &[u8]) -> Vec<String> {
    let (count, mut rest) = row.split_first_chunk::<2>().unwrap();
    let mut columns = Vec::new();
    for _ in 0..i16::from_be_bytes(*count) {
        let (length, value) = rest.split_first_chunk::<4>().unwrap();
        // -1 stands for NULL.
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or_default();
        let (value, next) = value.split_at(length);
        columns.push(String::from_utf8(value.to_vec()).unwrap());
        rest = next;
    }
    columns
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at(2);
        plain.push(char::from(u8::from_str_radix(code, 16).unwrap()));
        plain.push_str(rest);
    }
    plain
}
