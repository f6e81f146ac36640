//! The API reference, served by the same binary: all of it is local.

use actix_web::{
    HttpResponse,
    web::{self, ServiceConfig},
};
use std::sync::LazyLock;
use utoipa_swagger_ui::{Config, SwaggerUi};

static OPENAPI: LazyLock<String> =
    LazyLock::new(|| serde_json::to_string(&crate::document()).unwrap_or_default());

/// The description of the API.
#[utoipa::path(get, path = "/openapi.json", tag = "Health",
    responses((status = 200, description = "This document, OpenAPI 3.1", body = Object)))]
pub(crate) async fn openapi_json() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(OPENAPI.as_str())
}

/// The pages around it.
pub(crate) fn pages(config: &mut ServiceConfig) {
    config
        .service(web::redirect("/", "/docs/"))
        .service(web::redirect("/docs", "/docs/"))
        .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/openapi.json")));
}
