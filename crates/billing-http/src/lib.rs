#![doc = include_str!("../README.md")]

mod accept;
mod admin;
mod auth;
mod auto_top_up;
mod body;
mod cloud_events;
pub mod codes;
mod credit_csv;
mod credit_ledger;
mod credit_products;
mod credits;
mod cron;
mod day;
mod decisions;
mod denials;
mod discounts;
mod docs;
mod event_types;
mod frame;
mod health;
mod history;
mod holds;
mod idempotency;
mod invoices;
mod meters;
mod moment;
mod money;
mod openapi;
mod pace;
mod page;
mod plans;
mod problem;
mod quantity;
mod quota;
mod refunds;
pub mod route;
mod state;
mod subscription;
mod subscription_changes;
mod subscriptions;
mod summary;
mod trials;
mod usage;
mod usage_analytics;
mod usage_batch;
mod webhooks;

use actix_web::{
    App,
    body::BoxBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web,
};

use self::{
    admin::{
        api_keys, bulk_grants, catalogue_changes, credit_settings, deliveries,
        discounts as discount_codes, emails, failed_payments, grants, inbox, inbox_actions,
        inbox_metrics, invoice_retries, jobs, mailbox, members, organizations, payment_metrics,
        reconciliations, sandbox_clock, trial_metrics, usage_metrics, webhook_endpoints,
    },
    route::routes,
};
pub use self::{
    openapi::document,
    pace::Until,
    problem::Problem,
    state::{Http, Limits},
};

routes! {
    operations {
        GET    "/api/billing/plans"                           Public Gzip  plans::list;
        GET    "/api/billing/credit-products"                 Public Gzip  credit_products::list;
        POST   "/api/billing/webhook/stripe"                  Public Plain webhooks::receive;
        POST   "/api/webhooks/clerk"                          Public Plain webhooks::receive_clerk;
        GET    "/health/live"                                 Public Plain health::live;
        GET    "/health/ready"                                Public Plain health::ready;
        GET    "/openapi.json"                                Public Gzip  docs::openapi_json;

        POST   "/api/billing/credits/consume"                 Write  Plain credits::consume;
        GET    "/api/billing/check-quota"                     Read   Plain usage::check;
        POST   "/api/billing/check-quota"                     Write  Plain usage::check_and_record;
        POST   "/api/billing/track-usage"                     Write  Plain usage::track;
        POST   "/api/billing/track-usage/batch"               Write  Plain usage_batch::track;
        GET    "/api/hello"                                   Read   Plain health::hello;

        POST   "/api/billing/credits/holds"                   Write  Plain holds::hold;
        POST   "/api/billing/credits/holds/{id}/settle"       Write  Plain holds::settle;
        POST   "/api/billing/credits/holds/{id}/release"      Write  Plain holds::release;
        GET    "/api/billing/decisions/{id}"                  Read   Gzip  decisions::show;
        POST   "/api/billing/credits/refunds"                 Write  Plain refunds::refund;
        POST   "/api/billing/credits/transfers"               Write  Plain refunds::transfer;

        POST   "/api/billing/subscription/checkout"           Write  Once  subscriptions::checkout;
        POST   "/api/stripe/create-checkout"                  Write  Once  subscriptions::checkout_at_stripe;
        POST   "/api/billing/subscription/portal"             Write  Once  subscriptions::portal;
        POST   "/api/billing/upgrade"                         Write  Once  subscription_changes::upgrade;
        POST   "/api/billing/subscription/{org_id}/preview"   Write  Plain subscription_changes::preview;
        POST   "/api/billing/subscription/{org_id}/change"    Write  Once  subscription_changes::change;
        POST   "/api/billing/subscription/{org_id}/pause"     Write  Once  subscription_changes::pause;
        POST   "/api/billing/subscription/{org_id}/resume"    Write  Once  subscription_changes::resume;
        POST   "/api/billing/subscription/{org_id}/cancel"    Write  Once  subscription_changes::cancel;
        GET    "/api/billing/subscription"                    Read   Plain subscriptions::own;
        GET    "/api/billing/subscription/{org_id}"           Read   Plain subscriptions::of;

        POST   "/api/billing/discounts/validate"              Write  Plain discounts::validate;
        POST   "/api/admin/discounts"                         Admin  Once  discount_codes::make;
        GET    "/api/admin/discounts"                         Admin  Gzip  discount_codes::list;
        POST   "/api/admin/discounts/{id}/deactivate"         Admin  Once  discount_codes::deactivate;
        GET    "/api/admin/catalogue/changes"                 Admin  Gzip  catalogue_changes::list;

        POST   "/api/billing/trials"                          Write  Once  trials::start;
        POST   "/api/billing/trials/extend"                   Admin  Once  trials::extend;
        GET    "/api/admin/metrics/trials"                    Admin  Gzip  trial_metrics::show;

        GET    "/api/billing/credits/{org_id}"                Read   Plain credits::balance;
        GET    "/api/billing/credits/{org_id}/transactions"   Read   Gzip  credits::transactions;
        GET    "/api/billing/credits/{org_id}/auto-top-up"    Read   Plain auto_top_up::of;
        PUT    "/api/billing/credits/{org_id}/auto-top-up"    Write  Plain auto_top_up::put;
        POST   "/api/billing/credit-products/checkout"        Write  Once  credit_products::checkout;

        GET    "/api/billing/usage"                           Read   Plain meters::own;
        GET    "/api/billing/usage/{org_id}"                  Read   Plain meters::of;
        GET    "/api/billing/usage/{org_id}/denials"          Read   Gzip  denials::list;
        GET    "/api/billing/usage/{org_id}/analytics"        Read   Gzip  usage_analytics::of;
        GET    "/api/billing/summary/{org_id}"                Read   Gzip  summary::of;
        GET    "/api/billing/history/{org_id}"                Read   Gzip  history::of;
        GET    "/api/billing/invoices/{org_id}"               Read   Gzip  invoices::list;
        GET    "/api/billing/invoices/{org_id}/{id}.html"     Read   Gzip  invoices::html;
        GET    "/api/billing/invoices/{org_id}/{id}.pdf"      Read   Plain invoices::pdf;
        GET    "/api/billing/invoices/{org_id}/{id}"          Read   Gzip  invoices::one;
        POST   "/api/billing/invoices/{org_id}/{id}/pay"      Write  Once  invoices::pay;
        POST   "/api/admin/invoices/{org_id}/{id}/retry"      Admin  Once  invoice_retries::retry;
        GET    "/api/admin/failed-payments"                   Admin  Gzip  failed_payments::list;
        GET    "/api/admin/metrics/payments"                  Admin  Plain payment_metrics::show;

        POST   "/api/admin/organizations"                     Admin  Once  organizations::register;
        GET    "/api/admin/organizations"                     Admin  Gzip  organizations::list;
        GET    "/api/admin/organizations/{org_id}"            Admin  Plain organizations::one;
        POST   "/api/admin/organizations/{org_id}/grants"     Admin  Once  grants::give;
        POST   "/api/admin/grants"                            Admin  Plain bulk_grants::give;
        PATCH  "/api/admin/organizations/{org_id}/credit-settings" Admin Plain credit_settings::change;
        POST   "/api/admin/api-keys"                          Admin  Once  api_keys::create;
        GET    "/api/admin/api-keys"                          Admin  Gzip  api_keys::list;
        DELETE "/api/admin/api-keys/{id}"                     Admin  Plain api_keys::revoke;
        GET    "/api/admin/metrics/usage"                     Admin  Gzip  usage_metrics::show;
        GET    "/api/admin/webhooks"                          Admin  Gzip  inbox::list;
        GET    "/api/admin/webhooks/{id}"                     Admin  Gzip  inbox::inspect;
        POST   "/api/admin/webhooks/retry"                    Admin  Once  inbox_actions::retry_many;
        POST   "/api/admin/webhooks/{id}/retry"               Admin  Once  inbox_actions::retry;
        POST   "/api/admin/webhooks/{id}/discard"             Admin  Once  inbox_actions::discard;
        GET    "/api/admin/metrics/webhooks"                  Admin  Plain inbox_metrics::webhooks;

        GET    "/api/admin/emails"                            Admin  Gzip  emails::list;
        GET    "/api/admin/emails/{id}"                       Admin  Gzip  emails::inspect;
        POST   "/api/admin/emails/retry"                      Admin  Once  emails::retry_many;
        POST   "/api/admin/emails/{id}/retry"                 Admin  Once  emails::retry;
        GET    "/api/admin/metrics/emails"                    Admin  Plain emails::figures;
        GET    "/api/admin/sandbox/mailbox"                   Admin  Gzip  mailbox::list;
        GET    "/api/admin/sandbox/mailbox/{id}.html"         Admin  Gzip  mailbox::html;
        GET    "/api/admin/organizations/{org_id}/members"    Admin  Gzip  members::list;

        GET    "/api/billing/event-types"                     Public Gzip  event_types::list;
        POST   "/api/admin/webhook-endpoints"                 Admin  Once  webhook_endpoints::create;
        GET    "/api/admin/webhook-endpoints"                 Admin  Gzip  webhook_endpoints::list;
        GET    "/api/admin/webhook-endpoints/{id}"            Admin  Plain webhook_endpoints::one;
        PATCH  "/api/admin/webhook-endpoints/{id}"            Admin  Plain webhook_endpoints::change;
        DELETE "/api/admin/webhook-endpoints/{id}"            Admin  Plain webhook_endpoints::remove;
        POST   "/api/admin/webhook-endpoints/{id}/rotate-secret" Admin Once webhook_endpoints::rotate_secret;
        POST   "/api/admin/webhook-endpoints/{id}/test"       Admin  Once  deliveries::test;
        POST   "/api/admin/webhook-endpoints/{id}/replay"     Admin  Once  deliveries::replay;
        GET    "/api/admin/webhook-endpoints/{id}/deliveries" Admin  Gzip  deliveries::list;
        GET    "/api/admin/webhook-endpoints/{id}/deliveries/{delivery_id}" Admin Gzip deliveries::inspect;
        POST   "/api/admin/webhook-endpoints/{id}/deliveries/{delivery_id}/resend" Admin Once deliveries::resend;
        GET    "/api/admin/metrics/deliveries"                Admin  Plain deliveries::metrics;

        GET    "/api/admin/reconciliations"                   Admin  Gzip  reconciliations::list;
        POST   "/api/admin/reconciliations"                   Admin  Long  reconciliations::run;
        GET    "/api/admin/reconciliations/{id}"              Admin  Gzip  reconciliations::one;
        GET    "/api/admin/differences"                       Admin  Gzip  reconciliations::differences;

        POST   "/api/cron/{job}"                              Cron   Long  cron::run;
        GET    "/api/admin/jobs"                              Admin  Plain jobs::list;
        GET    "/api/admin/jobs/{job}/runs"                   Admin  Gzip  jobs::runs;
        POST   "/api/admin/jobs/{job}/run"                    Admin  Long  jobs::run;
        GET    "/api/admin/sandbox/clock"                     Admin  Plain sandbox_clock::show;
        POST   "/api/admin/sandbox/clock"                     Admin  Long  sandbox_clock::advance;
    }
    aliases {
        GET    "/api/cron/{job}"                              Cron   Long  cron::run;
        POST   "/api/billing/webhooks"                        Public Plain webhooks::receive;
        POST   "/clerk-users-webhook"                         Public Plain webhooks::receive_clerk;
        POST   "/api/billing/subscription"                    Write  Once  subscriptions::checkout;
        POST   "/api/billing/checkout"                        Write  Once  subscriptions::checkout;
        POST   "/api/billing/portal"                          Write  Once  subscriptions::portal;
    }
}

/// The whole server, for one worker: `HttpServer::new(move || billing_http::app(http.clone()))`.
pub fn app(
    http: Http,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(web::Data::new(http))
        .configure(api)
        .configure(docs::pages)
        .default_service(web::to(route::nothing_here))
        .wrap(from_fn(frame::frame))
}
