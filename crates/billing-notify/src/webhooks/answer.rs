//! What a receiver answered, as far as it is worth reading.

use std::time::Duration;

use billing_app::ports::WebhookAnswer;
use reqwest::{
    Response,
    header::{HeaderMap, RETRY_AFTER},
};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

/// No more is read.
const LONGEST: usize = 64 << 10;
/// No more is kept.
const KEPT: usize = 1_000;
/// Who has accepted need not tell long stories.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads an answer. Its status stands, whatever becomes of the rest.
pub(super) async fn read(response: Response, at: OffsetDateTime) -> WebhookAnswer {
    let status = response.status();
    let retry_after = retry_after(response.headers(), at);
    let text = if status.is_success() {
        tokio::time::timeout(PATIENCE, beginning(response)).await.unwrap_or_default()
    } else {
        beginning(response).await
    };
    WebhookAnswer { status: status.as_u16(), retry_after, text }
}

async fn beginning(mut response: Response) -> String {
    let (mut read, mut kept) = (0, Vec::new());
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        let room = KEPT.saturating_sub(kept.len());
        kept.extend(chunk.iter().take(room));
        if read >= LONGEST {
            break;
        }
    }
    let text = String::from_utf8_lossy(&kept);
    text.chars().filter(|letter| !letter.is_control() || *letter == '\n').collect()
}

/// When it wants to be asked again: seconds, or an instant.
fn retry_after(headers: &HeaderMap, at: OffsetDateTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some(Duration::try_from(until - at).unwrap_or_default())
}
