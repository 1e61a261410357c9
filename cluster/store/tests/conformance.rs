//! The stores on disk under the suite of the port, with usual and with tiny limits.

#![allow(clippy::unwrap_used)]

use cluster::store::conformance::Subject;
use cluster::store::{StateStore, StoreProvider};
use cluster_store::{DiskSettings, DiskStores};
use tempfile::TempDir;

struct Disk {
    folder: TempDir,
    settings: DiskSettings,
    stores: Option<DiskStores>,
}

impl Disk {
    fn new(settings: DiskSettings) -> Self {
        let folder = TempDir::new().unwrap();
        let stores = Some(DiskStores::open(folder.path(), settings.clone()).unwrap());
        Self {
            folder,
            settings,
            stores,
        }
    }
}

impl Subject for Disk {
    fn stores(&self) -> &dyn StoreProvider {
        self.stores.as_ref().unwrap()
    }

    /// Ends the node without a flush. A crash of the whole process is in `crash.rs`.
    fn crash(&mut self, open: Vec<Box<dyn StateStore>>, _seed: u64) {
        drop(open);
        self.stores = None;
        self.stores = Some(DiskStores::open(self.folder.path(), self.settings.clone()).unwrap());
    }
}

fn seed() -> u64 {
    let given = std::env::var("TROUPE_SEED").ok();
    given.map_or(20_261, |seed| seed.parse().unwrap())
}

mod usual {
    use super::*;
    cluster::store_conformance!(|| Disk::new(DiskSettings::default()), seed);
}

mod tiny {
    use super::*;
    cluster::store_conformance!(|| Disk::new(DiskSettings::tiny()), || seed() + 1);
}
