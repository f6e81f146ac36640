use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::geteuid;

/// The unprivileged user that PostgreSQL runs as, where we are root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// `None` when we are not root: then PostgreSQL runs as ourselves.
    ///
    /// Data that exists decides by its owner, so that installing PostgreSQL later, which brings
    /// the user `postgres`, does not lock us out.
    pub(crate) fn for_postgres(data: &Path) -> Option<Self> {
        if !geteuid().is_root() {
            return None;
        }
        if let Ok(data) = fs::metadata(data)
            && data.uid() != 0
        {
            let name = format!("user {}", data.uid());
            return Some(Self { name, uid: data.uid(), gid: data.gid() });
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        Some(Self::among(&users))
    }

    fn among(users: &str) -> Self {
        ["postgres", "nobody"].into_iter().find_map(|name| Self::named(name, users)).unwrap_or(
            // An image from scratch has no list of users; the number needs none.
            Self { name: "nobody".into(), uid: 65534, gid: 65534 },
        )
    }

    fn named(name: &str, users: &str) -> Option<Self> {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next() != Some(name) {
                return None;
            }
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(Self { name: name.to_owned(), uid, gid })
        })
    }

    /// The outermost directory on the way into `directory` which this user cannot enter. Knows
    /// plain modes only: where access lists allow more, it is wrong on the safe side.
    pub(crate) fn shut_out_by<'a>(&self, directory: &'a Path) -> Option<&'a Path> {
        let shut = directory.ancestors().filter(|step| {
            fs::metadata(step).is_ok_and(|step| {
                let bit = match (step.uid() == self.uid, step.gid() == self.gid) {
                    (true, _) => 0o100,
                    (false, true) => 0o010,
                    (false, false) => 0o001,
                };
                step.mode() & bit == 0
            })
        });
        shut.last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_comes_before_nobody() {
        let nobody = "root:x:0:0:root:/root:/bin/sh\nnobody:x:99:98::/:/bin/false\n";
        let both = format!("{nobody}postgres:x:26:27::/:/bin/sh\n");

        assert_eq!(Account::among(nobody).uid, 99);
        assert_eq!(Account::among(&both).gid, 27);
        assert_eq!(Account::among("").uid, 65534);
    }
}
