//! Which request gets which answer: files of the page, models, and refusals that say why.

use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HOST, HeaderMap,
    HeaderName, HeaderValue, IF_NONE_MATCH, ORIGIN, VARY,
};
use hyper::{Method, Request, Response, StatusCode};

use super::content::Content;
use super::models::Models;
use super::site::{Served, Site};
use crate::error::{Error, plain};

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";

/// What a browser may do with any answer: scripts, styles and connections of this address alone, WebAssembly included, in no frame;
/// and what it needs for memory that threads share.
const POLICY: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; \
         connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    // Asked again each time: the next program at this address may be a newer one, the next model another.
    ("cache-control", "no-cache"),
];

/// All answers of one program.
pub struct Answers {
    site: Site,
    models: Models,
    /// What a request may call this program.
    hosts: Vec<String>,
    port: u16,
}

impl Answers {
    /// Those at a port.
    pub fn new(models: Models, port: u16) -> Self {
        let names = ["127.0.0.1", "localhost", "[::1]"];
        // A browser leaves the port of HTTP itself out.
        let usual = names.iter().filter(|_| port == 80).map(|name| (*name).to_owned());
        let hosts = names.iter().map(|name| format!("{name}:{port}")).chain(usual).collect();
        Self { site: Site::new(), models, hosts, port }
    }

    /// The answer to a request, whose body nobody reads.
    pub fn to<T>(&self, request: &Request<T>) -> Response<Content> {
        let mut answer = self.admitted(request).unwrap_or_else(Refusal::answer);
        let length = answer.body().len();
        let headers = answer.headers_mut();
        for (name, value) in POLICY {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if answer.status() != StatusCode::NOT_MODIFIED {
            answer.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        answer
    }

    fn admitted<T>(&self, request: &Request<T>) -> Result<Response<Content>, Refusal> {
        self.check_names(request)?;
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return Err(refused(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here"));
        }
        let path = request.uri().path();
        if let Some(file) = self.site.file(path) {
            return Ok(page(file, request.headers()));
        }
        if path == "/models.json" {
            return Ok(with(JSON, Content::Bytes(self.models.list().into())));
        }
        match self.models.file(path) {
            Some(Ok(Some((file, bytes)))) => Ok(with(BYTES, Content::File(file, bytes))),
            Some(Ok(None)) => Err(refused(StatusCode::NOT_FOUND, "the file of this model is gone")),
            // What lies there now is no file: a link, say, that was put in its place.
            Some(Err(error @ Error::Input { .. })) => Err(refused(StatusCode::FORBIDDEN, &error.to_string())),
            Some(Err(error)) => Err(refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())),
            None => {
                Err(refused(StatusCode::NOT_FOUND, "no such file; / is the page, /models.json lists models"))
            }
        }
    }

    /// Refuses requests that were meant for another address or that another page makes: a name of anybody's may be made to lead to
    /// this machine, and a browser then takes what is served here for his.
    fn check_names<T>(&self, request: &Request<T>) -> Result<(), Refusal> {
        let is_ours = |name: &str| self.hosts.iter().any(|host| host.eq_ignore_ascii_case(name));
        let address = format!("http://127.0.0.1:{}/", self.port);
        // A proxy would be asked for a whole address.
        if request.uri().authority().is_some_and(|authority| !is_ours(authority.as_str())) {
            return Err(refused(
                StatusCode::FORBIDDEN,
                &format!("this is no proxy; ask for a path of {address}"),
            ));
        }
        let mut hosts = request.headers().get_all(HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok());
        if hosts.next().is_some() || !host.is_some_and(is_ours) {
            let way =
                format!("open {address}, or forward the same port, ssh -L {0}:127.0.0.1:{0} HOST", self.port);
            let fact = "the request names another host than this machine";
            return Err(refused(StatusCode::FORBIDDEN, &format!("{fact}; {way}")));
        }
        let is_own = |origin: &HeaderValue| {
            origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://")).is_some_and(is_ours)
        };
        if !request.headers().get_all(ORIGIN).iter().all(is_own) {
            let fact = "the request comes from a page of another address";
            return Err(refused(StatusCode::FORBIDDEN, &format!("{fact}; open {address} instead")));
        }
        Ok(())
    }
}

/// A file of the page, or that the client has it already.
fn page(file: &Served, request: &HeaderMap) -> Response<Content> {
    let compressed = takes_gzip(request).then(|| file.compressed()).flatten();
    let tag = file.tag(compressed.is_some());
    let is_known = has(request, &tag);
    let encoding = compressed.as_ref().map(|_| HeaderValue::from_static("gzip"));
    let bytes = if is_known { Bytes::new() } else { compressed.unwrap_or_else(|| file.bytes()) };
    let mut answer = with(file.media_type(), Content::Bytes(bytes));
    if is_known {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
    } else if let Some(encoding) = encoding {
        answer.headers_mut().insert(CONTENT_ENCODING, encoding);
    }
    answer.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}

fn with(media_type: &'static str, content: Content) -> Response<Content> {
    let mut answer = Response::new(content);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

/// What is said to a request that gets nothing.
struct Refusal(StatusCode, String);

fn refused(status: StatusCode, why: &str) -> Refusal {
    Refusal(status, format!("{}\n", plain(why)))
}

impl Refusal {
    fn answer(self) -> Response<Content> {
        let Self(status, text) = self;
        let mut answer = with(TEXT, Content::Bytes(text.into()));
        *answer.status_mut() = status;
        if status == StatusCode::METHOD_NOT_ALLOWED {
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        answer
    }
}

/// The members of a header that is a list, in all its lines.
fn members(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// Whether the client unfolds gzip: it is named, and not with a weight of 0.
fn takes_gzip(headers: &HeaderMap) -> bool {
    members(headers, ACCEPT_ENCODING).any(|member| {
        let mut words = member.split(';').map(str::trim);
        let is_gzip = words.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let is_none = |weight: &str| weight.trim_end_matches(['0', '.']).is_empty();
        is_gzip && !words.filter_map(|word| word.strip_prefix("q=")).any(is_none)
    })
}

/// Whether the client has what has this tag.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    members(headers, IF_NONE_MATCH).any(|member| member == "*" || member.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(port: u16, headers: &[(&str, &str)]) -> Response<Content> {
        let answers = Answers::new(Models::open(&[]).unwrap(), port);
        let request =
            headers.iter().fold(Request::builder().uri("/"), |to, (name, value)| to.header(*name, *value));
        answers.to(&request.body(()).unwrap())
    }

    #[test]
    fn hosts_are_this_machine_at_this_port_and_at_that_of_http_without_it() {
        let status = |port, host: &str| answer(port, &[("host", host)]).status().as_u16();
        for host in ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"] {
            assert_eq!(status(8000, &format!("{host}:8000")), 200, "{host}");
            assert_eq!(status(8000, host), 403, "{host}");
            assert_eq!((status(80, host), status(80, &format!("{host}:80"))), (200, 200), "{host}");
        }
        for host in [
            "",
            "0.0.0.0:8000",
            "127.0.0.1:8001",
            "localhost.evil:8000",
            "evil.localhost:8000",
            "127.0.0.2:8000",
        ] {
            assert_eq!(status(8000, host), 403, "{host}");
        }
        assert_eq!(answer(8000, &[]).status(), 403);
        assert_eq!(answer(8000, &[("host", "localhost:8000"), ("host", "evil")]).status(), 403);
    }

    #[test]
    fn gzip_goes_to_whom_it_is_welcome() {
        let takes = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap());
            takes_gzip(&headers)
        };
        for value in ["gzip", "deflate, GZip;q=0.5, br", "gzip;q=1.0", "br,gzip"] {
            assert!(takes(value), "{value}");
        }
        for value in ["", "br", "gzip;q=0", "gzip; q=0.000", "xgzip", "identity"] {
            assert!(!takes(value), "{value}");
        }
    }
}
