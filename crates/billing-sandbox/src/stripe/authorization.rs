//! Who may ask: the one secret key of this sandbox.

use super::refusal::Refusal;
use crate::config::is_live;

/// Lets the sandbox's own key pass, as a bearer token or as the user name of Basic.
pub(crate) fn check(header: Option<&str>, api_key: &str) -> Result<(), Refusal> {
    let Some(given) = header.and_then(key) else {
        return Err(Refusal::unauthorized(
            "You did not provide an API key. You need to provide your API key in the \
             Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        ));
    };
    if is_live(&given) {
        return Err(Refusal::unauthorized("This is a sandbox: it refuses live keys."));
    }
    if given != api_key {
        let message = format!("Invalid API Key provided: {}", hidden(&given));
        return Err(Refusal::unauthorized(message));
    }
    Ok(())
}

fn key(header: &str) -> Option<String> {
    let (scheme, value) = header.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(value.trim().to_owned()),
        "basic" => {
            let pair = String::from_utf8(base64(value.trim())?).ok()?;
            pair.split_once(':').map(|(user, _)| user.to_owned())
        }
        _ => None,
    }
    .filter(|key| !key.is_empty())
}

/// The start of a key and its last four characters, as Stripe shows a wrong one.
fn hidden(key: &str) -> String {
    let length = key.chars().count();
    let shown = |at: usize| at < 8.min(length / 3) || at + 4 >= length;
    key.chars().enumerate().map(|(at, char)| if shown(at) { char } else { '*' }).collect()
}

/// Decodes base64; `None` if it is none.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for byte in text.trim_end_matches('=').bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(six);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_and_basic_carry_the_key() {
        assert!(check(Some("Bearer sk_test_1"), "sk_test_1").is_ok());
        assert!(check(Some("Basic c2tfdGVzdF8xOg=="), "sk_test_1").is_ok());
        for wrong in ["Bearer sk_test_2", "Basic !!", "Bearer ", "sk_test_1", "Bearer sk_live_1"] {
            assert_eq!(check(Some(wrong), "sk_test_1").unwrap_err().status, 401, "{wrong}");
        }
        assert!(check(Some("Bearer sk_live_1"), "sk_live_1").is_err());
    }
}
