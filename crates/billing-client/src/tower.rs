//! Guards for services of tower: axum, hyper, and what builds on them. Feature `tower`.

use core::{
    fmt, mem,
    pin::Pin,
    task::{Context, Poll},
};
use std::sync::Arc;

use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
    request::Parts,
};
use tower_layer::Layer;
use tower_service::Service;
use uuid::Uuid;

use crate::{
    client::Client,
    guard::{Guard, Refusal},
};

type Whose = dyn Fn(&Parts) -> Option<Uuid> + Send + Sync;

/// Makes guards that know whose a request is.
#[derive(Clone)]
pub struct Guards {
    client: Client,
    whose: Arc<Whose>,
}

/// A guard before a service: a denied request is answered here, and any other comes to the service
/// with the [`Decision`](crate::Decision) among its extensions.
#[derive(Clone)]
pub struct GuardLayer {
    guards: Guards,
    guard: Arc<Guard>,
}

/// A service with a guard before it.
#[derive(Clone)]
pub struct GuardService<S> {
    layer: GuardLayer,
    inner: S,
}

impl Guards {
    /// Guards that ask for the organization that a function finds in the request: in what
    /// authentication has left among its extensions, never in what a user of the product may
    /// choose. Where it finds none the answer is 401.
    pub fn new(
        client: Client,
        whose: impl Fn(&Parts) -> Option<Uuid> + Send + Sync + 'static,
    ) -> Self {
        Self { client, whose: Arc::new(whose) }
    }

    /// A layer: `.layer(billing.guard(Guard::limit("projects", 1)))`.
    pub fn guard(&self, guard: Guard) -> GuardLayer {
        GuardLayer { guards: self.clone(), guard: Arc::new(guard) }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> GuardService<S> {
        GuardService { layer: self.clone(), inner }
    }
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for GuardService<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    RequestBody: Send + 'static,
    ResponseBody: From<String> + Send + 'static,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        // The one that is ready is called; its clone has to become so.
        let next = self.inner.clone();
        let ready = mem::replace(&mut self.inner, next);
        Box::pin(self.layer.clone().guarded(ready, request))
    }
}

impl GuardLayer {
    async fn guarded<S, RequestBody, ResponseBody>(
        self,
        mut inner: S,
        request: Request<RequestBody>,
    ) -> Result<Response<ResponseBody>, S::Error>
    where
        S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
        ResponseBody: From<String>,
    {
        let (mut parts, body) = request.into_parts();
        let organization = (self.guards.whose)(&parts);
        let passed = match self.guard.pass(&self.guards.client, organization).await {
            Ok(passed) => passed,
            Err(refusal) => return Ok(answer(refusal)),
        };
        parts.extensions.insert(passed.decision().clone());
        let answered = inner.call(Request::from_parts(parts, body)).await;
        let failed = |it: StatusCode| it.is_client_error() || it.is_server_error();
        passed.finish(answered.as_ref().is_ok_and(|it| !failed(it.status()))).await;
        answered
    }
}

fn answer<B: From<String>>(refusal: Refusal) -> Response<B> {
    let Refusal { status, body, retry_after_seconds } = refusal;
    let mut answer = Response::new(B::from(body));
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = retry_after_seconds {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    answer
}

impl fmt::Debug for Guards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guards").field("client", &self.client).finish_non_exhaustive()
    }
}

impl fmt::Debug for GuardLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardLayer").field("guard", &self.guard).finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for GuardService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardService").field("layer", &self.layer).finish_non_exhaustive()
    }
}
