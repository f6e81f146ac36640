//! The whole story, played against the running parts as a product's backend and its customer would.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::{
    banner::say,
    config::{Config, GatewayConfig},
    server::Server,
};

mod backend;

use self::backend::Backend;

/// Starts everything on free ports and in a folder of its own, plays the story, and stops.
pub(crate) async fn play(mut config: Config) -> anyhow::Result<()> {
    ensure!(
        matches!(config.gateway, GatewayConfig::Sandbox(_)),
        "the demo needs the sandbox: unset STRIPE_SECRET_KEY"
    );
    config.listen.set_port(0);
    config.gateway = GatewayConfig::Sandbox(([127, 0, 0, 1], 0).into());
    config.data_dir = config.data_dir.join("demo");
    let server = Server::start(&config).await?;
    let told = tell(&server).await;
    server.stop().await?;
    told
}

async fn tell(server: &Server) -> anyhow::Result<()> {
    let zero = server.tenant_zero.as_ref().context("the demo needs the sandbox")?;
    let sandbox = server.sandbox.as_deref().context("the demo needs the sandbox")?;
    let backend = Backend::new(&server.api, sandbox, &zero.key)?;
    say(&format!("the API is at {}, the gateway is played at {sandbox}\n", server.api));

    let organization = register(&backend).await?;
    subscribe(&backend, &organization).await?;
    spend(&backend, &organization).await?;
    buy_credits(&backend, &organization).await?;
    count_use(&backend, &organization).await?;
    check_the_ledger(&backend, &organization).await?;
    say("The story is told: everything above happened over HTTP, through signed webhooks.");
    Ok(())
}

async fn register(backend: &Backend) -> anyhow::Result<String> {
    say("1. An organization comes to the product");
    let body = json!({ "name": "Ada's Analytical Engines", "country": "GB" });
    let made = backend.post("/api/admin/organizations", &body).await?;
    let id = made.text("/id")?.to_owned();
    let before = backend.get(&format!("/api/billing/subscription/{id}")).await?;
    say(&format!("   {id} is on the plan `{}`\n", before.text("/plan")?));
    Ok(id)
}

async fn subscribe(backend: &Backend, organization: &str) -> anyhow::Result<()> {
    say("2. It picks the plan `starter`, and pays on a hosted page");
    let body = json!({
        "organization_id": organization, "plan": "starter", "interval": "month",
        "success_url": "https://product.example/welcome",
        "cancel_url": "https://product.example/pricing",
    });
    let page = backend.post("/api/billing/subscription/checkout", &body).await?;
    say(&format!("   the page is {}", page.text("/url")?));
    let declined = backend.pay(page.text("/session_id")?, "insufficient_funds").await?;
    say(&format!("   the first card is declined: {}", declined.text("/decline_code")?));
    let paid = backend.pay(page.text("/session_id")?, "success").await?;
    say(&format!("   the second one pays: the session is {}", paid.text("/status")?));
    let path = format!("/api/billing/subscription/{organization}");
    let live = backend
        .until(&path, |answer| answer.pointer("/status").is_some_and(|it| it == "active"))
        .await?;
    say(&format!(
        "   its signed webhooks arrived: `{}` is {} until {}",
        live.text("/plan")?,
        live.text("/status")?,
        live.text("/current_period_end")?
    ));
    let path = format!("/api/billing/credits/{organization}");
    let credits = backend
        .until(&path, |answer| answer.pointer("/balance").is_some_and(|it| it == 1000))
        .await?;
    say(&format!("   and {} credits came with it\n", credits.number("/balance")?));
    Ok(())
}

async fn spend(backend: &Backend, organization: &str) -> anyhow::Result<()> {
    say("3. The product's backend asks before each costly thing: may this happen?");
    let body = |key: &str| {
        json!({ "organization_id": organization, "event": "ai_inference", "quantity": 15,
                "idempotency_key": key })
    };
    let first = backend.post("/api/billing/credits/consume", &body("job-1")).await?;
    say(&format!(
        "   15 inferences: yes, {} credits, {} are left",
        first.number("/cost")?,
        first.number("/balance")?
    ));
    let again = backend.post("/api/billing/credits/consume", &body("job-1")).await?;
    ensure!(again.body == first.body, "a replay must be answered alike");
    say("   the same request again: the same answer, and nothing is taken twice");
    backend.post("/api/billing/credits/consume", &body("job-2")).await?;
    let denied = backend.post_denied("/api/billing/credits/consume", &body("job-3"), 402).await?;
    say(&format!(
        "   a third time: no, {} of {} credits are there; a pack of {} would help\n",
        denied.number("/error/details/available")?,
        denied.number("/error/details/required")?,
        denied.number("/error/details/top_up/credits")?
    ));
    Ok(())
}

async fn buy_credits(backend: &Backend, organization: &str) -> anyhow::Result<()> {
    say("4. It takes the way out, and buys credits");
    let products = backend.get("/api/billing/credit-products").await?;
    let product = products.text("/data/0/id")?;
    let body = json!({
        "organization_id": organization, "credit_product_id": product,
        "success_url": "https://product.example/credits",
        "cancel_url": "https://product.example/credits",
    });
    let page = backend.post("/api/billing/credit-products/checkout", &body).await?;
    backend.pay(page.text("/session_id")?, "success").await?;
    let path = format!("/api/billing/credits/{organization}");
    let credits = backend
        .until(&path, |answer| answer.pointer("/balance").is_some_and(|it| it == 350))
        .await?;
    say(&format!("   paid: {} credits now\n", credits.number("/balance")?));
    Ok(())
}

async fn count_use(backend: &Backend, organization: &str) -> anyhow::Result<()> {
    say("5. Quotas are counted, and denied exactly at the limit");
    let check = |quantity: u64| json!({ "organization_id": organization, "meter": "exports", "quantity": quantity });
    let used = backend.post("/api/billing/check-quota", &check(10)).await?;
    say(&format!("   ten exports: allowed, {} are left", used.number("/remaining")?));
    let denied = backend.post_denied("/api/billing/check-quota", &check(1), 403).await?;
    say(&format!(
        "   one more: no ({}); the plan `{}` would allow it\n",
        denied.text("/error/code")?,
        denied.text("/error/details/upgrade/plan")?
    ));
    Ok(())
}

async fn check_the_ledger(backend: &Backend, organization: &str) -> anyhow::Result<()> {
    say("6. The ledger adds up");
    let path = format!("/api/billing/credits/{organization}/transactions?limit=100");
    let rows = backend.get(&path).await?;
    let rows = rows.body.pointer("/data").and_then(Value::as_array).cloned().unwrap_or_default();
    let credits = backend.get(&format!("/api/billing/credits/{organization}")).await?;
    let number =
        |row: &Value, field: &str| row.get(field).and_then(Value::as_i64).unwrap_or_default();
    let mut running = 0;
    for (seq, row) in (1_i64..).zip(rows.iter().rev()) {
        running += number(row, "amount");
        say(&format!(
            "   {:>3}  {:<10} {:>6}  balance {:>5}",
            number(row, "seq"),
            row.get("kind").and_then(Value::as_str).unwrap_or_default(),
            number(row, "amount"),
            number(row, "balance_after")
        ));
        ensure!(number(row, "seq") == seq, "the ledger has a gap before row {seq}");
        ensure!(number(row, "balance_after") == running, "row {seq} does not add up");
    }
    let grants = credits.body.pointer("/grants").and_then(Value::as_array);
    let left: i64 = grants.into_iter().flatten().map(|grant| number(grant, "remaining")).sum();
    let balance = credits.number("/balance")?;
    ensure!(running == balance && left == balance, "{running}, {left} and {balance} differ");
    say(&format!("   sum of rows = grants left = balance = {balance}\n"));
    Ok(())
}
