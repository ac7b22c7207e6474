//! `ops users invite`: a first admin, or any user where registration is closed, gets a link to make an account.
//!
//! It is the invitation of the endpoint, by the same service: the mail holds nothing that the operator typed, pays from the
//! recipient's bucket, and gives no role but what the configuration gives. No admin vouches for it: it ends when it expires, by
//! a newer one, by a verification of the address, and by a global rotation without grace.

use serde_json::json;
use shared::accounts::invitations::{Invitee, Inviter};
use shared::domain::DisplayName;
use shared::request::Task;

use crate::console::Answer;
use crate::desk::{self, Desk};
use crate::failure::Failure;
use crate::options::Invite;

static INVITE: Task = Task {
    action: "admin.create_invitation",
    name: "ops users invite",
};

/// Sends the invitation.
pub async fn run(desk: &Desk, options: &Invite) -> Result<Answer, Failure> {
    let reason = desk::reason(&options.reason)?;
    let email = desk::address(&options.email)?;
    if !email.is_deliverable() {
        return Err(Failure::usage(
            "No mail can be sent to this email address.",
            "Its part before the @ must consist of ASCII characters: the service's sender takes no others.",
        ));
    }
    let parse = |name: &String| {
        DisplayName::parse(name).map_err(|error| {
            Failure::usage(
                format!("--name is no name: {error}"),
                "Give 1 to 100 characters.",
            )
        })
    };
    let name = options.name.as_ref().map(parse).transpose()?;
    desk.confirm(&format!("send an invitation to {}", email.address()))?;
    let invitee = Invitee {
        email,
        name,
        reason,
    };
    let invitations = desk.environment.invitations();
    let sent = invitations
        .invite(
            &desk.meta(&INVITE),
            Inviter::Operator(desk.operator()),
            &invitee,
        )
        .await?;
    let email = invitee.email.address();
    Ok(Answer {
        document: json!({ "id": sent.id, "email": email, "expires_at": sent.expires_at.to_string() }),
        text: format!(
            "{email} is invited until {}, by invitation {}.",
            sent.expires_at, sent.id
        ),
    })
}
