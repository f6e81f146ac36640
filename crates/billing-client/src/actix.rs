//! Guards for actix-web 4. Feature `actix`.

use core::{
    fmt,
    future::{Ready, ready},
    pin::Pin,
    task::{Context, Poll},
};
use std::{rc::Rc, sync::Arc};

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
    http::{StatusCode, header::RETRY_AFTER},
};
use uuid::Uuid;

use crate::{
    client::Client,
    guard::{Guard, Refusal},
};

type Whose = dyn Fn(&HttpRequest) -> Option<Uuid> + Send + Sync;

/// Makes guards that know whose a request is.
#[derive(Clone)]
pub struct Guards {
    client: Client,
    whose: Arc<Whose>,
}

/// A guard before a handler: a denied request is answered here, and any other comes to the handler
/// with the [`Decision`](crate::Decision) among its extensions (`web::ReqData<Decision>`).
#[derive(Clone)]
pub struct GuardMiddleware {
    guards: Guards,
    guard: Arc<Guard>,
}

/// A handler with a guard before it.
pub struct GuardService<S> {
    middleware: GuardMiddleware,
    inner: Rc<S>,
}

impl Guards {
    /// Guards that ask for the organization that a function finds in the request: in what
    /// authentication has left among its extensions, never in what a user of the product may
    /// choose. Where it finds none the answer is 401.
    pub fn new(
        client: Client,
        whose: impl Fn(&HttpRequest) -> Option<Uuid> + Send + Sync + 'static,
    ) -> Self {
        Self { client, whose: Arc::new(whose) }
    }

    /// A middleware: `.wrap(billing.guard(Guard::limit("projects", 1)))`.
    pub fn guard(&self, guard: Guard) -> GuardMiddleware {
        GuardMiddleware { guards: self.clone(), guard: Arc::new(guard) }
    }
}

impl<S, B> Transform<S, ServiceRequest> for GuardMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Transform = GuardService<S>;
    type InitError = ();
    type Future = Ready<Result<GuardService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(GuardService { middleware: self.clone(), inner: Rc::new(inner) }))
    }
}

impl<S, B> Service<ServiceRequest> for GuardService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>>>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (middleware, inner) = (self.middleware.clone(), self.inner.clone());
        Box::pin(middleware.guarded(inner, request))
    }
}

impl GuardMiddleware {
    async fn guarded<S, B>(
        self,
        inner: Rc<S>,
        request: ServiceRequest,
    ) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error>
    where
        S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
        B: MessageBody,
    {
        let organization = (self.guards.whose)(request.request());
        let passed = match self.guard.pass(&self.guards.client, organization).await {
            Ok(passed) => passed,
            Err(refusal) => {
                return Ok(request.into_response(answer(refusal)).map_into_right_body());
            }
        };
        request.extensions_mut().insert(passed.decision().clone());
        let answered = inner.call(request).await;
        let failed = |it: StatusCode| it.is_client_error() || it.is_server_error();
        passed.finish(answered.as_ref().is_ok_and(|it| !failed(it.status()))).await;
        answered.map(ServiceResponse::map_into_left_body)
    }
}

fn answer(refusal: Refusal) -> HttpResponse {
    let Refusal { status, body, retry_after_seconds } = refusal;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = HttpResponse::build(status);
    if let Some(seconds) = retry_after_seconds {
        answer.insert_header((RETRY_AFTER, seconds));
    }
    answer.content_type("application/json").body(body)
}

impl fmt::Debug for Guards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guards").field("client", &self.client).finish_non_exhaustive()
    }
}

impl fmt::Debug for GuardMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardMiddleware").field("guard", &self.guard).finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for GuardService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardService").field("middleware", &self.middleware).finish_non_exhaustive()
    }
}
