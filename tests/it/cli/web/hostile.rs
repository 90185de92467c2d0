//! Requests of pages, programs and people that mean no good: each is refused with a status, and the next one is answered.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tempfile::tempdir;

use super::client::{Answer, Server, check_policy, read_all};

fn server() -> (tempfile::TempDir, Server) {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    (folder, server)
}

/// Checks that the program is still there, and has said nothing that a broken one says.
fn check_alive(mut server: Server) {
    assert_eq!(server.get("/").status, 200);
    #[cfg(unix)]
    {
        let kill = format!("kill -TERM {}", server.id());
        assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let (_, _, stderr) = server.end();
        assert!(!stderr.contains("panick"), "{stderr}");
    }
}

#[test]
fn another_name_of_this_machine_is_refused() {
    let (_folder, server) = server();
    let port = server.port;
    for host in ["127.0.0.1", "localhost", "[::1]", "LocalHost"] {
        let answer = server.ask_as("GET", "/", &[&format!("Host: {host}:{port}")]);
        assert_eq!(answer.status, 200, "{host}");
    }
    let refused = |lines: &[&str]| {
        let answer = server.ask_as("GET", "/models.json", lines);
        assert_eq!(answer.status, 403, "{lines:?}");
        assert!(answer.text().contains(&format!("open http://127.0.0.1:{port}/")), "{}", answer.text());
        check_policy(&answer);
    };
    for host in [
        "rebound.example",
        &format!("rebound.example:{port}"),
        "127.0.0.1",
        "localhost",
        &format!("0.0.0.0:{port}"),
        &format!("192.168.0.1:{port}"),
        &format!("127.0.0.1:{}", port ^ 1),
        &format!("127.0.0.1:{port}@rebound.example"),
        &format!("localhost.:{port}"),
        "",
    ] {
        refused(&[&format!("Host: {host}")]);
    }
    refused(&[]);
    refused(&["Host: rebound.example", &format!("Host: 127.0.0.1:{port}")]);
    refused(&[&format!("Host: 127.0.0.1:{port}"), &format!("Host: 127.0.0.1:{port}")]);
    // A whole address, as proxies are asked.
    let own = format!("Host: 127.0.0.1:{port}");
    assert_eq!(server.ask_as("GET", "http://rebound.example/", &[&own]).status, 403);
    assert_eq!(server.ask_as("GET", &format!("http://127.0.0.1:{port}/"), &[&own]).status, 200);
    let old = server.send(b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(Answer::of(&old).status, 403);
    check_alive(server);
}

#[test]
fn a_page_of_another_address_is_refused() {
    let (_folder, server) = server();
    let port = server.port;
    let status = |origin: &str| server.ask("GET", "/models.json", &[&format!("Origin: {origin}")]).status;
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        assert_eq!(status(&format!("http://{host}:{port}")), 200, "{host}");
    }
    for origin in [
        "null".to_owned(),
        String::new(),
        "http://elsewhere.example".to_owned(),
        format!("https://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{}", port ^ 1),
        format!("http://127.0.0.1:{port}.elsewhere.example"),
        "http://127.0.0.1".to_owned(),
        "file://".to_owned(),
    ] {
        assert_eq!(status(&origin), 403, "{origin}");
    }
    let own = format!("Origin: http://127.0.0.1:{port}");
    let both = server.ask("GET", "/", &[&own, "Origin: http://elsewhere.example"]);
    assert_eq!(both.status, 403);
    check_policy(&both);
    check_alive(server);
}

#[test]
fn methods_that_change_something_are_refused_with_those_that_are_taken() {
    let (_folder, server) = server();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let answer = server.ask(method, "/", &["Content-Length: 3"]);
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"), "{method}");
        check_policy(&answer);
    }
    assert_eq!(server.ask("OPTIONS", "*", &[]).status, 405);
    assert_eq!(server.ask("CONNECT", &format!("127.0.0.1:{}", server.port), &[]).status, 405);
    assert_eq!(server.ask("CONNECT", "elsewhere.example:443", &[]).status, 403);
    check_alive(server);
}

#[test]
fn no_path_leads_out_of_the_list() {
    let (folder, server) = server();
    std::fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    for path in [
        "/secret.txt",
        "/../secret.txt",
        "/..",
        "/./index.html",
        "/%2e%2e/secret.txt",
        "/%2E%2E%2Fsecret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/%69ndex.html",
        "/index.html%00",
        "/index.html/",
        "/web/index.html",
        "//index.html",
        "//etc/passwd",
        "/etc/passwd",
        "/file:///etc/passwd",
        "/Cargo.toml",
        "/models",
        "/models/",
        "/models/0.safetensors",
        "/models/../models.json",
        "/models/-1.safetensors",
        "/models/99999999999999999999.safetensors",
        "/models.json/",
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        check_policy(&answer);
    }
    for path in ["/..\\secret.txt", "secret.txt", "../secret.txt", "\\", "/\u{7f}", "/a b"] {
        let host = format!("Host: 127.0.0.1:{}", server.port);
        let status = Answer::of(&server.send(format!("GET {path} HTTP/1.1\r\n{host}\r\n\r\n").as_bytes()));
        assert!([400, 403, 404].contains(&status.status), "{path}: {status:?}");
    }
    check_alive(server);
}

#[test]
fn heads_that_are_too_long_and_bytes_that_are_no_request_are_refused() {
    let (_folder, server) = server();
    let host = format!("Host: 127.0.0.1:{}", server.port);
    let long = "x".repeat(20_000);
    let many: String = (0..200).map(|i| format!("X-{i}: 1\r\n")).collect();
    for (request, statuses) in [
        (format!("GET /{long} HTTP/1.1\r\n{host}\r\n\r\n"), &[414, 431][..]),
        (format!("GET / HTTP/1.1\r\n{host}\r\nX: {long}\r\n\r\n"), &[431]),
        // It would never end.
        (format!("GET / HTTP/1.1\r\n{host}\r\nX: {long}"), &[431]),
        (format!("GET / HTTP/1.1\r\n{host}\r\n{many}\r\n"), &[431]),
        (format!("GET / HTTP/9.9\r\n{host}\r\n\r\n"), &[400]),
        (format!("GET /\r\n{host}\r\n\r\n"), &[400]),
        (format!("GET / HTTP/1.1\r\n{host}\r\nno colon\r\n\r\n"), &[400]),
        (format!("GET / HTTP/1.1\r\n{host}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), &[400]),
        (format!("GET / HTTP/1.1\r\n{host}\r\nContent-Length: -1\r\n\r\n"), &[400]),
        (format!("GET / HTTP/1.1\r\n{host}\r\nTransfer-Encoding: odd\r\n\r\n"), &[400]),
        ("nonsense\r\n\r\n".to_owned(), &[400]),
        ("\0\0\0\0\r\n\r\n".to_owned(), &[400]),
        ("{\"json\": true}\r\n\r\n".to_owned(), &[400]),
    ] {
        let answer = Answer::of(&server.send(request.as_bytes()));
        let start: String = request.chars().take(60).collect();
        assert!(statuses.contains(&answer.status), "{start:?}: {answer:?}");
        assert!(answer.body.is_empty(), "{start:?}: {answer:?}");
    }
    // Other protocols: of TLS, of HTTP/2, and numbers that mean nothing.
    let noise: Vec<u8> = (0..5000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for bytes in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &noise]
    {
        let back = server.send(bytes);
        assert!(back.is_empty() || Answer::of(&back).status == 400, "{}", String::from_utf8_lossy(&back));
    }
    check_alive(server);
}

/// Sends a byte a turn until the server has closed; whether it did without an answer.
fn trickle(mut stream: TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    loop {
        if stream.write_all(b"x").is_err() {
            return true;
        }
        match stream.read(&mut [0]) {
            Ok(read) => return read == 0,
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {}
            Err(_) => return true,
        }
    }
}

#[test]
fn clients_that_say_nothing_or_no_end_hold_nobody_up_and_are_dropped() {
    let (_folder, server) = server();
    let mut silent = server.connect();
    let mut half = server.connect();
    half.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
    let mut slow = server.connect();
    slow.write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
    let mut kept = server.connect();
    write!(kept, "GET /models.json HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", server.port).unwrap();
    assert_eq!(server.get("/").status, 200, "others are answered meanwhile");
    let slow = std::thread::spawn(move || trickle(slow));
    assert!(read_all(&mut silent).is_empty() && read_all(&mut half).is_empty());
    assert!(slow.join().unwrap(), "it was answered");
    // One that has its answer, and asks for nothing more.
    assert_eq!(Answer::of(&read_all(&mut kept)).text(), "[]");
    check_alive(server);
}
