//! Temporary files of a program that ends without unwinding; alone here, since all those of this process go.

use std::fs;

use rhohat::io::atomic_write::{remove_temporaries, write};
use tempfile::tempdir;

#[test]
fn a_program_that_is_told_to_end_takes_its_temporary_files_with_it() {
    let folder = tempdir().unwrap();
    let count = || fs::read_dir(folder.path()).unwrap().count();
    let error = write(&folder.path().join("codes.npy"), |out| {
        out.write_all(b"half")?;
        assert_eq!(count(), 1);
        remove_temporaries();
        assert_eq!(count(), 0);
        Ok(())
    });
    assert_eq!((error.unwrap_err().exit_code(), count()), (6, 0));
}
