//! Logs: JSON lines for machines, plain lines on a terminal.

use std::io::{IsTerminal, stderr};

use anyhow::{Context, bail};
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// What is logged unless `RUST_LOG` says otherwise.
const DEFAULT: &str = "info,actix_server=warn,tokio_postgres=warn";

/// Starts logging to standard error; standard output is for people.
pub(crate) fn start() -> anyhow::Result<()> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(directives) => EnvFilter::try_new(&directives)
            .with_context(|| format!("RUST_LOG is `{directives}`, which is no filter"))?,
        Err(_) => EnvFilter::new(DEFAULT),
    };
    let format = std::env::var("BILLING_LOG_FORMAT").ok();
    let registry = tracing_subscriber::registry().with(filter);
    match format.as_deref() {
        Some("json") => registry.with(json()).init(),
        Some("text") => registry.with(fmt::layer().with_writer(stderr)).init(),
        Some(other) => bail!("BILLING_LOG_FORMAT is `{other}`; it must be json or text"),
        None if stderr().is_terminal() => registry.with(fmt::layer().with_writer(stderr)).init(),
        None => registry.with(json()).init(),
    }
    Ok(())
}

fn json<S>() -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(stderr)
}
