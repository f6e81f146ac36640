//! A service of tower behind a guard: `cargo run -p billing-client --example guarded_tower`, with
//! `BILLING_URL`, `BILLING_API_KEY` and `BILLING_ORGANIZATION` of a running server. It asks itself
//! until the plan allows no more. With axum the line is the same:
//! `.route("/projects", post(create).layer(billing.guard(Guard::record("projects", 1))))`.

#![expect(clippy::print_stdout, reason = "it shows what happens")]

use core::convert::Infallible;
use std::env;

use billing_client::{Client, Decision, Guard, tower::Guards};
use http::{Request, Response};
use tower::{Service as _, ServiceBuilder, ServiceExt as _};
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::new(env::var("BILLING_URL")?, env::var("BILLING_API_KEY")?)?;
    let organization: Uuid = env::var("BILLING_ORGANIZATION")?.parse()?;
    // Whose request it is: what authentication has left in it.
    let billing = Guards::new(client, |parts| parts.extensions.get::<Uuid>().copied());

    let mut product = ServiceBuilder::new()
        .layer(billing.guard(Guard::record("projects", 1)))
        .service_fn(create_project);
    loop {
        let mut request = Request::new(());
        request.extensions_mut().insert(organization);
        let answer = product.ready().await?.call(request).await?;
        println!("{} {}", answer.status(), answer.body());
        if !answer.status().is_success() {
            return Ok(());
        }
    }
}

async fn create_project(request: Request<()>) -> Result<Response<String>, Infallible> {
    let remaining = request.extensions().get::<Decision>().and_then(Decision::remaining);
    Ok(Response::new(format!("created; {remaining:?} more")))
}
