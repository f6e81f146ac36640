//! A product on actix-web: `cargo run -p billing-client --example guarded_actix`, with
//! `BILLING_URL`, `BILLING_API_KEY` and `BILLING_ORGANIZATION` of a running server. Then
//! `curl -X POST localhost:3000/projects`, until the plan allows no more.

use std::env;

use actix_web::{
    App, HttpResponse, HttpServer,
    web::{self, ReqData},
};
use billing_client::{Client, Decision, Guard, actix::Guards};
use uuid::Uuid;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::new(env::var("BILLING_URL")?, env::var("BILLING_API_KEY")?)?;
    // A real product finds it in the session of the request.
    let organization: Uuid = env::var("BILLING_ORGANIZATION")?.parse()?;
    let billing = Guards::new(client, move |_| Some(organization));

    let product = move || {
        let at = |path: &str, guard: Guard| web::resource(path).wrap(billing.guard(guard));
        App::new()
            .service(at("/projects", Guard::record("projects", 1)).post(create_project))
            .service(at("/answers", Guard::hold("ai_inference", 1).fail_open()).post(answer))
            .service(at("/reports", Guard::active_subscription()).get(report))
    };
    HttpServer::new(product).workers(1).bind(("127.0.0.1", 3000))?.run().await?;
    Ok(())
}

async fn create_project(decision: ReqData<Decision>) -> HttpResponse {
    HttpResponse::Created().body(format!("created; {:?} more\n", decision.remaining()))
}

async fn answer(decision: ReqData<Decision>) -> HttpResponse {
    if let Decision::Held(held) = &*decision {
        // Eleven credits' worth of tokens; the rest of the hold is given back.
        held.charge(11);
    }
    HttpResponse::Ok().body("forty-two\n")
}

async fn report() -> HttpResponse {
    HttpResponse::Ok().body("everything is up\n")
}
