//! The objects of the bucket: files below a folder, or in memory.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tokio::time::MissedTickBehavior;

use crate::files::replace_file;
use crate::inputs::{Clock, minus};

/// How often objects behind their retention are looked for.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(3_600);

/// The server's state; cheap to clone, all clones are one.
#[derive(Clone)]
pub struct S3 {
    bucket: Arc<str>,
    objects: Arc<Objects>,
    clock: Clock,
}

enum Objects {
    Memory(Mutex<BTreeMap<String, (Timestamp, Vec<u8>)>>),
    /// A file for each object; its time of modification is the object's.
    Folder(PathBuf, Mutex<()>),
}

/// What a list says of an object.
#[derive(Debug)]
pub(super) struct Listed {
    pub name: String,
    pub modified: Timestamp,
    pub size: usize,
}

impl S3 {
    /// The bucket's name.
    pub(super) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The bucket of this name, in this folder or in memory.
    #[must_use]
    pub fn new(bucket: &str, folder: Option<PathBuf>, clock: Clock) -> Self {
        let objects = match folder {
            Some(folder) => Objects::Folder(folder, Mutex::default()),
            None => Objects::Memory(Mutex::default()),
        };
        Self {
            bucket: bucket.into(),
            objects: Arc::new(objects),
            clock,
        }
    }

    /// The names that begin with `prefix`, in order.
    ///
    /// # Errors
    /// The system's.
    pub fn names(&self, prefix: &str) -> io::Result<Vec<String>> {
        Ok(self
            .list(prefix)?
            .into_iter()
            .map(|object| object.name)
            .collect())
    }

    /// Removes the objects that were put at least `retention` ago, and says how many.
    ///
    /// # Errors
    /// The system's.
    pub fn expire(&self, retention: Duration) -> io::Result<usize> {
        let newest = minus(self.clock.now(), retention);
        let expired: Vec<_> = self
            .list("")?
            .into_iter()
            .filter(|object| object.modified <= newest)
            .collect();
        for object in &expired {
            match &*self.objects {
                Objects::Memory(objects) => {
                    objects
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .remove(&object.name);
                }
                Objects::Folder(folder, _) => std::fs::remove_file(folder.join(&object.name))?,
            }
        }
        Ok(expired.len())
    }

    /// The objects whose names begin with `prefix`, by name.
    pub(super) fn list(&self, prefix: &str) -> io::Result<Vec<Listed>> {
        let mut listed: Vec<_> = match &*self.objects {
            Objects::Memory(objects) => {
                let objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
                let listed =
                    |(name, (modified, content)): (&String, &(Timestamp, Vec<u8>))| Listed {
                        name: name.clone(),
                        modified: *modified,
                        size: content.len(),
                    };
                objects.iter().map(listed).collect()
            }
            Objects::Folder(folder, _) => files(folder, folder)?,
        };
        listed.retain(|object| object.name.starts_with(prefix));
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(listed)
    }

    pub(super) fn get(&self, name: &str) -> io::Result<Option<(Timestamp, Vec<u8>)>> {
        match &*self.objects {
            Objects::Memory(objects) => Ok(objects
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(name)
                .cloned()),
            Objects::Folder(folder, _) => {
                let path = folder.join(name);
                let read = || Ok((modified(&std::fs::metadata(&path)?)?, std::fs::read(&path)?));
                match read() {
                    Ok(object) => Ok(Some(object)),
                    Err(error) if is_missing(&error) => Ok(None),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// Puts an object where none is; `false` if one is.
    pub(super) fn put(&self, name: &str, content: &[u8]) -> io::Result<bool> {
        let now = self.clock.now();
        match &*self.objects {
            Objects::Memory(objects) => {
                let mut objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
                let is_new = !objects.contains_key(name);
                if is_new {
                    objects.insert(name.to_owned(), (now, content.to_vec()));
                }
                Ok(is_new)
            }
            Objects::Folder(folder, one_at_a_time) => {
                let _held = one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
                let path = folder.join(name);
                if path.exists() {
                    return Ok(false);
                }
                if let Some(parent) = path.parent() {
                    std::fs::create_dir_all(parent)?;
                }
                replace_file(&path, content)?;
                let epoch =
                    Duration::from_millis(u64::try_from(now.as_millisecond()).unwrap_or_default());
                File::options()
                    .write(true)
                    .open(&path)?
                    .set_modified(SystemTime::UNIX_EPOCH + epoch)?;
                Ok(true)
            }
        }
    }
}

/// Removes what is older than `retention` at every tick, until `shutdown` resolves.
pub async fn expire_objects(server: S3, retention: Duration, shutdown: impl Future<Output = ()>) {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut tick = tokio::time::interval(EXPIRY_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            _ = tick.tick() => {}
        }
        let server = server.clone();
        match tokio::task::spawn_blocking(move || server.expire(retention)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "expired objects of the archive could not be removed");
            }
            Err(_) => return,
        }
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn modified(file: &Metadata) -> io::Result<Timestamp> {
    let since = file
        .modified()?
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    Ok(Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX))
}

/// All files below a folder, by their path in it; none where there is no folder.
fn files(root: &Path, folder: &Path) -> io::Result<Vec<Listed>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(root, &path)?);
        } else if let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str)
            // What a crash left half written.
            && path.extension().is_none_or(|extension| extension != "new")
        {
            let about = std::fs::metadata(&path)?;
            let size = usize::try_from(about.len()).unwrap_or(usize::MAX);
            found.push(Listed {
                name: name.to_owned(),
                modified: modified(&about)?,
                size,
            });
        }
    }
    Ok(found)
}
