//! The secrets: readable, usable, and in step with what is published of them.

use std::collections::BTreeSet;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use shared::ground::error_chain;
use shared::keys::{self, CURSOR_KEY, DATA_RING, MAIL_KEY, SIGNING_RING};
use shared::tokens::{SecurityRecord, SigningRing};

use super::{Check, Patient};

/// So long API Gateway's own JWT authorizers keep a key set.
const LONGEST_CACHE: Duration = Duration::from_secs(7_200);

const RIGHT: &str = "secretsmanager:GetSecretValue on the stack's secrets, and the use of its key";

/// Looks at every secret.
pub(super) async fn check(patient: &Patient<'_>) -> Vec<Check> {
    let secrets = patient.desk.environment.secrets();
    let mut checks = Vec::new();
    for name in [SIGNING_RING, DATA_RING, MAIL_KEY, CURSOR_KEY] {
        let title = format!(
            "secret {}{name}",
            patient.desk.environment.config().secret_prefix
        );
        let check = match secrets.get(name).await {
            Ok(Some(secret)) => match name {
                SIGNING_RING => signing_ring(patient, title, &secret).await,
                DATA_RING => data_ring(patient, title).await,
                MAIL_KEY => mail_key(patient, title).await,
                _ => cursor_key(patient, title).await,
            },
            Ok(None) => missing(patient, title),
            Err(error) => Check::unseen(title, &error_chain(&error), RIGHT),
        };
        checks.push(check);
    }
    checks.push(copies(patient).await);
    checks.push(lead(patient));
    checks
}

/// The copies of the security record, of which each request reads one.
async fn copies(patient: &Patient<'_>) -> Check {
    const NAME: &str = "copies of the security record";
    const FIX: &str = "Requests that read such a copy are refused or take outdated tokens, and no rotation is possible. `ops keys repair` writes them again; docs/runbooks/ has what could be behind it.";
    let copies = match patient.desk.store.security_copies().await {
        Ok(copies) => copies,
        Err(error) => {
            return Check::unseen(
                NAME,
                &error_chain(&error),
                "dynamodb:GetItem on the table security",
            );
        }
    };
    let newest = SecurityRecord::newest(copies.iter().flatten());
    let missing = copies.iter().filter(|copy| copy.is_none()).count();
    let differing = copies
        .iter()
        .flatten()
        .filter(|copy| Some(*copy) != newest.as_ref())
        .count();
    match (missing, differing) {
        (0, 0) => Check::ok(NAME, format!("{} equal ones", copies.len())),
        (missing, _) if missing == copies.len() => Check::failed(
            NAME,
            "none is there",
            format!("To make them, {}.", patient.maker()),
        ),
        (missing, differing) => Check::failed(
            NAME,
            format!(
                "of {}, {missing} are missing and {differing} are behind",
                copies.len()
            ),
            FIX,
        ),
    }
}

fn missing(patient: &Patient<'_>, title: String) -> Check {
    let prefix = &patient.desk.environment.config().secret_prefix;
    let fix = format!(
        "See that DASHTAM_SECRET_PREFIX ({prefix}) and the region are the service's. If they are, {}.",
        patient.maker()
    );
    Check::failed(title, "is not there", fix)
}

async fn signing_ring(patient: &Patient<'_>, title: String, secret: &SecretString) -> Check {
    const REPLACE: &str = "Nobody can sign in like this. `ops keys rotate --mode compromised` makes new keys; docs/runbooks/ has the rest.";
    let Ok(ring) = SigningRing::from_secret(secret.expose_secret()) else {
        return Check::failed(title, "is no ring of signing keys", REPLACE);
    };
    let record = match patient.desk.store.security().await {
        Ok(Some(record)) => record,
        Ok(None) => {
            return Check::failed(
                title,
                "its public keys are not published",
                format!("To publish them, {}.", patient.maker()),
            );
        }
        Err(error) => {
            return Check::unseen(
                title,
                &error_chain(&error),
                "dynamodb:GetItem on the table security",
            );
        }
    };
    match disagreement(&ring, &record, patient) {
        Disagreement::None => Check::ok(
            title,
            format!("{} keys, the published ones", ring.keys().len()),
        ),
        Disagreement::CannotSign(kid) => Check::failed(
            title,
            format!("lacks the key {kid}, which has to sign"),
            REPLACE,
        ),
        Disagreement::Unpublished(count) => Check::warning(
            title,
            format!("{count} of its keys are not published"),
            "A rotation is under way, or has stopped halfway: look again in a minute. Nothing is signed by them yet.",
        ),
    }
}

enum Disagreement {
    None,
    CannotSign(String),
    Unpublished(usize),
}

fn disagreement(
    ring: &SigningRing,
    record: &SecurityRecord,
    patient: &Patient<'_>,
) -> Disagreement {
    let now = patient.desk.store.now();
    let signing = record.signing_kid(now);
    let same = |kid: &str| {
        let (private, public) = (ring.key(kid), record.key(kid, now));
        matches!((private, public), (Some(private), Some(public)) if private.public().x == public.x && private.public().y == public.y)
    };
    if !same(signing) {
        return Disagreement::CannotSign(signing.to_owned());
    }
    let published: BTreeSet<_> = record.keys.iter().map(|key| key.kid.as_str()).collect();
    match ring
        .keys()
        .iter()
        .filter(|key| !published.contains(key.public().kid.as_str()))
        .count()
    {
        0 => Disagreement::None,
        count => Disagreement::Unpublished(count),
    }
}

async fn data_ring(patient: &Patient<'_>, title: String) -> Check {
    let ring = match keys::data_ring(&patient.desk.environment.secrets()).await {
        Ok(ring) => ring,
        Err(error) => {
            let fix =
                "Restore an earlier version of the secret: what it encrypted is lost without it.";
            return Check::failed(title, error_chain(&error), fix);
        }
    };
    let held: BTreeSet<_> = ring.infos().map(|info| info.version).collect();
    let told = match patient.desk.store.data_keys().await {
        Ok(infos) => infos
            .iter()
            .map(|info| info.version)
            .collect::<BTreeSet<_>>(),
        Err(error) => {
            return Check::unseen(
                title,
                &error_chain(&error),
                "dynamodb:GetItem on the table security",
            );
        }
    };
    if told.is_subset(&held) {
        return Check::ok(
            title,
            format!("{} keys, those that are written down", held.len()),
        );
    }
    let lost: Vec<_> = told.difference(&held).map(ToString::to_string).collect();
    let fix =
        "Restore an earlier version of the secret: what these keys encrypted is lost without them.";
    Check::failed(
        title,
        format!("lacks the versions {}", lost.join(", ")),
        fix,
    )
}

async fn mail_key(patient: &Patient<'_>, title: String) -> Check {
    match keys::mail_key(&patient.desk.environment.secrets()).await {
        Ok(_key) => Check::ok(title, "usable"),
        Err(error) => Check::failed(
            title,
            error_chain(&error),
            "No mail with a link is sent like this. Restore an earlier version of the secret, or delete it and deploy again; links that are under way die.",
        ),
    }
}

async fn cursor_key(patient: &Patient<'_>, title: String) -> Check {
    match keys::cursor_key(&patient.desk.environment.secrets()).await {
        Ok(_key) => Check::ok(title, "usable"),
        Err(error) => Check::failed(
            title,
            error_chain(&error),
            "The audit trail cannot be read over HTTP like this. Restore an earlier version of the secret, or delete it and deploy again; clients begin their lists anew.",
        ),
    }
}

fn lead(patient: &Patient<'_>) -> Check {
    const NAME: &str = "lead of new signing keys";
    let lead = patient.desk.environment.config().tokens.key_lead;
    let found = format!("published {} s before they sign", lead.as_secs());
    if patient.is_deployment && lead < LONGEST_CACHE {
        let fix = "Fine where nobody caches the key set for longer. API Gateway's JWT authorizers keep it for two hours: set DASHTAM_KEY_LEAD_SECONDS to 7500 for them.";
        return Check::warning(NAME, found, fix);
    }
    Check::ok(NAME, found)
}
