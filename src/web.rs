//! HTTP requests: responses of bounded size, and credentials that are sent only to the server they belong to.

use std::fmt;
use std::io::Read;
use std::time::Duration;

use reqwest::blocking::{Client, Request, Response};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Method, StatusCode, Url};

use crate::file::in_units;

/// Timeout for a silent server.
const PATIENCE: Duration = Duration::from_mins(1);
/// Maximum number of requests to a busy server.
const TRIES: u32 = 5;
/// First wait for a busy server; each further wait is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Maximum number of redirects.
const MOST_REDIRECTS: usize = 10;

/// Why a request failed. The message never contains credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WebError(pub String);

/// Credentials of a request. They cannot be printed.
#[derive(Clone, Default)]
pub enum Credentials {
    /// No credentials.
    #[default]
    None,
    /// User name and password.
    Basic(String, String),
    /// A bearer token.
    Bearer(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no credentials",
            Self::Basic(..) | Self::Bearer(_) => "credentials",
        })
    }
}

/// An HTTP client.
#[derive(Debug)]
pub struct Web {
    client: Client,
    credentials: Credentials,
}

impl Web {
    /// A client that sends credentials with each request.
    ///
    /// # Errors
    /// The client cannot be set up, for example without certificates.
    pub fn new(credentials: Credentials) -> Result<Self, WebError> {
        let client = Client::builder()
            .connect_timeout(PATIENCE)
            .timeout(None)
            .redirect(Policy::custom(followed))
            .user_agent(concat!("lawfit/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| WebError(root_cause(&error)))?;
        Ok(Self { client, credentials })
    }

    /// The body of the response to a GET request, at most `most` bytes.
    ///
    /// # Errors
    /// The server cannot be reached, answers with an error, redirects to another scheme, or sends too much.
    pub fn get(&self, url: &str, most: u64) -> Result<Vec<u8>, WebError> {
        self.ask(&Method::GET, url, None, most)
    }

    /// The body of the response to a POST request with JSON, at most `most` bytes.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn post(&self, url: &str, body: &serde_json::Value, most: u64) -> Result<Vec<u8>, WebError> {
        self.ask(&Method::POST, url, Some(body), most)
    }

    fn ask(
        &self,
        method: &Method,
        url: &str,
        body: Option<&serde_json::Value>,
        most: u64,
    ) -> Result<Vec<u8>, WebError> {
        let url = Url::parse(url).map_err(|error| WebError(format!("`{url}` is not a URL: {error}")))?;
        let response = self.answer(method, &url, body)?;
        if !response.status().is_success() {
            return Err(WebError(refusal(response)));
        }
        let mut bytes = Vec::new();
        let mut body = response.take(most.saturating_add(1));
        body.read_to_end(&mut bytes).map_err(|error| WebError(root_cause(&error)))?;
        if bytes.len() as u64 > most {
            return Err(WebError(format!("it is larger than {}", in_units(most))));
        }
        Ok(bytes)
    }

    /// The first response that is not "busy", or the last one.
    fn answer(&self, method: &Method, url: &Url, body: Option<&serde_json::Value>) -> Result<Response, WebError> {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let request = self.request(method, url, body)?;
            let response = self.client.execute(request).map_err(|error| WebError(root_cause(&error)))?;
            if attempt == TRIES || !is_busy(response.status()) {
                return Ok(response);
            }
            std::thread::sleep(wait);
            wait *= 2;
        }
        Err(WebError("there is no answer".to_owned()))
    }

    fn request(&self, method: &Method, url: &Url, body: Option<&serde_json::Value>) -> Result<Request, WebError> {
        let mut request = self.client.request(method.clone(), url.clone());
        request = match &self.credentials {
            Credentials::None => request,
            Credentials::Basic(name, password) => request.basic_auth(name, Some(password)),
            Credentials::Bearer(token) => request.bearer_auth(token),
        };
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        request.build().map_err(|error| WebError(root_cause(&error)))
    }
}

/// Follows a redirect, except from https to http or to a scheme other than these.
fn followed(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    if attempt.previous().len() > MOST_REDIRECTS {
        return attempt.error(format!("it redirects more than {MOST_REDIRECTS} times"));
    }
    let (from, to) = (attempt.previous().last().map(Url::scheme), attempt.url().scheme());
    if from == Some(to) || (from == Some("http") && to == "https") {
        return attempt.follow();
    }
    let message = to_other_scheme(from.unwrap_or_default(), to);
    attempt.error(message)
}

fn to_other_scheme(from: &str, to: &str) -> String {
    format!("it redirects from {from} to another scheme, {to}")
}

/// Whether a status means that a later request may succeed.
fn is_busy(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// Maximum number of bytes read of an error response.
const MOST_REFUSAL: u64 = 4096;
/// Maximum number of characters shown of an error message.
const MOST_SHOWN: usize = 200;

/// The text of an error response: its status and the first line of its JSON message, if it has one.
fn refusal(response: Response) -> String {
    let status = response.status();
    let location = response.headers().get("location").and_then(|location| location.to_str().ok());
    if let Some((scheme, _)) = location.and_then(|location| location.split_once("://")) {
        return to_other_scheme(response.url().scheme(), scheme);
    }
    let mut body = Vec::new();
    // A body that cannot be read adds nothing to the message.
    let _ = response.take(MOST_REFUSAL).read_to_end(&mut body);
    let message = serde_json::from_slice::<serde_json::Value>(&body).ok();
    let message = message.as_ref().and_then(|message| message.get("message")?.as_str());
    let why = message.map(|text| text.lines().next().unwrap_or_default().chars().take(MOST_SHOWN).collect::<String>());
    let said = format!("the server answers {status}");
    match why.filter(|why| !why.is_empty()) {
        Some(why) => format!("{said}: {why}"),
        None => said,
    }
}

/// The innermost cause; outer ones only repeat the URL.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
