//! The archive of the audit trail: objects in a bucket that keeps each of them until its time has passed.
//!
//! The bucket's own rule (Object Lock) sets how long; nothing here could shorten it. A name says what an object holds, by
//! its hash, so an object that is there already is the one that was to be put.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::BehaviorVersion;
use aws_sdk_s3::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::aws::AwsBase;
use crate::ground::digest;
use crate::telemetry::TraceCalls;

/// An object that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("the archive's object {name} could not be {done}")]
pub struct ArchiveError {
    name: String,
    done: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl ArchiveError {
    fn new(
        name: &str,
        done: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            done,
            source: Box::new(source),
        }
    }
}

/// The archive.
#[derive(Clone)]
pub struct Archive {
    client: Client,
    bucket: String,
}

impl Archive {
    /// The bucket of that name.
    #[must_use]
    pub fn new(base: &AwsBase, bucket: &str) -> Self {
        let endpoint = base.endpoint("S3");
        let mut config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(base.http())
            .region(base.region())
            .credentials_provider(base.credentials())
            .timeout_config(AwsBase::timeouts())
            .retry_config(AwsBase::retries())
            .interceptor(TraceCalls)
            // Another address than AWS's own has no names for buckets.
            .force_path_style(endpoint.is_some());
        let place = Params::builder()
            .region(base.region().to_string())
            .bucket(bucket)
            .set_endpoint(endpoint.clone());
        if let Ok(place) = place.force_path_style(endpoint.is_some()).build() {
            base.unopened()
                .note(DefaultResolver::new().resolve_endpoint(&place));
        }
        config.set_endpoint_url(endpoint);
        Self {
            client: Client::from_conf(config.build()),
            bucket: bucket.to_owned(),
        }
    }

    /// Puts an object. One of that name that is there stays as it is.
    ///
    /// # Errors
    /// [`ArchiveError`]; the object may be there all the same.
    pub async fn put(&self, name: &str, content: String) -> Result<(), ArchiveError> {
        // A bucket with Object Lock takes nothing without a check sum.
        let sum = STANDARD.encode(digest::sha256(content.as_bytes()));
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(name)
            .if_none_match("*");
        let request = request
            .content_type("application/x-ndjson")
            .checksum_sha256(sum);
        match request
            .body(ByteStream::from(content.into_bytes()))
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(error))
                if error.err().code() == Some("PreconditionFailed") =>
            {
                Ok(())
            }
            Err(error) => Err(ArchiveError::new(name, "written", error)),
        }
    }

    /// An object's text; `None` if there is none.
    pub async fn get(&self, name: &str) -> Result<Option<String>, ArchiveError> {
        let answer = match self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(name)
            .send()
            .await
        {
            Ok(answer) => answer,
            Err(SdkError::ServiceError(error)) if error.err().is_no_such_key() => return Ok(None),
            Err(error) => return Err(ArchiveError::new(name, "read", error)),
        };
        let bytes = answer
            .body
            .collect()
            .await
            .map_err(|error| ArchiveError::new(name, "read", error))?
            .to_vec();
        String::from_utf8(bytes)
            .map(Some)
            .map_err(|error| ArchiveError::new(name, "understood", error))
    }

    /// The names that begin with `prefix`, in order; at most a thousand, behind `after`.
    pub async fn names(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<String>, ArchiveError> {
        let request = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix);
        let request = request.set_start_after(after.map(str::to_owned));
        let answer = request
            .send()
            .await
            .map_err(|error| ArchiveError::new(prefix, "listed", error))?;
        Ok(answer
            .contents
            .unwrap_or_default()
            .into_iter()
            .filter_map(|object| object.key)
            .collect())
    }
}
