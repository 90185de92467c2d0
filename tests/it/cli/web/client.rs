//! A server that is under way, and a client that sends what it is told to, right or wrong.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cli::Outcome;

/// Longest time that anything is waited for.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// What comes of `rhohat web` that is to be refused: were it not, it would serve for ever.
pub fn outcome(folder: &Path, args: &[&str]) -> Outcome {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_rhohat"));
    let output = command.current_dir(folder).arg("web").args(args).timeout(PATIENCE).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    let code = output.status.code().unwrap_or_else(|| panic!("it serves: {stdout}{stderr}"));
    Outcome { code, stdout, stderr }
}

/// `rhohat web`, which ends with this.
pub struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// The line that it has printed.
    pub line: String,
    pub port: u16,
}

impl Server {
    /// Starts it in `folder`, where it has all that it might write to, and waits for its address.
    pub fn start(folder: &Path, args: &[&str]) -> Self {
        Self::try_start(folder, args).unwrap_or_else(|stderr| panic!("no address: {stderr}"))
    }

    /// The same; stderr of one that has ended instead.
    pub fn try_start(folder: &Path, args: &[&str]) -> Result<Self, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhohat"));
        command.arg("web").args(args).current_dir(folder).env("RHOHAT_CACHE_DIR", folder.join("cache"));
        for variable in ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"] {
            command.env(variable, folder);
        }
        let streams = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = streams.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let mut server = Self { child, stdout, line, port: 0 };
        let port = server.line.split_once("http://127.0.0.1:").and_then(|(_, rest)| rest.split('/').next());
        match port.and_then(|port| port.parse().ok()) {
            Some(port) => server.port = port,
            None => return Err(server.end().2),
        }
        Ok(server)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Exit code, the rest of stdout, and stderr, once it has ended.
    pub fn end(&mut self) -> (Option<i32>, String, String) {
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            sleep(Duration::from_millis(5));
        }
        let [mut stdout, mut stderr] = [String::new(), String::new()];
        self.stdout.read_to_string(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), stdout, stderr)
    }

    /// A connection.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// All that comes back for these bytes, until the server closes; nothing where it says nothing.
    pub fn send(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        // A server that has refused reads no further.
        let _ = stream.write_all(bytes);
        read_all(&mut stream)
    }

    /// The answer to a request with these lines besides that for the host.
    pub fn ask(&self, method: &str, path: &str, lines: &[&str]) -> Answer {
        let host = format!("Host: 127.0.0.1:{}", self.port);
        self.ask_as(method, path, &[&[host.as_str()], lines].concat())
    }

    /// The same without a line for the host.
    pub fn ask_as(&self, method: &str, path: &str, lines: &[&str]) -> Answer {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let request = format!("{method} {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n");
        Answer::of(&self.send(request.as_bytes()))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that fails leaves nothing running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything until the end, which may be hard where something was left unread.
pub fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let (mut all, mut piece) = (Vec::new(), [0; 1 << 14]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return all,
            Ok(read) => all.extend(&piece[..read]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return all,
            Err(error) => panic!("the server does not close: {error}"),
        }
    }
}

/// An answer, its header names in lower case.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn of(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")).expect("HTTP/1");
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").expect("a header");
            (name.to_lowercase(), value.to_owned())
        };
        let status = status.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Self { status, headers: lines.map(header).collect(), body: bytes[end + 4..].to_vec() }
    }

    /// The value of a header that is there once; nothing where it is not there.
    pub fn header(&self, name: &str) -> &str {
        let found: Vec<&str> =
            self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| &**value).collect();
        assert!(found.len() < 2, "{name}: {found:?}");
        found.first().copied().unwrap_or_default()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Checks what every answer of the program says to browsers.
pub fn check_policy(answer: &Answer) {
    for (name, value) in [
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
        ("cache-control", "no-cache"),
        // Nobody else is let in.
        ("access-control-allow-origin", ""),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
}
