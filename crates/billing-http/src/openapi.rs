//! The description of the API, generated from the code that answers.

use utoipa::{
    OpenApi as _, ToSchema,
    openapi::{
        Content, InfoBuilder, OpenApi, Ref, RefOr, ResponseBuilder,
        path::{Operation, ParameterBuilder, ParameterIn, PathItem},
        schema::{ObjectBuilder, Type},
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
        tag::TagBuilder,
    },
};

use crate::{
    Documented, ROUTES,
    codes::table,
    route::{Access, Manner, Route},
};

/// An error, always in this form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the form that `Problem` writes, for the description only")]
pub(crate) struct ErrorEnvelope {
    /// Always false.
    #[schema(example = false)]
    success: bool,
    error: ErrorBody,
}

/// What went wrong.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the form that `Problem` writes, for the description only")]
pub(crate) struct ErrorBody {
    /// One of the codes in the description of this API.
    #[schema(example = "ORGANIZATION_NOT_FOUND")]
    code: String,
    #[schema(example = "Organization not found")]
    message: String,
    /// Facts that belong to the code.
    #[schema(value_type = Object)]
    details: (),
    /// Say it when you report the error; it stands in the log.
    #[schema(example = "req_4f0c1d2e3b5a69788796a5b4c3d2e1f0")]
    request_id: String,
}

const SCHEME: &str = "api_key";
const CRON_SCHEME: &str = "cron_secret";

const TAGS: [(&str, &str); 11] = [
    ("Catalogue", "What is on sale."),
    ("Subscriptions", "Pages on which to begin and change them, and what an organization is on."),
    ("Trials", "A plan is used before the first payment."),
    ("Credits", "What there is, what happened, and using them."),
    ("Usage", "May this much more be used, and counting it."),
    ("Money", "What was paid, and everything on one page."),
    ("Webhooks", "What gateways send, and what products are told."),
    ("Administration", "What needs a key with the scope `admin`."),
    ("Jobs", "What other schedulers may run."),
    ("Sandbox", "What only a sandbox has."),
    ("Health", "Whether the server lives and is ready."),
];

/// The description of the API.
pub fn document() -> OpenApi {
    let mut document = Documented::openapi();
    document.info = InfoBuilder::new()
        .title("Billing")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(description()))
        .build();
    document.servers = None;
    document.tags = Some(
        TAGS.iter()
            .map(|(name, about)| TagBuilder::new().name(*name).description(Some(*about)).build())
            .collect(),
    );
    let components = document.components.get_or_insert_default();
    for scheme in [SCHEME, CRON_SCHEME] {
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.security_schemes.insert(scheme.to_owned(), RefOr::T(bearer));
    }
    for (name, schema) in schemas() {
        components.schemas.insert(name, schema);
    }
    add_aliases(&mut document);
    for route in ROUTES {
        if let Some(operation) = operation(&mut document, route) {
            complete(operation, route);
        }
    }
    document
}

fn description() -> String {
    format!(
        "JSON in and out. Times are RFC 3339 in UTC, money is in minor units, unknown fields are \
         refused. Every error has the form `ErrorEnvelope`; with `Accept: \
         application/problem+json` it comes by RFC 9457.\n\n## Errors\n\n{}",
        table()
    )
}

fn schemas() -> Vec<(String, RefOr<utoipa::openapi::Schema>)> {
    let mut schemas = vec![(ErrorEnvelope::name().into_owned(), ErrorEnvelope::schema_of())];
    ErrorEnvelope::schemas(&mut schemas);
    schemas
}

impl ErrorEnvelope {
    fn schema_of() -> RefOr<utoipa::openapi::Schema> {
        <Self as utoipa::PartialSchema>::schema()
    }
}

/// A later line of the table with the same handler is another path to the same operation.
fn add_aliases(document: &mut OpenApi) {
    for route in ROUTES {
        if operation(document, route).is_some() {
            continue;
        }
        let first = ROUTES.iter().find(|first| first.handler == route.handler);
        let same = first.and_then(|first| Some((first, operation(document, first)?.clone())));
        let Some((first, mut same)) = same else { continue };
        let alias = format!("The same as `{} {}`.", first.method, first.path);
        same.description = Some(alias);
        let item = document.paths.paths.entry(route.path.to_owned()).or_default();
        *slot(item, route.method) = Some(same);
    }
}

fn slot<'a>(item: &'a mut PathItem, method: &str) -> &'a mut Option<Operation> {
    match method {
        "POST" => &mut item.post,
        "PUT" => &mut item.put,
        "PATCH" => &mut item.patch,
        "DELETE" => &mut item.delete,
        _ => &mut item.get,
    }
}

fn operation<'a>(document: &'a mut OpenApi, route: &Route) -> Option<&'a mut Operation> {
    slot(document.paths.paths.get_mut(route.path)?, route.method).as_mut()
}

/// What follows from the line in the table: the key it needs, and the errors of all such routes.
fn complete(operation: &mut Operation, route: &Route) {
    operation.operation_id = Some(operation_id(route));
    let (public, cron) = (route.access == Access::Public, route.access == Access::Cron);
    let needs = if cron {
        SecurityRequirement::new(CRON_SCHEME, Vec::<String>::new())
    } else {
        SecurityRequirement::new(SCHEME, scopes(route.access))
    };
    operation.security = Some(if public { Vec::new() } else { vec![needs] });
    let reads_body = operation.request_body.is_some();
    let reads = reads_body || operation.parameters.as_ref().is_some_and(|it| !it.is_empty());

    let general = [
        (
            "400",
            "`VALIDATION_ERROR`, `MALFORMED_JSON`",
            !public && !cron && (reads || route.method == "POST"),
        ),
        ("401", "`UNAUTHENTICATED`", !public),
        ("403", "`INSUFFICIENT_SCOPE`", !public && !cron),
        ("409", "`REQUEST_IN_PROGRESS`", route.manner == Manner::Once),
        ("413", "`PAYLOAD_TOO_LARGE`", !public && reads_body),
        ("415", "`UNSUPPORTED_MEDIA_TYPE`", !public && reads_body),
        ("500", "`INTERNAL_ERROR`", true),
        ("503", "`SERVICE_UNAVAILABLE`", true),
    ];
    for (status, codes, applies) in general {
        if applies && !operation.responses.responses.contains_key(status) {
            let response = ResponseBuilder::new().description(codes).build();
            operation.responses.responses.insert(status.to_owned(), RefOr::T(response));
        }
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.content.is_empty()
            && status.starts_with(['4', '5'])
        {
            let envelope = Content::new(Some(Ref::from_schema_name("ErrorEnvelope")));
            response.content.insert("application/json".to_owned(), RefOr::T(envelope));
        }
    }
    if route.method == "POST" && !public && route.manner != Manner::Long {
        operation.parameters.get_or_insert_default().push(RefOr::T(key_header().build()));
    }
}

fn key_header() -> ParameterBuilder {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "The same key and body: the same answer, with `Idempotent-Replayed: true`.",
        ))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(255)),
        ))
}

const fn scopes(access: Access) -> [&'static str; 1] {
    match access {
        Access::Public | Access::Cron => [""],
        Access::Read => ["read"],
        Access::Write => ["write"],
        Access::Admin => ["admin"],
    }
}

/// `credits::consume` is `credits_consume`; another path to it is called by the path.
fn operation_id(route: &Route) -> String {
    let words = |text: &str| {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
    };
    let first = ROUTES.iter().find(|first| first.handler == route.handler);
    let is_first =
        first.is_some_and(|first| (first.method, first.path) == (route.method, route.path));
    if is_first { words(route.handler) } else { words(route.path) }
}
