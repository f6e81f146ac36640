use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Runs `sql` as the superuser and returns the first column of all rows: just enough of the
/// protocol to see that PostgreSQL works. `None` when it cannot be reached or refuses.
pub(crate) fn query(sockets: &Path, sql: &str) -> Option<Vec<String>> {
    let mut stream = UnixStream::connect(sockets.join(".s.PGSQL.5432")).ok()?;
    let mut startup = 196_608_i32.to_be_bytes().to_vec();
    startup.extend(b"user\0postgres\0database\0postgres\0\0");
    stream.write_all(&framed(&startup)).ok()?;
    rows_until_ready(&mut stream)?;

    stream.write_all(b"Q").ok()?;
    stream.write_all(&framed(format!("{sql}\0").as_bytes())).ok()?;
    rows_until_ready(&mut stream)
}

/// The length counts itself.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = i32::try_from(message.len() + 4).unwrap();
    [&length.to_be_bytes(), message].concat()
}

fn rows_until_ready(stream: &mut UnixStream) -> Option<Vec<String>> {
    let mut rows = Vec::new();
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head).ok()?;
        let [kind, length @ ..] = head;
        let mut body = vec![0; usize::try_from(i32::from_be_bytes(length)).ok()? - 4];
        stream.read_exact(&mut body).ok()?;
        match kind {
            b'Z' => return Some(rows),
            b'E' => return None,
            // Two bytes say how many columns, four how long the first is.
            b'D' => {
                let length = i32::from_be_bytes(body[2..6].try_into().unwrap());
                let value = &body[6..][..usize::try_from(length).unwrap()];
                rows.push(String::from_utf8(value.to_vec()).unwrap());
            }
            _ => {}
        }
    }
}
