//! Replaces a file's text: whole or not at all, with the old text kept beside it.
//!
//! # Invariants
//! - Where the folder takes files, the new text is written and flushed under another name and then renamed: a reader
//!   sees the old text or the new one, and `NAME.old` holds the old one.
//! - Where it does not, or where the file itself is a mount, the text is written in place; when that fails half way,
//!   the old text is put back.
//! - Owner and permissions stay. A link is followed: what it names is replaced, not the link.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Permissions of a file that was not there: the owner's and the group's, it may hold a licence.
const NEW_FILE: u32 = 0o640;

/// Gives the file this text.
///
/// # Errors
/// When neither way of writing works; the file is then as it was.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match by_rename(&path, text) {
        Err(error) if path.exists() && in_place_may_work(&error) => in_place(&path, text),
        outcome => outcome,
    }
}

/// Whether files can be made in the folder.
pub(super) fn takes_new_files(folder: &Path) -> bool {
    let probe = folder.join(format!(".openagent-probe-{}", std::process::id()));
    let made = OpenOptions::new().write(true).create_new(true).open(&probe).is_ok();
    if made {
        let _ = fs::remove_file(&probe);
    }
    made
}

fn by_rename(path: &Path, text: &[u8]) -> io::Result<()> {
    let old = fs::metadata(path).ok();
    let mode = old.as_ref().map_or(NEW_FILE, |old| old.mode() & 0o7777);
    let new = beside(path, &format!(".new-{}", std::process::id()));
    let outcome = write_new(&new, text, mode).and_then(|file| {
        if let Some(old) = &old {
            keep_owner(&file, old)?;
            back_up(path, mode)?;
        }
        fs::rename(&new, path)
    });
    if outcome.is_err() {
        let _ = fs::remove_file(&new);
        return outcome;
    }
    // the rename is on the disk only when its folder is; a folder that cannot be opened has done its part
    let _ = path.parent().map(File::open).transpose().map(|folder| folder.map(|folder| folder.sync_all()));
    Ok(())
}

fn write_new(path: &Path, text: &[u8], mode: u32) -> io::Result<File> {
    // left over by a process of the same number that was killed here
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    file.write_all(text)?;
    file.sync_all()?;
    Ok(file)
}

/// A new file belongs to whoever makes it; where it cannot be given back, the old one is rewritten instead.
fn keep_owner(new: &File, old: &fs::Metadata) -> io::Result<()> {
    let made = new.metadata()?;
    if (made.uid(), made.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    std::os::unix::fs::fchown(new, Some(old.uid()), Some(old.gid()))
}

/// A second name for the old text, by a copy, so that the file itself never has two.
fn back_up(path: &Path, mode: u32) -> io::Result<()> {
    let kept = beside(path, ".old");
    write_new(&kept, &fs::read(path)?, mode).map(drop)
}

/// `NAME` with something behind it, in the same folder.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A folder that takes no files, a file that is a mount of its own, an owner that cannot be kept.
fn in_place_may_work(error: &io::Error) -> bool {
    let kinds = [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem, ErrorKind::ResourceBusy];
    kinds.contains(&error.kind()) || error.kind() == ErrorKind::CrossesDevices
}

fn in_place(path: &Path, text: &[u8]) -> io::Result<()> {
    let old = fs::read(path)?;
    let mut file = OpenOptions::new().write(true).open(path)?;
    overwrite(&mut file, text).or_else(|error| {
        overwrite(&mut file, &old)?;
        Err(error)
    })
}

fn overwrite(file: &mut File, text: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    file.write_all_at(text, 0)?;
    file.set_len(text.len() as u64)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn the_old_text_is_kept_beside_and_permissions_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("whatap.conf");
        replace(&path, b"first").unwrap();
        assert_eq!(mode(&path), NEW_FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        replace(&path, b"second").unwrap();
        replace(&path, b"third").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        let kept = dir.path().join("whatap.conf.old");
        assert_eq!((fs::read(&kept).unwrap(), mode(&kept), mode(&path)), (b"second".to_vec(), 0o600, 0o600));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left over");
    }

    #[test]
    fn a_link_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::write(&real, "old").unwrap();
        symlink(&real, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
    }

    #[test]
    fn in_place_shortens_and_lengthens() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "some text").unwrap();
        for text in ["x", "a longer text than before", ""] {
            in_place(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_takes_no_files_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
        let refused = !takes_new_files(dir.path()); // root may write everywhere
        replace(&path, b"new").unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(dir.path().join("file.old").exists(), !refused);
    }

    #[test]
    fn a_file_that_cannot_be_written_stays_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("gone");
        assert_eq!(replace(&folder.join("file"), b"new").unwrap_err().kind(), ErrorKind::NotFound);
        fs::create_dir(&folder).unwrap();
        assert!(replace(&folder, b"new").is_err(), "a folder is no file");
        assert!(folder.is_dir());
    }
}
