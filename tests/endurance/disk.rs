//! A disk that may lose its power: what POSIX promises of it and no more. The content of a file is safe once the file was
//! synced, a name once its folder was; of what was done since, any part may be there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use rhohat::math::random::Stream;

use super::strace::Call;

/// A file or a folder.
#[derive(Clone, Debug)]
enum Node {
    /// Its content as it is safe, and as it is.
    File(Vec<u8>, Vec<u8>),
    /// Its names as they are safe, and as they are.
    Folder(BTreeMap<String, usize>, BTreeMap<String, usize>),
}

/// A change of names that is not safe yet.
#[derive(Clone, Debug)]
enum Change {
    Add { folder: usize, name: String, node: usize },
    Remove { folder: usize, name: String },
    Move { from: (usize, String), to: (usize, String), node: usize },
}

impl Change {
    fn folders(&self) -> [usize; 2] {
        match self {
            Self::Add { folder, .. } | Self::Remove { folder, .. } => [*folder; 2],
            Self::Move { from, to, .. } => [from.0, to.0],
        }
    }
}

/// The names of a folder as they are safe.
fn safe_names(nodes: &mut [Node], folder: usize) -> &mut BTreeMap<String, usize> {
    match &mut nodes[folder] {
        Node::Folder(safe, _) => safe,
        Node::File(..) => unreachable!("only folders have names"),
    }
}

/// The disk below a folder.
#[derive(Clone, Debug)]
pub struct Disk {
    root: PathBuf,
    nodes: Vec<Node>,
    pending: Vec<Change>,
}

impl Disk {
    /// All that lies in a folder now, which is safe.
    pub fn load(root: &Path) -> Self {
        let mut disk = Self { root: root.to_owned(), nodes: Vec::new(), pending: Vec::new() };
        disk.load_node(root);
        disk
    }

    fn load_node(&mut self, path: &Path) -> usize {
        let number = self.nodes.len();
        if path.is_file() {
            let bytes = fs::read(path).unwrap();
            self.nodes.push(Node::File(bytes.clone(), bytes));
            return number;
        }
        self.nodes.push(Node::Folder(BTreeMap::new(), BTreeMap::new()));
        let mut names = BTreeMap::new();
        for entry in fs::read_dir(path).unwrap().map(Result::unwrap) {
            names.insert(entry.file_name().into_string().unwrap(), self.load_node(&entry.path()));
        }
        self.nodes[number] = Node::Folder(names.clone(), names);
        number
    }

    fn names(&mut self, folder: usize) -> &mut BTreeMap<String, usize> {
        match &mut self.nodes[folder] {
            Node::Folder(_, names) => names,
            Node::File(..) => panic!("a file is no folder"),
        }
    }

    /// What is at a path now.
    fn find(&self, path: &Path) -> Option<usize> {
        let below = path.strip_prefix(&self.root).ok()?;
        below.components().try_fold(0, |folder, component| match (&self.nodes[folder], component) {
            (Node::Folder(_, names), Component::Normal(name)) => names.get(name.to_str()?).copied(),
            _ => None,
        })
    }

    /// The folder of a path, and the name in it.
    fn place(&self, path: &Path) -> (usize, String) {
        let folder = self.find(path.parent().unwrap()).unwrap_or_else(|| panic!("no {}", path.display()));
        (folder, path.file_name().unwrap().to_str().unwrap().to_owned())
    }

    /// The content of a file now.
    pub fn read(&self, path: &Path) -> Option<&[u8]> {
        match &self.nodes[self.find(path)?] {
            Node::File(_, now) => Some(now),
            Node::Folder(..) => None,
        }
    }

    /// Does what the program did.
    pub fn apply(&mut self, call: &Call) {
        match call {
            Call::Create(path) if self.find(path).is_some() => {}
            Call::Create(path) => self.add(path, Node::File(Vec::new(), Vec::new())),
            Call::Make(path) => self.add(path, Node::Folder(BTreeMap::new(), BTreeMap::new())),
            Call::Truncate(path, length) => self.change(path, |now| now.resize(*length, 0)),
            Call::Write(path, at, bytes) => self.change(path, |now| {
                let at = at.unwrap_or(now.len());
                now.resize(now.len().max(at + bytes.len()), 0);
                now[at..at + bytes.len()].copy_from_slice(bytes);
            }),
            Call::Sync(path) => self.sync(path),
            Call::Rename(from, to) => {
                let Some(node) = self.find(from) else { panic!("no {}", from.display()) };
                let (from, to) = (self.place(from), self.place(to));
                self.names(from.0).remove(&from.1);
                self.names(to.0).insert(to.1.clone(), node);
                self.pending.push(Change::Move { from, to, node });
            }
            Call::Remove(path) => {
                let (folder, name) = self.place(path);
                self.names(folder).remove(&name);
                self.pending.push(Change::Remove { folder, name });
            }
        }
    }

    fn add(&mut self, path: &Path, node: Node) {
        let (folder, name) = self.place(path);
        let number = self.nodes.len();
        self.nodes.push(node);
        self.names(folder).insert(name.clone(), number);
        self.pending.push(Change::Add { folder, name, node: number });
    }

    /// Changes the content of a file that still has a name.
    fn change(&mut self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(node) = self.find(path)
            && let Node::File(_, now) = &mut self.nodes[node]
        {
            change(now);
        }
    }

    fn sync(&mut self, path: &Path) {
        let Some(node) = self.find(path) else { return };
        match &mut self.nodes[node] {
            Node::File(safe, now) => safe.clone_from(now),
            Node::Folder(..) => {
                // With what has to come before in the folders that things were moved from.
                let (mut needed, mut safe) = (vec![node], vec![false; self.pending.len()]);
                for (change, safe) in self.pending.iter().zip(&mut safe).rev() {
                    if change.folders().iter().any(|folder| needed.contains(folder)) {
                        *safe = true;
                        needed.extend(change.folders());
                    }
                }
                self.keep(&safe);
            }
        }
    }

    /// Makes some of the changes of names safe, in order.
    fn keep(&mut self, safe: &[bool]) {
        let pending = std::mem::take(&mut self.pending);
        for (change, safe) in pending.into_iter().zip(safe) {
            if !safe {
                self.pending.push(change);
                continue;
            }
            match change {
                Change::Add { folder, name, node } => {
                    _ = safe_names(&mut self.nodes, folder).insert(name, node)
                }
                Change::Remove { folder, name } => _ = safe_names(&mut self.nodes, folder).remove(&name),
                Change::Move { from, to, node } => {
                    safe_names(&mut self.nodes, from.0).remove(&from.1);
                    safe_names(&mut self.nodes, to.0).insert(to.1, node);
                }
            }
        }
    }

    /// What may be there when the power comes back, in a folder of its own: `name` of the root as `to`. Whether that is
    /// there at all.
    pub fn crash(&self, stream: &mut Stream, name: &str, to: &Path) -> bool {
        let mut disk = self.clone();
        let count = self.pending.len();
        let safe: Vec<bool> = match stream.below(4) {
            0 => vec![false; count],
            1 => vec![true; count],
            2 => {
                let first = stream.below(1 + count as u64) as usize;
                (0..count).map(|number| number < first).collect()
            }
            // In each folder its own first changes; what moves needs both.
            _ => {
                let mut left: BTreeMap<usize, u64> = BTreeMap::new();
                for folder in self.pending.iter().flat_map(Change::folders) {
                    *left.entry(folder).or_default() += 1;
                }
                left.values_mut().for_each(|count| *count = stream.below(1 + *count));
                let take = |change: &Change| {
                    let [a, b] = change.folders();
                    let both = left[&a] > 0 && left[&b] > 0;
                    // Nothing comes after what is missing.
                    [a, b].into_iter().for_each(|folder| {
                        let count = left.get_mut(&folder).expect("it was counted");
                        *count = if both { count.saturating_sub(1) } else { 0 };
                    });
                    both
                };
                self.pending.iter().map(take).collect()
            }
        };
        disk.keep(&safe);
        let Node::Folder(names, _) = &disk.nodes[0] else { unreachable!("the root is a folder") };
        names.get(name).is_some_and(|&node| {
            disk.write(node, to, stream);
            true
        })
    }

    /// What is safe of a node, and of the content that is not any part.
    fn write(&self, node: usize, to: &Path, stream: &mut Stream) {
        match &self.nodes[node] {
            Node::Folder(names, _) => {
                fs::create_dir(to).unwrap();
                names.iter().for_each(|(name, node)| self.write(*node, &to.join(name), stream));
            }
            Node::File(safe, now) if safe == now => fs::write(to, now).unwrap(),
            Node::File(safe, now) => {
                // What is safe and was not written over stays.
                let common = safe.iter().zip(now).take_while(|(a, b)| a == b).count();
                let content = match stream.below(4) {
                    0 => safe.clone(),
                    1 => now.clone(),
                    2 => now[..common + stream.below(1 + (now.len() - common) as u64) as usize].to_vec(),
                    // The length is there, the blocks are not.
                    _ => {
                        let mut content = now[..common].to_vec();
                        content.resize(now.len(), 0);
                        content
                    }
                };
                fs::write(to, content).unwrap();
            }
        }
    }
}
