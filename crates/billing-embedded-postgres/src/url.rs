use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A libpq URL whose host is the directory of a unix socket.
pub(crate) fn through_socket(sockets: &Path, database: &str, user: &str) -> String {
    let host = escaped(sockets.as_os_str().as_bytes());
    format!("postgresql://{}@{host}/{}", escaped(user.as_bytes()), escaped(database.as_bytes()))
}

fn escaped(text: &[u8]) -> String {
    text.iter().fold(String::new(), |mut url, &byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
        url
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_the_escaped_directory() {
        assert_eq!(
            through_socket(Path::new("/var/lib/a b/socket"), "billing", "app@home"),
            "postgresql://app%40home@%2Fvar%2Flib%2Fa%20b%2Fsocket/billing"
        );
    }
}
