//! Public keys by HTTPS.
//!
//! A set serves for the bound that is set. Then the next token waits for a new one, and tokens that come meanwhile wait
//! with it. If the fetch fails or brings no key set, the last good one serves until it has reached its stated age; after
//! that nothing is accepted. A name that the set lacks is looked for by a fetch at most once in
//! [`RETRY_INTERVAL`], however many tokens make names up, and so is a service that does not answer.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url, header};
use tokio::sync::{Mutex, RwLock};

use crate::clock::Clock;
use crate::error::Unavailable;
use crate::key::PublicKey;
use crate::key_set;
use crate::time::Timestamp;

/// Between two fetches for a name that the set lacks, or after one that failed.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(5);
/// A longer key set is none of ours.
const MAX_LENGTH: usize = 65_536;

/// The key set at a URL.
pub(crate) struct PublishedKeys {
    client: Client,
    url: String,
    bound: Duration,
    kept: Duration,
    known: RwLock<Known>,
    // Held by whoever fetches.
    fetching: Mutex<()>,
}

/// A set that was fetched.
#[derive(Clone)]
struct Fetched {
    keys: Arc<Vec<PublicKey>>,
    /// When the fetch began.
    began: Timestamp,
    /// Which fetch it was.
    serial: u64,
}

/// What is known of the keys.
#[derive(Default)]
struct Known {
    good: Option<Fetched>,
    /// How many fetches have begun.
    begun: u64,
    /// When the last one began.
    attempted_at: Option<Timestamp>,
    /// How the last one failed, if it did.
    failed: Option<Unavailable>,
}

type Keys = Result<Arc<Vec<PublicKey>>, Unavailable>;

impl PublishedKeys {
    /// The set at `url`, which serves for `bound`, and up to the age `kept` while no newer one can be fetched.
    pub fn new(url: String, bound: Duration, kept: Duration) -> reqwest::Result<Self> {
        // The key set stands where the settings say: a redirection is a wrong setting, or somebody else's wish.
        let client = Client::builder()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self {
            client,
            url,
            bound,
            kept,
            known: RwLock::default(),
            fetching: Mutex::default(),
        })
    }

    /// Whether a key set may come from `url`: nobody on the way can replace it.
    pub fn may_fetch(url: &str) -> bool {
        let Ok(url) = Url::parse(url) else {
            return false;
        };
        let is_loopback = || matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        url.scheme() == "https" || (url.scheme() == "http" && is_loopback())
    }

    /// The keys to look for `kid` in.
    pub async fn for_kid(&self, kid: &str, clock: &dyn Clock) -> Keys {
        let asked = {
            let known = self.known.read().await;
            if let Some(answer) = self.answer(&known, kid, known.begun, clock.now(), false) {
                return answer;
            }
            known.begun
        };
        let _turn = self.fetching.lock().await;
        let now = clock.now();
        if let Some(answer) = self.answer(&*self.known.read().await, kid, asked, now, true) {
            return answer;
        }
        self.fetch(now).await;
        let known = self.known.read().await;
        match (&known.good, &known.failed) {
            (Some(good), None) => Ok(Arc::clone(&good.keys)),
            _ => self.last_good(&known, clock.now()),
        }
    }

    /// What can be said at `now` without a fetch, to who asked when `asked` fetches had begun. A fetch that is under way may
    /// still bring the key, so that there is none is said only by who `may_fetch`; only where the last one failed and there
    /// is a set to go on with, nobody waits.
    fn answer(
        &self,
        known: &Known,
        kid: &str,
        asked: u64,
        now: Timestamp,
        may_fetch: bool,
    ) -> Option<Keys> {
        let has = |fetched: &&Fetched| fetched.keys.iter().any(|key| key.kid == kid);
        let named = known.good.as_ref().filter(has);
        let is_fresh =
            |fetched: &&Fetched| fetched.serial > asked || now.is_within(self.bound, fetched.began);
        if let Some(fresh) = named.filter(is_fresh) {
            return Some(Ok(Arc::clone(&fresh.keys)));
        }
        let is_recent = known
            .attempted_at
            .is_some_and(|at| now.is_within(RETRY_INTERVAL, at));
        let is_enough = match named {
            Some(_) => known.failed.is_some(),
            None => may_fetch,
        };
        (is_recent && is_enough).then(|| self.last_good(known, now))
    }

    fn last_good(&self, known: &Known, now: Timestamp) -> Keys {
        let kept = known
            .good
            .as_ref()
            .filter(|good| now.is_within(self.kept, good.began));
        let failed = || {
            known
                .failed
                .clone()
                .unwrap_or(Unavailable::new("there is no key set"))
        };
        kept.map(|good| Arc::clone(&good.keys)).ok_or_else(failed)
    }

    async fn fetch(&self, now: Timestamp) {
        let serial = {
            let mut known = self.known.write().await;
            known.begun += 1;
            known.attempted_at = Some(now);
            known.begun
        };
        let fetched = self.download(now).await;
        let mut known = self.known.write().await;
        known.failed = match fetched {
            Ok(keys) => {
                known.good = Some(Fetched {
                    keys: Arc::new(keys),
                    began: now,
                    serial,
                });
                None
            }
            Err(failure) => Some(failure),
        };
    }

    async fn download(&self, now: Timestamp) -> Result<Vec<PublicKey>, Unavailable> {
        let unreachable = |error| Unavailable::because("the key set cannot be fetched", error);
        // A copy in a cache on the way would be older than the bound allows.
        let request = self
            .client
            .get(&self.url)
            .header(header::CACHE_CONTROL, "no-cache");
        let mut answer = request.send().await.map_err(unreachable)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(Unavailable::new(
                "the key set is answered with another status than 200",
            ));
        }
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            text.extend_from_slice(&chunk);
            if text.len() > MAX_LENGTH {
                return Err(Unavailable::new("the key set is too long"));
            }
        }
        key_set::parse(&text, now)
            .map_err(|error| Unavailable::because("the key set cannot be read", error))
    }
}
