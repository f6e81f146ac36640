//! One mailbox has many addresses: which of them are the same to us.

use crate::organization::is_email;

/// Text that has not the shape of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("must be an email address")]
pub struct NotAnAddress;

/// Hosts that ignore what follows a `+`: the host, the one that it is another name of, and whether
/// dots are ignored as well.
const KNOWN: &[(&str, &str, bool)] = &[
    ("gmail.com", "gmail.com", true),
    ("googlemail.com", "gmail.com", true),
    ("outlook.com", "outlook.com", false),
    ("hotmail.com", "hotmail.com", false),
    ("live.com", "live.com", false),
    ("msn.com", "msn.com", false),
    ("icloud.com", "icloud.com", false),
    ("me.com", "me.com", false),
    ("mac.com", "mac.com", false),
    ("fastmail.com", "fastmail.com", false),
    ("proton.me", "proton.me", true),
    ("pm.me", "proton.me", true),
    ("protonmail.com", "proton.me", true),
];

/// The mailbox of an address, the same for every address of it as far as that is known: case does
/// not count, and at known hosts neither do dots and what follows a `+`.
pub fn mailbox(address: &str) -> Result<String, NotAnAddress> {
    let address = address.trim().to_lowercase();
    if !is_email(&address) {
        return Err(NotAnAddress);
    }
    let (local, host) = address.rsplit_once('@').ok_or(NotAnAddress)?;
    let host = host.trim_end_matches('.');
    let Some((_, host, ignores_dots)) = KNOWN.iter().find(|(known, _, _)| *known == host) else {
        return Ok(format!("{local}@{host}"));
    };
    let plain = local.split_once('+').map_or(local, |(plain, _)| plain);
    let plain = if *ignores_dots { plain.replace('.', "") } else { plain.to_owned() };
    // What has nothing before its `+` is no address of a known host: it is taken as it is.
    let plain = if plain.is_empty() { local } else { &plain };
    Ok(format!("{plain}@{host}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_of_one_mailbox_are_the_same() {
        for (address, expected) in [
            ("Ann@Example.com", "ann@example.com"),
            (" ann@example.com ", "ann@example.com"),
            ("a.n.n+trial@example.com", "a.n.n+trial@example.com"),
            ("A.N.N+trial@GMail.com", "ann@gmail.com"),
            ("ann@googlemail.com", "ann@gmail.com"),
            ("a.nn+1+2@gmail.com", "ann@gmail.com"),
            ("a.nn+1@outlook.com", "a.nn@outlook.com"),
            ("a.nn@pm.me", "ann@proton.me"),
            ("+1@gmail.com", "+1@gmail.com"),
            ("ann@gmail.com.", "ann@gmail.com"),
            ("ann@notgmail.com", "ann@notgmail.com"),
        ] {
            assert_eq!(mailbox(address).as_deref(), Ok(expected), "{address}");
        }
    }

    #[test]
    fn what_is_no_address_is_said() {
        for text in ["", "ann", "@gmail.com", "ann@", "a b@c.de", "ann@host"] {
            assert_eq!(mailbox(text), Err(NotAnAddress), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_mailbox_is_its_own_mailbox(
            local in "[A-Za-z0-9.+]{1,12}",
            host in prop::sample::select(vec!["gmail.com", "pm.me", "live.com", "Acme.test"]),
        ) {
            if let Ok(once) = mailbox(&format!("{local}@{host}")) {
                prop_assert_eq!(mailbox(&once), Ok(once.clone()));
            }
        }

        #[test]
        fn tags_and_dots_do_not_make_another_person(
            local in "[a-z]{2,12}",
            tag in "[a-z0-9+.]{0,8}",
            at in 1_usize..12,
        ) {
            let mut dotted = local.to_uppercase();
            dotted.insert(at.min(local.len() - 1), '.');
            let tagged = format!("{dotted}+{tag}@gmail.com");
            prop_assert_eq!(mailbox(&tagged), Ok(format!("{local}@gmail.com")));
        }
    }
}
