//! What is logged.
//!
//! One subscriber for all tests, from the first request on: with one for each, whether a line is
//! wanted would be remembered from whichever test came first.

use std::{
    io::Write,
    sync::{Mutex, Once},
};

use serde_json::Value;

static KEPT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static BEGUN: Once = Once::new();

struct Keeper;

impl Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        KEPT.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Keeps all that is logged from now on.
pub(crate) fn keep() {
    BEGUN.call_once(|| tracing_subscriber::fmt().json().with_writer(|| Keeper).init());
}

/// The lines about a request.
pub(crate) fn about(request_id: &str) -> Vec<Value> {
    let kept = String::from_utf8(KEPT.lock().unwrap().clone()).unwrap();
    kept.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["span"]["request_id"] == request_id)
        .collect()
}
