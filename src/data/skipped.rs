//! Files of a folder that are skipped: counted by reason, with the first names.

use std::fmt;
use std::path::Path;

use serde::Serialize;

/// Names that are told of each group.
const NAMES: usize = 3;

/// Files and folders of DATA that are skipped, by what they are. Well-known companions of pictures, which nobody misses, are
/// in no group.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct SkippedFiles {
    /// One for each kind of thing, in the order in which the first of it was met.
    pub groups: Vec<SkippedGroup>,
}

/// Things that are skipped for one reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SkippedGroup {
    /// Their name in the plural: `HEIC pictures`.
    pub what: String,
    /// How many.
    pub count: usize,
    /// The names of the first of them, fit to be printed.
    pub first: Vec<String>,
    #[serde(skip)]
    reason: SkipReason,
}

/// Why something is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// Pictures of a kind that is not read.
    Unsupported(&'static str),
    /// Links that lead nowhere.
    BrokenLink,
    /// Files that could not be opened, and are not named as pictures.
    Unreadable,
    /// Pictures in subfolders, named by these.
    InSubfolder,
    /// Folders, where arrays are looked for.
    Subfolder,
    /// Links to folders, where folders are searched.
    LinkedFolder,
    /// Folders that are too deep to be searched.
    DeepFolder,
    /// Pipes and devices.
    Special,
    /// Files that are no pictures.
    Other,
}

impl SkippedFiles {
    /// Whether nothing is skipped.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// How many things are skipped.
    pub fn count(&self) -> usize {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// How many for one reason.
    pub fn count_of(&self, reason: SkipReason) -> usize {
        self.groups.iter().filter(|group| group.reason == reason).map(|group| group.count).sum()
    }

    /// Files that are no pictures, of which [`SkippedFiles::warning`] says nothing.
    pub fn others(&self) -> Self {
        let is_other = |group: &&SkippedGroup| group.reason == SkipReason::Other;
        Self { groups: self.groups.iter().filter(is_other).cloned().collect() }
    }

    /// Counts `count` things more by the name of `path`.
    pub fn add(&mut self, reason: SkipReason, path: &Path, count: usize) {
        let at = self.groups.iter().position(|group| group.reason == reason).unwrap_or_else(|| {
            self.groups.push(SkippedGroup { what: reason.words(2), count: 0, first: Vec::new(), reason });
            self.groups.len() - 1
        });
        let group = &mut self.groups[at];
        group.count += count;
        if group.first.len() < NAMES {
            group.first.push(printable(path));
        }
    }

    /// Counts what was skipped elsewhere, too.
    pub fn add_all(&mut self, others: &Self) {
        for other in &others.groups {
            match self.groups.iter_mut().find(|group| group.reason == other.reason) {
                Some(group) => {
                    group.count += other.count;
                    let room = NAMES.saturating_sub(group.first.len());
                    group.first.extend(other.first.iter().take(room).cloned());
                }
                None => self.groups.push(other.clone()),
            }
        }
    }

    /// The files that somebody may miss, with the remedies; `None` where there are none.
    pub fn warning(&self) -> Option<String> {
        let missed: Vec<&SkippedGroup> =
            self.groups.iter().filter(|group| group.reason != SkipReason::Other).collect();
        let mut remedies: Vec<&str> = Vec::new();
        for group in &missed {
            let remedy = group.reason.remedy();
            if !remedies.contains(&remedy) {
                remedies.push(remedy);
            }
        }
        let list = missed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        (!missed.is_empty()).then(|| format!("left out: {list}; {}", remedies.join("; ")))
    }
}

impl SkipReason {
    fn words(self, count: usize) -> String {
        let one = count == 1;
        match self {
            Self::Unsupported(kind) if one => format!("{kind} picture"),
            Self::Unsupported(kind) => format!("{kind} pictures"),
            Self::BrokenLink if one => "broken link".to_owned(),
            Self::BrokenLink => "broken links".to_owned(),
            Self::Unreadable if one => "unreadable file".to_owned(),
            Self::Unreadable => "unreadable files".to_owned(),
            Self::InSubfolder if one => "picture in subfolders".to_owned(),
            Self::InSubfolder => "pictures in subfolders".to_owned(),
            Self::Subfolder if one => "subfolder".to_owned(),
            Self::Subfolder => "subfolders".to_owned(),
            Self::DeepFolder if one => "folder below the sixteenth level".to_owned(),
            Self::DeepFolder => "folders below the sixteenth level".to_owned(),
            Self::LinkedFolder if one => "link to a folder".to_owned(),
            Self::LinkedFolder => "links to folders".to_owned(),
            Self::Special if one => "pipe or device".to_owned(),
            Self::Special => "pipes and devices".to_owned(),
            Self::Other if one => "other file".to_owned(),
            Self::Other => "other files".to_owned(),
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Unsupported(_) => "convert to PNG what is to be learned from",
            Self::BrokenLink => "mend the links (git annex get, for example) or remove them",
            Self::Unreadable => "allow them to be read, or remove them",
            Self::InSubfolder | Self::Subfolder => {
                "subfolders are not searched: say `recursive`, or give one of them"
            }
            Self::LinkedFolder => {
                "links to folders are not followed: give what they lead to, or move it here"
            }
            Self::DeepFolder => "none so deep is searched: give one of them",
            Self::Special | Self::Other => "only files are read",
        }
    }
}

impl fmt::Display for SkippedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.count > self.first.len() && self.reason != SkipReason::InSubfolder {
            ", …"
        } else {
            ""
        };
        write!(f, "{} {} ({}{more})", self.count, self.reason.words(self.count), self.first.join(", "))
    }
}

impl fmt::Display for SkippedFiles {
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
