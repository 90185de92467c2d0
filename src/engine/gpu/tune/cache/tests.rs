//! A cache that is kept, outdated, damaged, shared and refused.

use std::{fs, thread};

use super::place::{FILE, LOCK};
use super::*;
use crate::math::transpose::Transpose;
use tempfile::tempdir;

fn entry(change: impl FnOnce(&mut Key)) -> CachedRace {
    let platform = Platform {
        adapter: "a card".to_owned(),
        backend: "vulkan".to_owned(),
        driver: "driver 1.0".to_owned(),
        rhohat: "0.1.0".to_owned(),
        kernels: "00ff".to_owned(),
    };
    let mut key = Key { platform, visible: 64, hidden: 25, rows: 1000 };
    change(&mut key);
    let milliseconds = BTreeMap::from([("NT direct/buffers".to_owned(), 0.5)]);
    CachedRace { key, variant: Variant::PLAIN, milliseconds }
}

#[test]
fn what_was_kept_is_found_under_its_key_alone() {
    let folder = tempdir().unwrap();
    let cache = Cache::at(&folder.path().join("made/when/needed"));
    let kept = entry(|_| ());
    assert_eq!(cache.find(&kept.key), None);
    cache.keep(kept.clone());
    assert_eq!(cache.find(&kept.key), Some(kept));
    let changes: [fn(&mut Key); 8] = [
        |key| key.platform.adapter += "!",
        |key| key.platform.backend += "!",
        |key| key.platform.driver += "!",
        |key| key.platform.rhohat += "!",
        |key| key.platform.kernels += "!",
        |key| key.visible += 1,
        |key| key.hidden += 1,
        |key| key.rows += 1,
    ];
    for change in changes {
        assert_eq!(cache.find(&entry(change).key), None);
    }
}

#[test]
fn an_entry_replaces_its_like_and_what_another_driver_or_program_has_left() {
    let folder = tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let others: [fn(&mut Key); 4] = [
        |key| key.rows += 1,
        |key| key.platform.adapter += "!",
        |key| key.platform.driver += "!",
        |key| key.platform.kernels += "!",
    ];
    let kept: Vec<CachedRace> = others.into_iter().map(entry).collect();
    // The last two outdate what came before them of the same card.
    kept.iter().rev().for_each(|entry| cache.keep(entry.clone()));
    let variant = "tiled+direct+tiled/buffers".parse().unwrap();
    let newest = CachedRace { variant, ..entry(|_| ()) };
    cache.keep(entry(|_| ()));
    cache.keep(newest.clone());
    assert_eq!(cache.entries(), [kept[1].clone(), kept[0].clone(), newest].map(Entry::Race));
}

/// A check of a kernel of A·Bᵀ for work in so many blocks.
fn check(change: impl FnOnce(&mut Platform), blocks: usize) -> PassedCheck {
    let mut platform = entry(|_| ()).key.platform;
    change(&mut platform);
    PassedCheck::of(&platform, Candidate::of(Variant::PLAIN, Transpose::Nt), blocks)
}

#[test]
fn a_passed_check_holds_for_its_kernel_and_platform_and_for_no_more_blocks_than_were_checked() {
    let folder = tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let (whole, in_blocks) = (check(|_| (), 1), check(|_| (), 2));
    assert!(!cache.has_passed(&whole));
    cache.keep_passed([whole.clone()]);
    assert!(cache.has_passed(&whole) && !cache.has_passed(&in_blocks));
    cache.keep_passed([in_blocks.clone()]);
    assert!(cache.has_passed(&whole) && cache.has_passed(&in_blocks));
    assert_eq!(cache.entries(), [Entry::Check(in_blocks)], "it says all that the other did");
    let other = Candidate::of(Variant::PLAIN, Transpose::Nn);
    assert!(!cache.has_passed(&PassedCheck::of(&whole.platform, other, 1)));
    let changes: [fn(&mut Platform); 5] = [
        |platform| platform.adapter += "!",
        |platform| platform.backend += "!",
        |platform| platform.driver += "!",
        |platform| platform.rhohat += "!",
        |platform| platform.kernels += "!",
    ];
    for change in changes {
        assert!(!cache.has_passed(&check(change, 1)));
    }
}

#[test]
fn races_and_checks_stay_beside_one_another_until_another_driver_or_program_outdates_both() {
    let folder = tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let (race, passed) = (entry(|_| ()), check(|_| (), 1));
    cache.keep(race.clone());
    cache.keep_passed([passed.clone()]);
    cache.keep(race.clone());
    assert_eq!(cache.find(&race.key), Some(race.clone()));
    assert!(cache.has_passed(&passed));
    let newer = check(|platform| platform.driver += "!", 1);
    cache.keep_passed([newer.clone()]);
    assert_eq!(cache.entries(), [Entry::Check(newer)]);
}

#[test]
fn a_file_of_races_alone_is_read() {
    let folder = tempdir().unwrap();
    let text = r#"[{"adapter": "a card", "backend": "vulkan", "driver": "driver 1.0", "rhohat": "0.1.0",
        "kernels": "00ff", "visible": 64, "hidden": 25, "rows": 1000, "variant": "direct/buffers",
        "milliseconds": {"NT direct/buffers": 0.5}}]"#;
    fs::write(folder.path().join(FILE), text).unwrap();
    let known = entry(|_| ());
    assert_eq!(Cache::at(folder.path()).find(&known.key), Some(known));
}

#[test]
fn the_oldest_go_when_there_are_too_many() {
    let folder = tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let many: Vec<CachedRace> = (0..MOST).map(|rows| entry(|key| key.rows = rows)).collect();
    let listed: Vec<Entry> = many.iter().cloned().map(Entry::Race).collect();
    cache.place.as_ref().unwrap().keep(listed);
    cache.keep(entry(|key| key.rows = MOST));
    assert_eq!(cache.entries().len(), MOST);
    assert_eq!((cache.find(&many[0].key), cache.find(&many[1].key).is_some()), (None, true));
}

#[test]
fn a_broken_file_holds_nothing_and_is_replaced() {
    let folder = tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let kept = entry(|_| ());
    for text in ["", "{", "[{}]", "[1]", "\u{0}\u{1}"] {
        fs::write(folder.path().join("kernels.json"), text).unwrap();
        assert_eq!(cache.find(&kept.key), None, "{text:?}");
        cache.keep(kept.clone());
        assert_eq!(cache.find(&kept.key), Some(kept.clone()), "{text:?}");
    }
    let unknown = serde_json::to_string(&[&kept]).unwrap().replace("direct/buffers\"}", "fast/buffers\"}");
    let unknown = unknown.replace("\"variant\":\"direct", "\"variant\":\"fast");
    fs::write(folder.path().join("kernels.json"), unknown).unwrap();
    assert_eq!(cache.find(&kept.key), None);
}

#[test]
fn programs_that_keep_at_once_lose_nothing() {
    let folder = tempdir().unwrap();
    let cache = Cache::at(folder.path());
    thread::scope(|scope| {
        for rows in 0..20 {
            let cache = &cache;
            scope.spawn(move || cache.keep(entry(|key| key.rows = rows)));
        }
    });
    assert_eq!(cache.entries().len(), 20);
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_link_in_the_place_of_the_cache_is_never_waited_for_nor_written_through() {
    for file in [FILE, LOCK] {
        let folder = tempdir().unwrap();
        let cache = Cache::at(&folder.path().join("cache"));
        fs::create_dir(folder.path().join("cache")).unwrap();
        let mine = folder.path().join("mine");
        fs::write(&mine, "precious").unwrap();
        std::os::unix::fs::symlink(&mine, folder.path().join("cache").join(file)).unwrap();
        assert_eq!(cache.find(&entry(|_| ()).key), None);
        cache.keep(entry(|_| ()));
        assert!(cache.find(&entry(|_| ()).key).is_some(), "{file}");
        assert_eq!(fs::read_to_string(&mine).unwrap(), "precious");
    }
}

#[test]
fn a_folder_that_cannot_be_written_loses_the_entry_and_nothing_else() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let cache = Cache::at(&file);
    cache.keep(entry(|_| ()));
    assert_eq!(cache.find(&entry(|_| ()).key), None);
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
}
