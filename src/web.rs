//! HTTP requests: responses of bounded size, and credentials that are sent only to the server they belong to.
//!
//! A URL of a spec is written into lock files, messages and reports. It therefore contains only the names of environment
//! variables in place of credentials, `?token=$TOKEN`, which a request replaces by their values.

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
    /// Texts that no message may contain, in the spellings in which a server may repeat them.
    secrets: Secrets,
}

/// Texts that no message may contain. They cannot be printed.
#[derive(Clone, Default)]
struct Secrets(Vec<String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secrets")
    }
}

impl Secrets {
    /// Shorter texts are parts of ordinary words.
    const SHORTEST: usize = 4;

    fn of(texts: impl IntoIterator<Item = String>) -> Self {
        let spellings = texts.into_iter().flat_map(|text| [encoded(&text), text]);
        Self(spellings.filter(|text| text.len() >= Self::SHORTEST).collect())
    }

    /// The message without the secrets.
    fn hidden(&self, message: String) -> String {
        self.0.iter().fold(message, |message, secret| message.replace(secret, "..."))
    }
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
            // The address may contain a credential, which the target of a redirect must not be told.
            .referer(false)
            .user_agent(concat!("lawfit/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| WebError(root_cause(&error)))?;
        let secrets = Secrets::of(match &credentials {
            Credentials::None => None,
            Credentials::Basic(_, secret) | Credentials::Bearer(secret) => Some(secret.clone()),
        });
        Ok(Self { client, credentials, secrets })
    }

    /// The file at a URL of a spec, at most `most` bytes. Environment variables that the URL names are filled in.
    ///
    /// # Errors
    /// As [`get`](Self::get), and if a variable is not set.
    pub fn file(url: &str, credentials: Credentials, most: u64) -> Result<Vec<u8>, WebError> {
        let mut values = Vec::new();
        let filled = with_values(url, |name| {
            let value = std::env::var(name).ok().filter(|value| !value.is_empty());
            let value = value
                .ok_or_else(|| WebError(format!("the environment variable `{name}` is not set; the URL names it")))?;
            values.push(value.clone());
            Ok(value)
        })?;
        let mut web = Self::new(credentials)?;
        web.secrets.0.extend(Secrets::of(values).0);
        web.get(&filled, most)
    }

    /// The body of the response to a GET request, at most `most` bytes.
    ///
    /// # Errors
    /// The server cannot be reached, answers with an error, redirects to another scheme, or sends too much.
    pub fn get(&self, url: &str, most: u64) -> Result<Vec<u8>, WebError> {
        self.body_of(&Method::GET, url, None, most).map_err(|error| self.without_secrets(error))
    }

    /// The body of the response to a POST request with JSON, at most `most` bytes.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn post(&self, url: &str, body: &serde_json::Value, most: u64) -> Result<Vec<u8>, WebError> {
        self.body_of(&Method::POST, url, Some(body), most).map_err(|error| self.without_secrets(error))
    }

    /// An error in which no credential is readable, whatever the server repeats.
    fn without_secrets(&self, error: WebError) -> WebError {
        WebError(self.secrets.hidden(error.0))
    }

    fn body_of(
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

/// The scheme, the part before `@` if there is one, the rest up to a query, and the query of a URL, without their signs.
struct Parts<'a> {
    scheme: &'a str,
    user: Option<&'a str>,
    rest: &'a str,
    query: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, behind) = url.split_once("://")?;
        let (before, query) = behind.split_once('?').map_or((behind, None), |(before, query)| (before, Some(query)));
        let host = before.find('/').unwrap_or(before.len());
        let (user, rest) = match before[..host].rfind('@') {
            Some(at) => (Some(&before[..at]), &before[at + 1..]),
            None => (None, before),
        };
        Some(Self { scheme, user, rest, query })
    }

    fn is_web(&self) -> bool {
        matches!(self.scheme, "http" | "https")
    }
}

/// The name in `$NAME`.
fn variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix('$')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(name)
}

/// A URL in which the variables in place of a user name, a password and values of the query have their values.
fn with_values(url: &str, mut value: impl FnMut(&str) -> Result<String, WebError>) -> Result<String, WebError> {
    let Some(parts) = Parts::of(url).filter(Parts::is_web) else { return Ok(url.to_owned()) };
    let mut of = |text: &str| match variable(text) {
        Some(name) => value(name).map(|value| encoded(&value)),
        None => Ok(text.to_owned()),
    };
    let mut filled = format!("{}://", parts.scheme);
    if let Some(user) = parts.user {
        let parts: Result<Vec<String>, WebError> = user.splitn(2, ':').map(&mut of).collect();
        filled += &(parts?.join(":") + "@");
    }
    filled += parts.rest;
    if let Some(query) = parts.query {
        let (query, anchor) = query.find('#').map_or((query, ""), |at| query.split_at(at));
        let pair = |pair: &str| match pair.split_once('=') {
            Some((key, text)) => of(text).map(|text| format!("{key}={text}")),
            None => Ok(pair.to_owned()),
        };
        let pairs: Result<Vec<String>, WebError> = query.split('&').map(pair).collect();
        filled.extend(["?", &pairs?.join("&"), anchor]);
    }
    Ok(filled)
}

/// A text as part of a URL: every byte but letters, digits and `-._~` as `%XX` (RFC 3986, section 2.3).
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Parts of the names of query keys whose values are credentials, without signs and in lower case.
const SECRET_KEYS: [&str; 8] =
    ["token", "secret", "password", "passwd", "signature", "credential", "apikey", "accesskey"];
/// Names of query keys whose values are credentials if they are long.
const DOUBTFUL_KEYS: [&str; 7] = ["key", "sig", "auth", "pass", "pwd", "jwt", "code"];
/// How tokens of known services begin.
const TOKENS: [&str; 10] =
    ["hf_", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "sk-", "AKIA", "xoxb-", "eyJhbGciOi"];
/// Minimum length of a value that is a credential by its form.
const SHORTEST_TOKEN: usize = 16;

/// A message without the values of secrets, which a server may repeat.
pub fn without_secrets(message: String, secrets: impl IntoIterator<Item = String>) -> String {
    Secrets::of(secrets).hidden(message)
}

/// The part of a URL that looks like a credential, in words. With `may_name`, names of environment variables are none.
pub fn secret_in(url: &str, may_name: bool) -> Option<String> {
    let parts = Parts::of(url)?;
    let is_named = |text: &str| may_name && variable(text).is_some();
    if let Some(user) = parts.user {
        // The container of `abfs://container@account` is no user.
        let is_user = parts.is_web() || user.contains(':');
        if is_user && !user.splitn(2, ':').all(is_named) {
            return Some("a user name or a password".to_owned());
        }
    }
    for (key, value) in
        parts.query.filter(|_| parts.is_web()).iter().flat_map(|query| query.split('&')).filter_map(pair)
    {
        let plain: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let is_secret = SECRET_KEYS.iter().any(|part| plain.contains(part))
            || DOUBTFUL_KEYS.contains(&plain.as_str()) && value.len() >= SHORTEST_TOKEN;
        if is_secret && !value.is_empty() && !is_named(value) {
            return Some(format!("a credential, `{key}`"));
        }
    }
    let words = url.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'));
    let is_token =
        |word: &str| word.len() >= SHORTEST_TOKEN && TOKENS.iter().any(|beginning| word.starts_with(beginning));
    words.into_iter().any(is_token).then(|| "a token".to_owned())
}

fn pair(text: &str) -> Option<(&str, &str)> {
    text.split('#').next()?.split_once('=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_urls_are_found_and_names_of_variables_are_none() {
        for url in [
            "https://me:pass@example.org/runs.csv",
            "https://token@example.org/runs.csv",
            "https://me:$PASSWORD@example.org/",
            "https://example.org/runs.csv?token=abc",
            "https://example.org/runs.csv?page=1&Private-Token=abc#top",
            "https://example.org/runs.csv?api_key=abc",
            "https://example.org/runs.csv?key=0123456789abcdef",
            "https://b.s3.amazonaws.com/runs.csv?X-Amz-Expires=60&X-Amz-Signature=0f",
            "https://a.blob.core.windows.net/c/runs.csv?sv=2024&sig=abcdefghijklmnop%3D",
            "https://example.org/hf_abcdefghijklmnopqrst/runs.csv",
            "s3://key:secret@bucket/runs.csv",
        ] {
            assert!(secret_in(url, true).is_some(), "{url}");
        }
        for url in [
            "https://example.org/runs.csv?download=true&key=loss&tokens=",
            "https://example.org/@me/runs.csv",
            "https://$USER:$PASSWORD@example.org/runs.csv?page=2&token=$TOKEN",
            "abfs://container@account.dfs.core.windows.net/runs.csv",
            "s3://bucket/token=1/runs-?.csv",
        ] {
            assert_eq!(secret_in(url, true), None, "{url}");
        }
        assert!(secret_in("https://$USER:$PASSWORD@example.org", false).is_some());
    }

    #[test]
    fn variables_are_filled_in_only_in_place_of_credentials() {
        let value = |name: &str| Ok(format!("{name}+1/é"));
        let filled = |url: &str| with_values(url, value).unwrap();
        assert_eq!(
            filled("https://$A:$B@host/$C.csv?x=$D&$E=1&y=a$F&z=$G#top"),
            "https://A%2B1%2F%C3%A9:B%2B1%2F%C3%A9@host/$C.csv?x=D%2B1%2F%C3%A9&$E=1&y=a$F&z=G%2B1%2F%C3%A9#top"
        );
        for same in ["s3://bucket/a?x=$B", "https://host/a.csv?x=%20+$", "not a url"] {
            assert_eq!(filled(same), same);
        }
    }

    #[test]
    fn a_message_contains_no_secret_in_any_spelling() {
        let secrets = Secrets::of(["a b+c".to_owned(), "me".to_owned()]);
        assert_eq!(secrets.hidden("no `a b+c` or a%20b%2Bc for me".to_owned()), "no `...` or ... for me");
        assert_eq!(format!("{secrets:?}"), "secrets");
    }
}
