//! Requests and answers.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::Shell;
use super::asked::asked;
use crate::error::ApiError;
use crate::judge::{SignedRequest, Verdict};
use crate::operations::{self, Operation};
use crate::wire::{Element, Form};

/// Larger than any request of the API can be.
const LARGEST_BODY: usize = 1 << 20;

pub(super) fn router(shell: Arc<Shell>) -> Router {
    Router::new().fallback(answer).with_state(shell)
}

async fn answer(State(shell): State<Arc<Shell>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            "text/plain",
            "the body is too large".into(),
        );
    };
    let uri = &parts.uri;
    let form = if body.is_empty() {
        uri.query().unwrap_or_default().as_bytes()
    } else {
        &body
    };
    let form = Form::parse(form);
    let signed = SignedRequest {
        method: parts.method.to_string(),
        path_and_query: uri.path_and_query().map_or("/", |it| it.as_str()).to_owned(),
        headers: received(&parts.headers),
        body: body.to_vec(),
    };
    let id = shell.turn(|model, _| model.uuid());
    match carry_out(&shell, &signed, &form).await {
        Ok(document) => xml(StatusCode::OK, &id, &document(&id)),
        Err(Refusal::Judged(response)) => response,
        Err(Refusal::Api(error)) => xml(StatusCode::BAD_REQUEST, &id, &refusal("Sender", &error, &id)),
        Err(Refusal::Internal(why)) => {
            tracing::error!(%why, "the Auto Scaling endpoint could not judge a request");
            let error = ApiError::new("InternalFailure", why);
            xml(
                StatusCode::INTERNAL_SERVER_ERROR,
                &id,
                &refusal("Receiver", &error, &id),
            )
        }
    }
}

/// Why a request is not carried out.
enum Refusal {
    /// The judge's own answer.
    Judged(Response<Body>),
    Api(ApiError),
    /// The judge had no answer.
    Internal(String),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

/// The answer's document, given the request's id.
type Document = Box<dyn FnOnce(&str) -> Element + Send>;

async fn carry_out(shell: &Arc<Shell>, signed: &SignedRequest, form: &Form) -> Result<Document, Refusal> {
    let name = form.text("Action").ok_or_else(|| {
        ApiError::new(
            "MissingAction",
            "The request is missing an action or a required parameter",
        )
    })?;
    if Operation::exists(&name) {
        judge(shell, signed, form, &name).await?;
    }
    let mut operation = Operation::parse(&name, form)?;
    for template in operation.templates() {
        let found = shell.fleet.template(template).await.map_err(|why| {
            ApiError::validation(format!(
                "You must use a valid fully-formed launch template. {why}"
            ))
        })?;
        (template.id, template.name) = (Some(found.id), Some(found.name));
    }
    let response = shell.turn(|model, now| model.apply(operation, now))?;
    Ok(Box::new(move |id| {
        let answer = Element::new(format!("{name}Response"));
        let answer = match response {
            operations::Response::Nothing => answer,
            operations::Response::Result(result) => answer.with(result.named(format!("{name}Result"))),
        };
        answer.with(Element::new("ResponseMetadata").text("RequestId", id))
    }))
}

async fn judge(shell: &Arc<Shell>, signed: &SignedRequest, form: &Form, name: &str) -> Result<(), Refusal> {
    let questions = shell.turn(|model, _| asked(model, name, form));
    for question in &questions {
        match shell
            .judge
            .judge(signed, question)
            .await
            .map_err(Refusal::Internal)?
        {
            Verdict::Allowed => {}
            Verdict::Refused {
                status,
                content_type,
                body,
            } => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
                return Err(Refusal::Judged(plain(status, &content_type, body)));
            }
        }
    }
    Ok(())
}

/// Header values are text in every request that an SDK signs.
fn received(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}

fn refusal(fault: &str, error: &ApiError, id: &str) -> Element {
    let error = Element::new("Error")
        .text("Type", fault)
        .text("Code", error.code)
        .text("Message", &error.message);
    Element::new("ErrorResponse").with(error).text("RequestId", id)
}

fn xml(status: StatusCode, id: &str, document: &Element) -> Response<Body> {
    let mut response = plain(status, "text/xml", document.document().into_bytes());
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

fn plain(status: StatusCode, content_type: &str, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    if let Ok(content_type) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    response
}
