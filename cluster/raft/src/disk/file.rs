//! The disk port on real files, all in one folder. It comes after the log; the file system comes
//! after it. Guarantees: flushes are `fdatasync`, a name is durable after `fsync` of the folder.
//! Left to others: whether the device honours a flush.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FallocateFlags;

use super::{Disk, DiskFile, Fill};

/// Bytes of zeros written at once when a file is filled. The kernel keeps what was written at once as one
/// piece of its cache, and each later write into a piece costs it a walk over the piece, and is counted
/// as if all of it were written: with 1 MiB, a flush of 2.4 KiB took up to 70 % more CPU.
const ZERO_BYTES: usize = 4 << 10;

/// Zeros after which the file is flushed, so that another file's flush never waits for all of it.
const ZEROS_FLUSHED_BYTES: u64 = 1 << 20;

/// A folder of real files.
#[derive(Debug)]
pub struct FileDisk {
    folder: PathBuf,
    /// Kept open: its `fsync` makes names durable.
    directory: File,
}

impl FileDisk {
    /// Opens a folder, making it (and its parents) if it is not there.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let directory = File::open(folder)?;
        if let Some(parent) = folder.parent().filter(|parent| parent.is_dir()) {
            File::open(parent)?.sync_all()?;
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            directory,
        })
    }

    fn fill(file: &File, length_bytes: u64, fill: Fill) -> io::Result<()> {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, length_bytes) {
            Ok(()) => {}
            // Some file systems cannot reserve: then only writing zeros shows whether it fits.
            Err(rustix::io::Errno::OPNOTSUPP) => {
                file.set_len(length_bytes)?;
                return Self::write_zeros(file, length_bytes);
            }
            Err(error) => return Err(error.into()),
        }
        match fill {
            Fill::Reserve => Ok(()),
            Fill::Zero => Self::write_zeros(file, length_bytes),
        }
    }

    fn write_zeros(file: &File, length_bytes: u64) -> io::Result<()> {
        let zeros = [0_u8; ZERO_BYTES];
        let mut offset = 0;
        while offset < length_bytes {
            let count = (length_bytes - offset).min(ZERO_BYTES as u64) as usize;
            file.write_all_at(&zeros[..count], offset)?;
            offset += count as u64;
            if offset % ZEROS_FLUSHED_BYTES == 0 {
                file.sync_data()?;
            }
        }
        file.sync_all()
    }
}

impl Disk for FileDisk {
    fn create(&self, name: &str, length_bytes: u64, fill: Fill) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.folder.join(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        if let Err(error) = Self::fill(&file, length_bytes, fill) {
            // The half-made file only takes room; the error that matters is the first.
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        Ok(Arc::new(RealFile { file }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(self.folder.join(name))?;
        Ok(Arc::new(RealFile { file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.folder.join(name))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            // A name that is not text cannot be one of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.directory.sync_all()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let status = rustix::fs::fstatvfs(&self.directory)?;
        Ok(status.f_bavail.saturating_mul(status.f_frsize))
    }
}

struct RealFile {
    file: File,
}

impl DiskFile for RealFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn length_bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}
