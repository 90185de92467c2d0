//! What of a folder was not taken: counted, with the first names.

use std::fmt;
use std::path::Path;

use serde::Serialize;

/// Names that are told of each group.
const NAMES: usize = 3;

/// Files and folders that DATA holds and that were not taken, by what they are. Well-known companions of pictures, which
/// nobody misses, are in no group.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct LeftOut {
    /// One for each kind of thing, in the order in which the first of it was met.
    pub groups: Vec<Group>,
}

/// Things of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// What they are, in the plural: `HEIC pictures`.
    pub what: String,
    /// How many.
    pub count: usize,
    /// The names of the first of them, fit to be printed.
    pub first: Vec<String>,
    #[serde(skip)]
    kind: What,
}

/// Kinds of things that are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Pictures of a kind that is not read.
    Foreign(&'static str),
    /// Links that lead nowhere.
    BrokenLink,
    /// Files that could not be opened, and are not named as pictures.
    Unreadable,
    /// Pictures in subfolders, named by these.
    InSubfolder,
    /// Folders, where arrays are looked for.
    Subfolder,
    /// Pipes and devices.
    Special,
    /// Files that are no pictures.
    Other,
}

impl LeftOut {
    /// Whether nothing was left out.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// How many were.
    pub fn count(&self) -> usize {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// How many of a kind.
    pub fn count_of(&self, kind: What) -> usize {
        self.groups.iter().filter(|group| group.kind == kind).map(|group| group.count).sum()
    }

    /// Files that are no pictures, of which [`LeftOut::warning`] says nothing.
    pub fn others(&self) -> Self {
        let is_other = |group: &&Group| group.kind == What::Other;
        Self { groups: self.groups.iter().filter(is_other).cloned().collect() }
    }

    /// Counts `count` things more by the name of `path`.
    pub fn add(&mut self, kind: What, path: &Path, count: usize) {
        let at = self.groups.iter().position(|group| group.kind == kind).unwrap_or_else(|| {
            self.groups.push(Group { what: kind.words(2), count: 0, first: Vec::new(), kind });
            self.groups.len() - 1
        });
        let group = &mut self.groups[at];
        group.count += count;
        if group.first.len() < NAMES {
            group.first.push(printable(path));
        }
    }

    /// What somebody may miss, and what to do about it; `None` where there is nothing of that sort.
    pub fn warning(&self) -> Option<String> {
        let missed: Vec<&Group> = self.groups.iter().filter(|group| group.kind != What::Other).collect();
        let mut remedies: Vec<&str> = Vec::new();
        for group in &missed {
            let remedy = group.kind.remedy();
            if !remedies.contains(&remedy) {
                remedies.push(remedy);
            }
        }
        let list = missed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        (!missed.is_empty()).then(|| format!("left out: {list}; {}", remedies.join("; ")))
    }
}

impl What {
    fn words(self, count: usize) -> String {
        let one = count == 1;
        match self {
            Self::Foreign(kind) if one => format!("{kind} picture"),
            Self::Foreign(kind) => format!("{kind} pictures"),
            Self::BrokenLink if one => "broken link".to_owned(),
            Self::BrokenLink => "broken links".to_owned(),
            Self::Unreadable if one => "unreadable file".to_owned(),
            Self::Unreadable => "unreadable files".to_owned(),
            Self::InSubfolder if one => "picture in subfolders".to_owned(),
            Self::InSubfolder => "pictures in subfolders".to_owned(),
            Self::Subfolder if one => "subfolder".to_owned(),
            Self::Subfolder => "subfolders".to_owned(),
            Self::Special if one => "pipe or device".to_owned(),
            Self::Special => "pipes and devices".to_owned(),
            Self::Other if one => "other file".to_owned(),
            Self::Other => "other files".to_owned(),
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Foreign(_) => "convert to PNG what is to be learned from",
            Self::BrokenLink => "mend the links (git annex get, for example) or remove them",
            Self::Unreadable => "allow them to be read, or remove them",
            Self::InSubfolder => {
                "subfolders are not searched: give one of them, or put links to all pictures into one folder"
            }
            Self::Subfolder => "subfolders are not searched: give one of them",
            Self::Special | Self::Other => "only files are read",
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.count > self.first.len() && self.kind != What::InSubfolder { ", …" } else { "" };
        write!(f, "{} {} ({}{more})", self.count, self.kind.words(self.count), self.first.join(", "))
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<String> = self.groups.iter().map(ToString::to_string).collect();
        f.write_str(&groups.join(", "))
    }
}

/// The last part of a path without control characters.
fn printable(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let plain = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    name.chars().take(200).map(plain).collect()
}
