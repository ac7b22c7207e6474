//! SES: may this account send, and as whom?

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::DisplayErrorContext;
use aws_sdk_sesv2::operation::get_email_identity::{GetEmailIdentityError, GetEmailIdentityOutput};
use aws_sdk_sesv2::types::{BehaviorOnMxFailure, MailFromDomainStatus};

use super::{Check, Patient};

/// Looks at the account and at the sender's identity.
pub(super) async fn check(patient: &Patient<'_>) -> Vec<Check> {
    let client = shared::mail::client(&patient.base);
    vec![account(&client).await, sender(patient, &client).await]
}

async fn account(client: &Client) -> Check {
    const NAME: &str = "mail account";
    let account = match client.get_account().send().await {
        Ok(account) => account,
        Err(error) => {
            return Check::unseen(
                NAME,
                &DisplayErrorContext(error).to_string(),
                "ses:GetAccount",
            );
        }
    };
    if !account.sending_enabled() {
        let fix = "Answer what AWS has written about bounces or complaints, or switch sending on: `aws sesv2 put-account-sending-attributes --sending-enabled`. Mail waits in the queue for up to 14 days.";
        return Check::failed(NAME, "SES has paused sending", fix);
    }
    if !account.production_access_enabled() {
        let fix = "Until AWS lifts it (`aws sesv2 put-account-details`), only verified addresses get mail, 200 a day.";
        return Check::warning(NAME, "in the sandbox of SES", fix);
    }
    Check::ok(NAME, "may send to everybody")
}

async fn sender(patient: &Patient<'_>, client: &Client) -> Check {
    let from = patient.desk.environment.config().mail.from.clone();
    let address = from
        .rsplit_once('<')
        .map_or(from.as_str(), |(_, address)| address.trim_end_matches('>'));
    let name = format!("mail sender {address}");
    for identity in identities(address) {
        match client
            .get_email_identity()
            .email_identity(identity)
            .send()
            .await
        {
            Ok(found) => return judge(name, identity, &found),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetEmailIdentityError::is_not_found_exception) => {}
            Err(error) => {
                return Check::unseen(
                    name,
                    &DisplayErrorContext(error).to_string(),
                    "ses:GetEmailIdentity",
                );
            }
        }
    }
    let fix = "Have SES verify the address or its domain (docs/deploying.md), or fix DASHTAM_MAIL_FROM and the region.";
    Check::failed(name, "neither it nor its domain is an identity in SES", fix)
}

/// What may stand for an address: itself, its domain, and the domains above that.
fn identities(address: &str) -> impl Iterator<Item = &str> {
    let domain = address
        .rsplit_once('@')
        .map(|(_, domain)| domain)
        .unwrap_or_default();
    let above = domain
        .match_indices('.')
        .filter_map(|(dot, _)| domain.get(dot + 1..));
    [address, domain]
        .into_iter()
        .chain(above.filter(|domain| domain.contains('.')))
}

fn judge(name: String, identity: &str, found: &GetEmailIdentityOutput) -> Check {
    if !found.verified_for_sending_status() {
        let fix = "Set the DNS records that SES shows, or click the link that it has mailed; until then no mail leaves.";
        return Check::failed(name, format!("{identity} is not verified"), fix);
    }
    let is_broken = found.mail_from_attributes().is_some_and(|from| {
        from.mail_from_domain_status() != &MailFromDomainStatus::Success
            && from.behavior_on_mx_failure() == &BehaviorOnMxFailure::RejectMessage
    });
    if is_broken {
        let fix = "Set the MX and TXT records that SES shows for the custom MAIL FROM domain.";
        return Check::failed(
            name,
            format!("{identity} is verified, its MAIL FROM domain is not"),
            fix,
        );
    }
    Check::ok(name, format!("{identity} is verified"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_looked_for_by_itself_and_by_every_domain_above_it() {
        let found: Vec<_> = identities("a@mail.example.com").collect();
        assert_eq!(
            found,
            ["a@mail.example.com", "mail.example.com", "example.com"]
        );
    }
}
