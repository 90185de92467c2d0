//! The files of the page: all that is ever served of `web/`, held in the program.

use std::cell::OnceCell;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;
use xxhash_rust::xxh3::xxh3_64;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
/// The modules, which the page unpacks itself.
const GZIP: &str = "application/gzip";

/// A file of `web/`.
struct Listed {
    /// Its path below `web/`, and behind the slash of the address.
    path: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

macro_rules! listed {
    ($($path:literal is $media_type:expr),* $(,)?) => {
        &[$(Listed {
            path: $path,
            media_type: $media_type,
            bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/web/", $path)),
        }),*]
    };
}

/// Every file that is served. What a page needs besides has its ending in `include` of Cargo.toml, too.
const LISTED: &[Listed] = listed! {
    "app.mjs" is SCRIPT,
    "bars.mjs" is SCRIPT,
    "bench.mjs" is SCRIPT,
    "budget.mjs" is SCRIPT,
    "checks.mjs" is SCRIPT,
    "client.mjs" is SCRIPT,
    "controls.mjs" is SCRIPT,
    "cpu.mjs" is SCRIPT,
    "curve.mjs" is SCRIPT,
    "device.mjs" is SCRIPT,
    "devices.mjs" is SCRIPT,
    "example.mjs" is SCRIPT,
    "features.mjs" is SCRIPT,
    "files.mjs" is SCRIPT,
    "gpu.mjs" is SCRIPT,
    "host.mjs" is SCRIPT,
    "index.html" is HTML,
    "loop.mjs" is SCRIPT,
    "models.mjs" is SCRIPT,
    "npy.mjs" is SCRIPT,
    "paint.mjs" is SCRIPT,
    "ranges.mjs" is SCRIPT,
    "rhohat-gpu.wasm.gz" is GZIP,
    "rhohat.wasm.gz" is GZIP,
    "run.mjs" is SCRIPT,
    "sentinel.mjs" is SCRIPT,
    "settings.mjs" is SCRIPT,
    "sources.mjs" is SCRIPT,
    "style.css" is CSS,
    "tape.mjs" is SCRIPT,
    "wasm.mjs" is SCRIPT,
    "words.mjs" is SCRIPT,
    "worker.mjs" is SCRIPT,
};

/// The file behind the address without a path.
const INDEX: &str = "index.html";

/// The files, each with its compressed form once somebody has asked for it.
pub struct Site(Vec<Served>);

/// A file as it is served.
pub struct Served {
    file: &'static Listed,
    hash: u64,
    compressed: OnceCell<Option<Bytes>>,
}

impl Site {
    /// The site of this build.
    pub fn new() -> Self {
        let served =
            |file: &'static Listed| Served { file, hash: xxh3_64(file.bytes), compressed: OnceCell::new() };
        Self(LISTED.iter().map(served).collect())
    }

    /// The file behind the path of a request, which is compared and not decoded: what is not listed is not there.
    pub fn file(&self, path: &str) -> Option<&Served> {
        let name = path.strip_prefix('/')?;
        let name = if name.is_empty() { INDEX } else { name };
        self.0.iter().find(|served| served.file.path == name)
    }
}

impl Served {
    /// Its media type.
    pub fn media_type(&self) -> &'static str {
        self.file.media_type
    }

    /// Its bytes.
    pub fn bytes(&self) -> Bytes {
        Bytes::from_static(self.file.bytes)
    }

    /// Its bytes in gzip; `None` where they are not fewer.
    pub fn compressed(&self) -> Option<Bytes> {
        self.compressed
            .get_or_init(|| {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(self.file.bytes).ok()?;
                let bytes = encoder.finish().ok()?;
                (bytes.len() < self.file.bytes.len()).then(|| bytes.into())
            })
            .clone()
    }

    /// What tells this content, in this form, from any other.
    pub fn tag(&self, is_compressed: bool) -> String {
        let form = if is_compressed { "-gzip" } else { "" };
        format!("\"{:016x}{form}\"", self.hash)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::path::Path;

    use flate2::read::GzDecoder;

    use super::*;

    /// Files below a folder that a browser may ask for, by their paths: neither what builds others nor what begins with a dot, nor the
    /// list of models that a plain host has none of, in place of which the models of the command line are told.
    fn below(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
            let name = entry.file_name().into_string().unwrap();
            if name.starts_with('.') || name.split('.').next() == Some("build") || name == "models.json" {
                continue;
            }
            match entry.file_type().unwrap().is_dir() {
                true => below(&entry.path(), &format!("{prefix}{name}/"), found),
                false => found.push(format!("{prefix}{name}")),
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_listed_once_and_in_the_archive_of_the_crate() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        below(&root.join("web"), "", &mut found);
        found.sort();
        let mut listed: Vec<&str> = LISTED.iter().map(|file| file.path).collect();
        listed.sort_unstable();
        assert_eq!(listed, found, "list what web/ holds in LISTED");
        let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        for path in listed {
            let (folder, name) = path
                .rsplit_once('/')
                .map_or((String::new(), path), |(folder, name)| (format!("{folder}/"), name));
            let ending = name.rsplit_once('.').unwrap().1;
            let pattern = format!("\"/web/{folder}*.{ending}\"");
            assert!(manifest.contains(&pattern), "{path}: `include` of Cargo.toml lacks {pattern}");
        }
    }

    #[test]
    fn media_types_follow_endings() {
        for Listed { path, media_type, .. } in LISTED {
            let wanted = match path.rsplit_once('.').unwrap().1 {
                "html" => "text/html; charset=utf-8",
                "css" => "text/css; charset=utf-8",
                "mjs" | "js" => "text/javascript; charset=utf-8",
                "gz" => "application/gzip",
                other => panic!("{path}: say here what .{other} is"),
            };
            assert_eq!(*media_type, wanted, "{path}");
        }
    }

    #[test]
    fn only_whole_names_behind_one_slash_lead_to_a_file() {
        let site = Site::new();
        assert_eq!(site.file("/").unwrap().bytes(), site.file("/index.html").unwrap().bytes());
        for path in [
            "",
            "index.html",
            "//index.html",
            "/./index.html",
            "/web/index.html",
            "/index.html/",
            "/INDEX.html",
        ] {
            assert!(site.file(path).is_none(), "{path}");
        }
    }

    #[test]
    fn compressed_files_unfold_to_the_same_bytes_and_tags_tell_forms_apart() {
        for served in Site::new().0 {
            if let Some(bytes) = served.compressed() {
                assert!(bytes.len() < served.file.bytes.len());
                let mut unfolded = Vec::new();
                GzDecoder::new(&bytes[..]).read_to_end(&mut unfolded).unwrap();
                assert!(unfolded == served.file.bytes, "{}", served.file.path);
            }
            assert_ne!(served.tag(true), served.tag(false));
        }
    }
}
