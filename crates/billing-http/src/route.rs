//! How a line of the route table becomes a service.

use actix_web::{
    FromRequest, Handler, HttpRequest, HttpResponse, Responder,
    dev::{ResourceDef, ServiceRequest},
    guard,
    http::Method,
    middleware::{Compress, from_fn},
    web,
};

use crate::{auth, codes::Code, idempotency, problem::Problem};

/// One line of the route table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: &'static str,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// Who may ask.
    pub access: Access,
    /// What is done around it.
    pub manner: Manner,
    /// The function that answers.
    pub handler: &'static str,
}

/// Who may ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Anybody.
    Public,
    /// A key with any scope.
    Read,
    /// A key with the scope `write`.
    Write,
    /// A key with the scope `admin`.
    Admin,
    /// Another scheduler, which knows `CRON_SECRET`.
    Cron,
}

/// What is done around a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// Nothing more: small answers, and commands whose own ledger remembers their key.
    Plain,
    /// Long answers are compressed.
    Gzip,
    /// It runs once per `Idempotency-Key`, and to its end.
    Once,
    /// It may take long: while it works it does not keep the clock of a sandbox from being moved,
    /// but enters by itself, step by step, or moves it.
    Long,
}

/// Turns the table of routes into services, and into the API reference.
macro_rules! routes {
    (
        operations {
            $($method:ident $path:literal $access:ident $manner:ident $($handler:ident)::+;)*
        }
        aliases {
            $($a_method:ident $a_path:literal $a_access:ident $a_manner:ident $($alias:ident)::+;)*
        }
    ) => {
        /// Every route.
        pub const ROUTES: &[$crate::route::Route] = &[
            $($crate::route::routes!(@ $method $path $access $manner $($handler)::+),)*
            $($crate::route::routes!(@ $a_method $a_path $a_access $a_manner $($alias)::+),)*
        ];

        /// Registers every route.
        pub fn api(config: &mut actix_web::web::ServiceConfig) {
            let mut routes = ROUTES.iter();
            $(if let Some(route) = routes.next() {
                $crate::route::add(config, *route, $($handler)::+);
            })*
            $(if let Some(route) = routes.next() {
                $crate::route::add(config, *route, $($alias)::+);
            })*
        }

        #[derive(utoipa::OpenApi)]
        #[openapi(paths($($($handler)::+),*))]
        struct Documented;
    };
    (@ $method:ident $path:literal $access:ident $manner:ident $($handler:ident)::+) => {
        $crate::route::Route {
            method: stringify!($method),
            path: $path,
            access: $crate::route::Access::$access,
            manner: $crate::route::Manner::$manner,
            handler: stringify!($($handler)::+),
        }
    };
}
pub(crate) use routes;

/// Registers one route.
pub(crate) fn add<H, Args>(config: &mut web::ServiceConfig, route: Route, handler: H)
where
    H: Handler<Args>,
    Args: FromRequest + 'static,
    H::Output: Responder + 'static,
{
    let method = Method::from_bytes(route.method.as_bytes()).unwrap_or_default();
    let service = web::resource(route.path).guard(guard::Method(method)).to(handler);
    let admit = move |request: ServiceRequest, next| auth::admit(route, request, next);
    match route.manner {
        Manner::Plain | Manner::Long => config.service(service.wrap(from_fn(admit))),
        Manner::Gzip => {
            let admit = move |request: ServiceRequest, next| auth::admit(route, request, next);
            config.service(service.wrap(Compress::default()).wrap(from_fn(admit)))
        }
        Manner::Once => {
            let admit = move |request: ServiceRequest, next| auth::admit(route, request, next);
            config.service(service.wrap(from_fn(idempotency::once)).wrap(from_fn(admit)))
        }
    };
}

/// What is at no path, or not with this method.
pub(crate) async fn nothing_here(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let here = |route: &&Route| ResourceDef::new(route.path).is_match(request.path());
    let mut methods: Vec<_> = crate::ROUTES.iter().filter(here).map(|route| route.method).collect();
    methods.dedup();
    if methods.is_empty() {
        return Err(Problem::new(Code::RouteNotFound, "There is nothing at this path"));
    }
    let allow = methods.join(", ");
    Err(Problem::new(Code::MethodNotAllowed, format!("The path has only {allow}")).allow(allow))
}
