//! Sockets of this machine, and conversations on them: hyper speaks HTTP on one thread, and no client can hold it up, take memory
//! without end, or stay without asking for anything.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::ready;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Request;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

use super::answers::Answers;
use super::content::Content;
use crate::error::{Error, Result};
use crate::io::clock::Moment;

/// Largest head of a request; browsers send a few hundred bytes.
const HEAD_BYTES: usize = 16 << 10;
/// Bytes of a conversation that wait to be parsed or sent.
const BUFFER_BYTES: usize = 64 << 10;
/// How long to leave a system alone that gives no more sockets.
const PAUSE: Duration = Duration::from_millis(100);

/// What clients are granted.
#[derive(Clone, Copy)]
struct Limits {
    /// Conversations at a time: some tabs of a browser, and far fewer than a program may have open files.
    clients: usize,
    /// Time for the whole head of a request, from the start or from the end of the answer before.
    head: Duration,
    /// Time for any part of an answer to be taken.
    answer: Duration,
}

const LIMITS: Limits = Limits { clients: 100, head: Duration::from_secs(5), answer: Duration::from_secs(60) };

/// A port of this machine.
pub struct Listening {
    /// Its number.
    pub port: u16,
    sockets: Vec<TcpListener>,
}

impl Listening {
    /// Takes a port of the loopback addresses, or a free one.
    ///
    /// # Errors
    /// [`Error::Usage`] where the port that was asked for cannot be had, [`Error::Io`] where none can.
    pub fn on(port: Option<u16>) -> Result<Self> {
        let refused = |error: io::Error| match (port, error.kind()) {
            (Some(port), kind) => {
                let fact = match kind {
                    ErrorKind::AddrInUse => "another program listens there".to_owned(),
                    ErrorKind::PermissionDenied => {
                        "the system keeps it for programs with more rights".to_owned()
                    }
                    _ => error.to_string(),
                };
                let way = "give another port, or leave it out for a free one";
                Error::usage(format!("--port {port}: {fact}; {way}"))
            }
            (None, _) => Error::io("listen on", "127.0.0.1", error),
        };
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).map_err(refused)?;
        let port = first.local_addr().map_err(|error| Error::io("listen on", "127.0.0.1", error))?.port();
        let mut sockets = vec![first];
        // A browser may try this one first for `localhost`; a system without IPv6 has none.
        match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
            Ok(second) => sockets.push(second),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                tracing::warn!(
                    "[::1]:{port} is another program's, which localhost may lead to; open the address as it is printed"
                );
            }
            Err(error) => tracing::debug!("[::1]:{port}: {error}"),
        }
        Ok(Self { port, sockets })
    }

    /// Answers requests for as long as the program runs.
    ///
    /// # Errors
    /// [`Error::Io`] where the system does not let it wait for sockets.
    pub fn serve(self, answers: Answers) -> Result<Infallible> {
        self.serve_within(answers, LIMITS).map_err(|error| Error::io("listen on", "127.0.0.1", error))
    }

    fn serve_within(self, answers: Answers, limits: Limits) -> io::Result<Infallible> {
        let waiting = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (answers, room) = (Rc::new(answers), Arc::new(Semaphore::new(limits.clients)));
        let served = async move {
            let mut accepting = Err(io::Error::other("there is no socket"));
            for socket in self.sockets {
                socket.set_nonblocking(true)?;
                let socket = tokio::net::TcpListener::from_std(socket)?;
                let accepted = accept(socket, Rc::clone(&answers), Arc::clone(&room), limits);
                accepting = Ok(spawn_local(accepted));
            }
            accepting?.await.map_err(io::Error::other)
        };
        LocalSet::new().block_on(&waiting, served)
    }
}

/// Takes clients as they come, while there is room.
async fn accept(
    socket: tokio::net::TcpListener,
    answers: Rc<Answers>,
    room: Arc<Semaphore>,
    limits: Limits,
) -> Infallible {
    loop {
        match socket.accept().await {
            Ok((client, _)) => {
                let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                    tracing::debug!("a client was dropped: {} are here", limits.clients);
                    continue;
                };
                let answers = Rc::clone(&answers);
                spawn_local(async move {
                    if let Err(why) = converse(client, &answers, limits).await {
                        tracing::debug!("a client was dropped: {why}");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!("no client: {error}");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Answers one client until he has gone, breaks the rules, or is too slow.
async fn converse(client: TcpStream, answers: &Answers, limits: Limits) -> Result<(), String> {
    // The last time that a request was whole or a part of an answer taken.
    let moved = Rc::new(Cell::new(Moment::now()));
    let service = service_fn(|request: Request<Incoming>| {
        moved.set(Moment::now());
        let answer = answers.to(&request);
        tracing::debug!("{} {}: {}", request.method(), request.uri(), answer.status());
        ready(Ok::<_, Infallible>(answer.map(|content| Watched { content, moved: Rc::clone(&moved) })))
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head);
    http.max_header_size(HEAD_BYTES).max_buf_size(BUFFER_BYTES);
    let mut conversation = pin!(http.serve_connection(TokioIo::new(client), service));
    loop {
        let left = limits.answer.saturating_sub(moved.get().elapsed());
        match timeout(left, conversation.as_mut()).await {
            Ok(ended) => return ended.map_err(|error| error.to_string()),
            Err(_) if moved.get().elapsed() >= limits.answer => return Err("it takes nothing".to_owned()),
            // Something has moved since.
            Err(_) => {}
        }
    }
}

/// A body that notes when a part of it is taken.
struct Watched {
    content: Content,
    moved: Rc<Cell<Moment>>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let watched = self.get_mut();
        watched.moved.set(Moment::now());
        Pin::new(&mut watched.content).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::thread;

    use super::*;
    use crate::cli::commands::web::models::Models;

    /// Longer than any test.
    const LONG: Duration = Duration::from_secs(600);

    /// A server on a thread of its own, which ends with the tests; its port.
    fn serve(limits: Limits) -> u16 {
        let listening = Listening::on(None).unwrap();
        let port = listening.port;
        thread::spawn(move || {
            let answers = Answers::new(Models::open(&[]).unwrap(), port);
            listening.serve_within(answers, limits).map(|never| match never {})
        });
        port
    }

    fn client(port: u16) -> TcpStream {
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        client.set_read_timeout(Some(LONG)).unwrap();
        client
    }

    /// Whether a client who asks for the page gets it, and not the end at once.
    fn is_answered(port: u16) -> bool {
        let mut client = client(port);
        let asked = write!(client, "GET / HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\r\n");
        let mut answer = Vec::new();
        asked.and_then(|()| client.read_to_end(&mut answer)).is_ok() && answer.starts_with(b"HTTP/1.1 200")
    }

    #[test]
    fn clients_beyond_the_limit_are_dropped_until_others_have_gone() {
        let port = serve(Limits { clients: 2, head: LONG, answer: LONG });
        let silent = [client(port), client(port)];
        assert!(!is_answered(port));
        drop(silent);
        while !is_answered(port) {
            thread::yield_now();
        }
    }

    #[test]
    fn a_client_that_takes_nothing_of_its_answer_is_dropped() {
        // More than the buffers of both ends hold, so that something is always left to be taken.
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(1 << 30).unwrap();
        let waiting =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().unwrap();
        let limits = Limits { clients: 1, head: LONG, answer: Duration::from_millis(200) };
        let ended = waiting.block_on(async {
            let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = socket.local_addr().unwrap().port();
            let mut taker = client(port);
            write!(taker, "GET /models/0.safetensors HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n").unwrap();
            let (served, _) = socket.accept().unwrap();
            served.set_nonblocking(true).unwrap();
            let served = tokio::net::TcpStream::from_std(served).unwrap();
            let answers = Answers::new(Models::unchecked(file.path()), port);
            let ended = timeout(LONG, converse(served, &answers, limits)).await;
            drop(taker);
            ended
        });
        assert_eq!(ended.expect("it is dropped"), Err("it takes nothing".to_owned()));
    }
}
