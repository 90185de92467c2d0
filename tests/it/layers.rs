//! The layers of the house: imports go down, and no circle of imports has more than [`LONGEST_CIRCLE`] files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Modules of the crate's root, the lowest layer first.
const LAYERS: [&[&str]; 10] = [
    &["error"],
    &["io"],
    &["math"],
    &["data"],
    &["engine"],
    &["train"],
    &["run"],
    &["verify"],
    &["api", "bench"],
    &["cli"],
];
/// Files that may know one another.
const LONGEST_CIRCLE: usize = 4;
/// Circles that came while nothing held them up, to be cut: a file of each, and how many it has. They may not grow.
const TO_BE_CUT: [(&str, usize); 2] = [("run::config", 6), ("engine::gpu::kernel", 10)];

/// Source files by the path of their module, without comments, texts and tests.
struct Sources(BTreeMap<String, String>);

impl Sources {
    fn of_the_crate() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = BTreeMap::new();
        collect(&root, "", &mut found);
        found.remove("main");
        let lib = found.remove("lib").expect("a library");
        found.insert(String::new(), lib);
        Self(found)
    }

    /// The file that a path names something in, and the rest of the path: `engine::cpu::Cpu` is `Cpu` of `engine::cpu`.
    fn file_of<'a>(&self, path: &'a str) -> (&'a str, &'a str) {
        let mut at = path.len();
        loop {
            let (file, rest) = (&path[..at], path[at..].trim_start_matches("::"));
            if self.0.contains_key(file) {
                return (file, rest);
            }
            at = path[..at].rfind("::").unwrap_or(0);
        }
    }

    /// The file in which the item at `path` is defined, through the re-exports on its way.
    fn defines(&self, path: &str) -> String {
        let (file, rest) = self.file_of(path);
        let name = rest.split("::").next().unwrap_or_default();
        let exported = imports(&self.0[file]).into_iter().filter(|import| import.public);
        let targets = exported.filter_map(|import| absolute(self, file, &import.path));
        for target in targets {
            if target == path {
                continue;
            }
            if let Some(all) = target.strip_suffix("::*") {
                if defined(&self.0[self.file_of(all).0], name) {
                    return all.to_owned();
                }
            } else if !name.is_empty() && target.rsplit("::").next() == Some(name) {
                return self.defines(&target);
            }
        }
        file.to_owned()
    }

    /// Every file that `file` takes something from.
    fn uses(&self, file: &str) -> BTreeSet<String> {
        let text = &self.0[file];
        let body = without_imports(text);
        let imported = imports(text).into_iter().filter(|import| {
            // A name that is only passed on is no use of it.
            let name = import.path.rsplit("::").next().unwrap_or_default();
            !import.public || words(&body).any(|word| word == name)
        });
        let inline = paths(&body);
        imported
            .map(|import| import.path)
            .chain(inline)
            .filter_map(|path| absolute(self, file, &path))
            .map(|path| self.defines(&path))
            .filter(|used| used != file && !used.is_empty())
            .collect()
    }
}

fn collect(folder: &Path, module: &str, found: &mut BTreeMap<String, String>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let name = if module.is_empty() { stem.to_owned() } else { format!("{module}::{stem}") };
        if path.is_dir() {
            collect(&path, &name, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.insert(name, code(&fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The text of a file up to its tests, without comments and the contents of texts.
fn code(text: &str) -> String {
    let end = ["#[cfg(test)]", "#[cfg(all(test"].iter().filter_map(|tests| text.find(tests)).min();
    let text = &text[..end.unwrap_or(text.len())];
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let mut code = String::new();
    for line in lines {
        code.extend(line.split('"').step_by(2));
        code.push('\n');
    }
    code
}

/// One name that a `use` brings in.
struct Import {
    path: String,
    public: bool,
}

/// The names of all `use` declarations.
fn imports(text: &str) -> Vec<Import> {
    let mut found = Vec::new();
    for (start, statement) in declarations(text) {
        let public = text[..start].trim_end().ends_with([')', 'b']) && is_public(&text[..start]);
        let statement = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        expand("", &statement, &mut |path| found.push(Import { path: path.to_owned(), public }));
    }
    found
}

fn is_public(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default().trim();
    line.starts_with("pub")
}

/// Where each `use` begins, and what it says up to the semicolon.
fn declarations(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("use ") {
        let start = from + at;
        let line = text[..start].rsplit('\n').next().unwrap_or_default().trim();
        let end = start + text[start..].find(';').unwrap_or(0);
        if (line.is_empty() || line.starts_with("pub")) && end > start {
            found.push((start, &text[start + 4..end]));
        }
        from = start + 4;
    }
    found
}

fn without_imports(text: &str) -> String {
    let mut body = text.to_owned();
    for (start, statement) in declarations(text).into_iter().rev() {
        body.replace_range(start..start + 4 + statement.len(), "");
    }
    body
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn expand(before: &str, text: &str, each: &mut dyn FnMut(&str)) {
    let Some((head, list)) = text.split_once('{') else {
        let name = text.split(" as ").next().unwrap_or_default().trim();
        return each(format!("{before}{name}").trim_end_matches("::self"));
    };
    let before = format!("{before}{}", head.trim());
    let (mut depth, mut start) = (0, 0);
    let list = &list[..list.rfind('}').unwrap_or(list.len())];
    for (at, c) in list.char_indices().chain([(list.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = list[start..at].trim();
                if !part.is_empty() {
                    expand(&before, part, each);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// A path from the crate's root; `None` for other crates.
fn absolute(sources: &Sources, file: &str, path: &str) -> Option<String> {
    let join = |module: &str, rest: &str| {
        if module.is_empty() { rest.to_owned() } else { format!("{module}::{rest}") }
    };
    let (head, rest) = path.split_once("::").unwrap_or((path, ""));
    match head {
        "crate" => Some(rest.to_owned()),
        "self" => Some(join(file, rest)),
        "super" => {
            let parent = file.rsplit_once("::").map_or("", |(parent, _)| parent);
            match rest.strip_prefix("super::") {
                Some(rest) => absolute(sources, parent, &format!("super::{rest}")),
                None => Some(join(parent, rest)),
            }
        }
        _ => sources.0.contains_key(&join(file, head)).then(|| join(file, path)),
    }
}

/// Whether a file defines an item of this name.
fn defined(text: &str, name: &str) -> bool {
    ["fn", "struct", "enum", "trait", "const", "static", "type"].iter().any(|kind| {
        let definition = format!("{kind} {name}");
        text.match_indices(&definition).any(|(at, _)| {
            let after = text[at + definition.len()..].chars().next().unwrap_or(' ');
            !(after.is_alphanumeric() || after == '_')
        })
    })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
}

/// Every path of two names and more.
fn paths(text: &str) -> Vec<String> {
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let parts = text.split(|c: char| !inside(c)).map(|part| part.trim_matches(':'));
    parts.filter(|part| part.contains("::")).map(str::to_owned).collect()
}

fn layer(module: &str) -> usize {
    let top = module.split("::").next().unwrap_or_default();
    let found = LAYERS.iter().position(|layer| layer.contains(&top));
    found.unwrap_or_else(|| panic!("`{top}` has no layer: name it in LAYERS"))
}

/// Groups of files in which each leads to each, by Tarjan's algorithm.
fn circles(edges: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    #[derive(Default)]
    struct State {
        index: BTreeMap<String, (usize, usize)>,
        stack: Vec<String>,
        found: Vec<Vec<String>>,
    }
    fn visit(node: &str, edges: &BTreeMap<String, BTreeSet<String>>, state: &mut State) -> usize {
        let number = state.index.len();
        state.index.insert(node.to_owned(), (number, number));
        state.stack.push(node.to_owned());
        for next in edges.get(node).into_iter().flatten() {
            let low = match state.index.get(next) {
                None => visit(next, edges, state),
                Some(&(number, _)) if state.stack.contains(next) => number,
                Some(_) => continue,
            };
            let own = &mut state.index.get_mut(node).unwrap().1;
            *own = (*own).min(low);
        }
        let low = state.index[node].1;
        if low == number {
            let at = state.stack.iter().position(|known| known == node).unwrap();
            state.found.push(state.stack.split_off(at));
        }
        low
    }
    let mut state = State::default();
    for node in edges.keys() {
        if !state.index.contains_key(node) {
            visit(node, edges, &mut state);
        }
    }
    state.found
}

#[test]
fn imports_go_down_the_layers() {
    let sources = Sources::of_the_crate();
    let mut upward = Vec::new();
    for file in sources.0.keys().filter(|file| !file.is_empty()) {
        for used in sources.uses(file) {
            let (own, its) = (layer(file), layer(&used));
            let is_same_module = file.split("::").next() == used.split("::").next();
            if its > own || its == own && !is_same_module {
                upward.push(format!("{file} imports {used}"));
            }
        }
    }
    assert!(upward.is_empty(), "{}", upward.join("\n"));
}

#[test]
fn no_circle_of_imports_is_longer_than_four_files() {
    let sources = Sources::of_the_crate();
    let edges: BTreeMap<_, _> = sources.0.keys().map(|file| (file.clone(), sources.uses(file))).collect();
    let allowed = |group: &Vec<String>| {
        let known = TO_BE_CUT.iter().find(|(file, _)| group.iter().any(|other| other == file));
        known.map_or(LONGEST_CIRCLE, |(_, files)| *files)
    };
    let mut long: Vec<_> = circles(&edges).into_iter().filter(|group| group.len() > allowed(group)).collect();
    long.sort_by_key(Vec::len);
    let told: Vec<_> = long.iter().map(|group| format!("{}: {}", group.len(), group.join(" "))).collect();
    assert!(long.is_empty(), "{}", told.join("\n"));
}

#[test]
fn every_file_of_the_tests_is_a_module_of_a_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let mut found = BTreeMap::new();
    collect(&folder, "", &mut found);
    assert!(found.len() > 50, "{}", found.len());
    for path in found.keys().filter(|path| !["", "main"].contains(&path.as_str())) {
        let (parent, name) = path.rsplit_once("::").unwrap_or(("main", path));
        let text = found.get(parent).map_or("", String::as_str);
        let is_declared =
            text.lines().any(|line| line.trim_end_matches(';').ends_with(&format!("mod {name}")));
        assert!(is_declared, "{path}: no module of {parent}, so that its tests never run");
    }
}

#[test]
fn imports_are_read_through_lists_parents_and_re_exports() {
    let files = [
        ("", "pub mod a; pub mod b;"),
        ("a", "mod x;\nmod y;\npub use x::Item;\npub use y::*;\n"),
        ("a::x", "use super::{y::Other, Item as Renamed};\npub struct Item;"),
        ("a::y", "pub struct Other;\nfn f() { crate::b::deep::g(); }"),
        ("b", "use crate::a::{self, Item};\nuse std::fs;\n"),
        ("b::deep", "use crate::{a::Other};\nuse super::super::a::x;"),
    ];
    let sources = Sources(files.map(|(file, text)| (file.to_owned(), code(text))).into());
    let uses = |file: &str| sources.uses(file).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(uses("a"), "", "what is passed on is not used");
    assert_eq!(uses("a::x"), "a::y");
    assert_eq!(uses("a::y"), "b::deep");
    assert_eq!(uses("b"), "a a::x");
    assert_eq!(uses("b::deep"), "a::x a::y");
}

#[test]
fn circles_are_found() {
    let edges = |list: &[(&str, &[&str])]| {
        let edge = |(from, to): &(&str, &[&str])| {
            ((*from).to_owned(), to.iter().map(|&to| to.to_owned()).collect::<BTreeSet<_>>())
        };
        list.iter().map(edge).collect::<BTreeMap<_, _>>()
    };
    let found =
        circles(&edges(&[("a", &["b"]), ("b", &["c"]), ("c", &["a", "d"]), ("d", &["d"]), ("e", &["a"])]));
    let mut sizes: Vec<_> = found.iter().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 1, 3]);
}
