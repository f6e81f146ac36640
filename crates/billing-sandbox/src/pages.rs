//! The shell of every page: its style, its headers, and who may post to it.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;

const STYLE: &str = include_str!("../assets/sandbox.css");

pub(crate) fn routes(routes: &mut web::ServiceConfig) {
    routes
        .route("/assets/sandbox.css", web::get().to(style))
        // Browsers ask for one unbidden.
        .route("/favicon.ico", web::get().to(HttpResponse::NoContent));
}

async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "max-age=3600"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(STYLE)
}

/// What a page's work comes to. Unlike a response it can be made on another thread.
pub(crate) enum Reply {
    Page {
        html: String,
        policy: String,
    },
    /// Sends the browser on after a post.
    SeeOther(String),
}

/// A page that runs no script and loads nothing but its style.
///
/// `leads_to` is where a form on it may be redirected: browsers hold a redirect after a post to
/// the same policy as the form itself.
pub(crate) fn page(template: &impl Template, leads_to: Option<&str>) -> Reply {
    let origin = leads_to.and_then(origin).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {origin}; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    let html = template.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a page could not be rendered");
        String::new()
    });
    Reply::Page { html, policy }
}

impl Reply {
    pub(crate) fn respond(self, status: StatusCode) -> HttpResponse {
        match self {
            Self::SeeOther(place) => {
                HttpResponse::SeeOther().insert_header((header::LOCATION, place)).finish()
            }
            Self::Page { html, policy } => HttpResponse::build(status)
                .content_type("text/html; charset=utf-8")
                .insert_header((header::CONTENT_SECURITY_POLICY, policy))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .insert_header((header::REFERRER_POLICY, "same-origin"))
                .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .body(html),
        }
    }
}

/// Whether a post was made by a page of another origin, which no page of ours asks for.
///
/// Clients that are no browsers send neither header and pass.
pub(crate) fn is_foreign(request: &HttpRequest) -> bool {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    if text("sec-fetch-site").is_some_and(|site| !["same-origin", "none"].contains(&site)) {
        return true;
    }
    let own = text("host").map(|host| format!("http://{host}"));
    text("origin").is_some_and(|origin| own.as_deref() != Some(origin))
}

fn origin(address: &str) -> Option<String> {
    let url = reqwest::Url::parse(address).ok()?;
    Some(url.origin().ascii_serialization())
}

/// A moment as a person reads it, in UTC.
pub(crate) fn day(moment: i64) -> String {
    let format = time::macros::format_description!("[day padding:none] [month repr:short] [year]");
    formatted(moment, format)
}

/// A moment to the minute, in UTC.
pub(crate) fn minute(moment: i64) -> String {
    let format = time::macros::format_description!(
        "[day padding:none] [month repr:short] [year] [hour]:[minute] UTC"
    );
    formatted(moment, format)
}

fn formatted(moment: i64, format: &(impl time::formatting::Formattable + ?Sized)) -> String {
    let moment = time::OffsetDateTime::from_unix_timestamp(moment);
    moment.ok().and_then(|moment| moment.format(format).ok()).unwrap_or_default()
}
