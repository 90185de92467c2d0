//! What is served to whom, and how the program begins and ends.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::read::GzDecoder;
use tempfile::tempdir;

use super::client::{Answer, PATIENCE, Server, check_policy, outcome, read_all};
use crate::cli::documents::hold;
use crate::cli::json;

/// The files of `web/` that a browser may ask for: neither what builds them nor what begins with a dot, nor the list of a host without
/// models, in place of which those of the command line are told.
fn files(folder: &Path, prefix: &str) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with('.') || name.split('.').next() == Some("build") || name == "models.json" {
            continue;
        }
        let at = format!("{prefix}/{name}");
        match path.is_dir() {
            true => found.extend(files(&path, &at)),
            false => found.push((at, path)),
        }
    }
    found
}

#[test]
fn every_file_of_the_page_comes_whole_with_its_type_and_the_policy() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mut files = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("web"), "");
    let index = files.iter().find(|(at, _)| at == "/index.html").expect("an index").1.clone();
    files.push(("/".to_owned(), index));
    for (at, path) in files {
        let bytes = fs::read(&path).unwrap();
        let plain = server.get(&at);
        assert_eq!((plain.status, plain.header("content-encoding")), (200, ""), "{at}");
        assert!(plain.body == bytes, "{at}: other bytes");
        let media_type = match path.extension().unwrap().to_str().unwrap() {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "mjs" | "js" => "text/javascript; charset=utf-8",
            "gz" => "application/gzip",
            other => panic!("{at}: say here what .{other} is"),
        };
        assert_eq!(plain.header("content-type"), media_type, "{at}");
        assert_eq!(plain.header("content-length"), bytes.len().to_string(), "{at}");
        check_policy(&plain);
        // Another query is another address of the same page.
        assert!(server.get(&format!("{at}?seed=3")).body == bytes, "{at}");

        let head = server.ask("HEAD", &at, &[]);
        let but_the_date = |headers: &[(String, String)]| {
            headers.iter().filter(|(name, _)| name != "date").cloned().collect::<Vec<_>>()
        };
        assert_eq!((head.status, head.body.len()), (200, 0), "{at}");
        assert_eq!(but_the_date(&head.headers), but_the_date(&plain.headers), "{at}");

        let packed = server.ask("GET", &at, &["Accept-Encoding: br, gzip"]);
        let mut unpacked = Vec::new();
        match packed.header("content-encoding") {
            "gzip" => GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).map(|_| ()).unwrap(),
            other => {
                assert_eq!(other, "");
                unpacked.clone_from(&packed.body);
            }
        }
        assert!(unpacked == bytes && packed.body.len() <= bytes.len(), "{at}");
        assert_eq!(packed.header("vary"), "accept-encoding");

        for (answer, lines) in [(&plain, &[][..]), (&packed, &["Accept-Encoding: gzip"])] {
            let known = format!("If-None-Match: \"other\", {}", answer.header("etag"));
            let again = server.ask("GET", &at, &[&[&*known], lines].concat());
            assert_eq!((again.status, again.body.len()), (304, 0), "{at}");
            assert_eq!(again.header("etag"), answer.header("etag"));
            check_policy(&again);
            let stale = server.ask("GET", &at, &[&["If-None-Match: \"other\""], lines].concat());
            assert!(stale.status == 200 && stale.body == answer.body, "{at}");
        }
    }
    let large = server.ask("GET", "/index.html", &["Accept-Encoding: gzip"]);
    assert_eq!(large.header("content-encoding"), "gzip", "the page itself is worth it");
}

#[test]
fn one_connection_asks_for_several_files() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mut stream = server.connect();
    let line = |path: &str, end: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: {end}\r\n\r\n", server.port)
    };
    // Both before anything is read.
    write!(stream, "{}{}", line("/none", "keep-alive"), line("/models.json", "close")).unwrap();
    let text = String::from_utf8(read_all(&mut stream)).unwrap();
    assert!(text.starts_with("HTTP/1.1 404 ") && text.contains("HTTP/1.1 200 OK"), "{text}");
    assert!(text.ends_with("\r\n\r\n[]"), "{text}");
}

#[test]
fn the_address_is_printed_alone_and_in_json_and_a_port_can_be_chosen() {
    let folder = tempdir().unwrap();
    let first = Server::start(folder.path(), &[]);
    assert_eq!(first.line, format!("http://127.0.0.1:{}/\n", first.port));
    let as_json = Server::start(folder.path(), &["--json"]);
    let told = json(&as_json.line);
    assert_eq!(told["address"], format!("http://127.0.0.1:{}/", as_json.port));
    hold("web", &told);
    // One that was free a moment ago, which somebody else may have taken meanwhile.
    let chosen = (0..20).find_map(|_| {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Server::try_start(folder.path(), &["--port", &port.to_string()]).ok()?;
        Some((port, server))
    });
    let (port, server) = chosen.expect("a free port");
    assert_eq!((server.port, server.get("/").status), (port, 200));
}

#[test]
fn a_port_that_is_taken_or_none_is_refused_with_a_way_out() {
    let folder = tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = |port: &str, words: &[&str]| {
        outcome(folder.path(), &["--json", "--port", port]).refused(2, words);
    };
    let another = "give another port, or leave it out for a free one";
    refused(&port, &[&format!("--port {port}: another program listens there"), another]);
    for wrong in ["0", "65536", "x"] {
        let refused = outcome(folder.path(), &["--port", wrong]);
        assert!(refused.code == 2 && refused.stderr.contains("--port"), "{wrong}: {}", refused.stderr);
    }
}

#[test]
fn it_answers_on_the_loopback_address_of_ipv6_where_there_is_one() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let has_one = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    match TcpStream::connect((Ipv6Addr::LOCALHOST, server.port)) {
        Ok(mut stream) => {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            write!(stream, "GET / HTTP/1.1\r\nHost: [::1]:{}\r\nConnection: close\r\n\r\n", server.port)
                .unwrap();
            assert_eq!(Answer::of(&read_all(&mut stream)).status, 200);
        }
        Err(error) => assert!(!has_one, "{error}"),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn it_listens_on_the_loopback_addresses_alone() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = fs::read_to_string(table).unwrap_or_default();
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (address, port) = words[1].split_once(':').unwrap();
            // 0A is the state of a socket that listens.
            if words[3] == "0A" && u16::from_str_radix(port, 16).unwrap() == server.port {
                found.push(address.to_owned());
            }
        }
    }
    let is_loopback =
        |address: &String| ["0100007F", "00000000000000000000000001000000"].contains(&address.as_str());
    assert!(!found.is_empty() && found.iter().all(is_loopback), "{found:?}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_as_it_ends_other_commands() {
    let folder = tempdir().unwrap();
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut server = Server::start(folder.path(), &[]);
        // A client that is there keeps nobody.
        let mut client = server.connect();
        let kill = format!("kill -{signal} {}", server.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let (ended, stdout, stderr) = server.end();
        assert_eq!((ended, stdout.as_str()), (Some(code), ""), "{stderr}");
        assert!(stderr.ends_with(&format!("error: ended by SIG{signal}\n")), "{stderr}");
        assert!(read_all(&mut client).is_empty());
    }
}

/// Everything below a folder, with what would change where somebody wrote.
fn state(folder: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let metadata = path.symlink_metadata().unwrap();
        if metadata.is_dir() {
            found.extend(state(&path));
        }
        found.push((path, metadata.len(), metadata.modified().unwrap()));
    }
    found.sort();
    found
}

#[test]
fn nothing_is_written_anywhere() {
    let folder = tempdir().unwrap();
    crate::cli::train(folder.path(), "run", &[]);
    let before = state(folder.path());
    // Its home, its cache and its temporary files would lie in this folder, too.
    let mut server = Server::start(folder.path(), &["run"]);
    for path in ["/", "/models.json", "/models/0.safetensors", "/style.css", "/none"] {
        server.ask("GET", path, &["Accept-Encoding: gzip"]);
    }
    assert_eq!(state(folder.path()), before);
    server.send(b"nonsense\r\n\r\n");
    server.ask("PUT", "/style.css", &["Content-Length: 0"]);
    #[cfg(target_os = "linux")]
    for file in fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap() {
        let target = fs::read_link(file.unwrap().path()).unwrap_or_default();
        assert!(!target.starts_with(folder.path()), "{} is held open", target.display());
    }
    assert_eq!(server.get("/").status, 200);
    drop(std::mem::replace(&mut server, Server::start(folder.path(), &[])));
    assert_eq!(state(folder.path()), before);
}
