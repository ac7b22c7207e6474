//! What each mail says, in plain words.

use crate::routes::MailKind;

/// The words of a mail.
pub(super) struct Words {
    pub(super) subject: &'static str,
    pub(super) opening: &'static str,
    /// The text of the link.
    pub(super) button: &'static str,
    pub(super) closing: &'static str,
}

/// The text of a notice's link.
const NOT_ME: &str = "This wasn't me";
/// What precedes it.
const IF_NOT: &str = "If this was you, you don't need to do anything. If it wasn't, open the page below. It ends every session and disables the current password, and we email you a link to set a new one.";
/// What a notice says whose link no longer works.
pub(super) const ASK_FOR_RESET: &str = "If this was you, you don't need to do anything. If it wasn't, reset your password on the sign-in page.";

#[expect(clippy::too_many_lines, reason = "a table with one row for each mail")]
pub(super) const fn words(kind: MailKind) -> Words {
    match kind {
        MailKind::Verification | MailKind::RegistrationRepeated => Words {
            subject: "Confirm your email address",
            opening: "An account was registered with this email address. If you registered it, open this page to confirm the address:",
            button: "Confirm email address",
            closing: "If you did not register, do not open the link: it would put an account under your address whose password you did not choose. Without the confirmation the account cannot be used, and it is deleted after a few days.",
        },
        MailKind::RegistrationContested => Words {
            subject: "Finish your sign-up",
            opening: "More than one sign-up was made with this email address, with different passwords. None of these passwords works. To use the account, open this page and choose a name and a password:",
            button: "Choose a name and a password",
            closing: "If you did not sign up, you don't need to do anything. The account cannot be used until you choose a password, and it is deleted after a few days.",
        },
        MailKind::PasswordWanted => Words {
            subject: "Choose a password for your account",
            opening: "A request was made to use an account with this email address. If you made it, open this page and choose the password of the account:",
            button: "Choose a password",
            closing: "A password that was entered when signing up is not used. If you did not make this request, you don't need to do anything. The account cannot be used until you choose a password.",
        },
        MailKind::AlreadyRegistered => Words {
            subject: "You already have an account",
            opening: "There was an attempt to use this email address for another account. It already has an account, so nothing was changed.",
            button: "",
            closing: "If this was you, sign in, or reset your password if you have forgotten it. If it wasn't, you don't need to do anything.",
        },
        MailKind::PasswordReset => Words {
            subject: "Reset your password",
            opening: "A new password was requested for your account. Open this page to set it:",
            button: "Set a new password",
            closing: "If you did not request it, you don't need to do anything. Your password stays as it is.",
        },
        MailKind::AddressChange => Words {
            subject: "Confirm your new email address",
            opening: "A request was made to use this email address for an existing account. If you made it, open this page to confirm:",
            button: "Confirm email address",
            closing: "You will have to sign in again afterwards. If you did not make this request, do not open the link.",
        },
        MailKind::AddressChangeWithPassword => Words {
            subject: "Confirm your new email address",
            opening: "A request was made to use this email address for an existing account. If you made it, open this page and choose a new password for the account, which confirms the address:",
            button: "Choose a password",
            closing: "The current password stops working, and you will have to sign in again afterwards. If you did not make this request, do not open the link.",
        },
        MailKind::AddressChangeRequested => Words {
            subject: "Your email address is about to change",
            opening: "A request was made to use another email address for your account. It takes effect when that address is confirmed.",
            button: NOT_ME,
            closing: IF_NOT,
        },
        MailKind::AddressChanged => Words {
            subject: "Your email address was changed",
            opening: "Your account now uses another email address, and every session was ended.",
            button: NOT_ME,
            closing: "If this was you, you don't need to do anything. If it wasn't, open the page below. The account gets this email address back, every session ends, and we email you a link to set a new password.",
        },
        MailKind::AddressReserved => Words {
            subject: "This email address can take its account back",
            opening: "This email address belonged to an account until recently, and it was just used in a new request. Until the link below expires, the address is kept for you.",
            button: "Take the account back",
            closing: "If you want the account back, open the page. It gets this email address again, every session ends, and we email you a link to set a new password. If you moved the account away yourself, you don't need to do anything.",
        },
        MailKind::AddressRemoved => Words {
            subject: "Your email address was removed from an account",
            opening: "This email address is no longer used for the account that it was added to: the account was taken back from an earlier email address, or an operator removed the address.",
            button: "",
            closing: "You don't need to do anything.",
        },
        MailKind::ClaimEnded => Words {
            subject: "A former email address was removed from your account",
            opening: "An operator removed a former email address from your account. It can no longer be used to take the account back.",
            button: "",
            closing: "If you did not ask for this, contact the operator.",
        },
        MailKind::PasswordChanged => Words {
            subject: "Your password was changed",
            opening: "The password of your account was changed, and every other session was ended.",
            button: NOT_ME,
            closing: IF_NOT,
        },
        MailKind::PasswordSet => Words {
            subject: "A password was set for your account",
            opening: "A password was set for your account with a link that we emailed you, and every session was ended.",
            button: NOT_ME,
            closing: IF_NOT,
        },
        MailKind::AccountReady => Words {
            subject: "Your account is ready",
            opening: "Your email address is verified, and the password of your account is set. Sign in with them.",
            button: NOT_ME,
            closing: IF_NOT,
        },
        MailKind::TheftDetected => Words {
            subject: "We ended a session to protect your account",
            opening: "A sign-in token of your account was used twice, which can happen when it was copied. We ended the session. Please sign in again.",
            button: NOT_ME,
            closing: IF_NOT,
        },
        MailKind::NewDevice => Words {
            subject: "Sign-in from a new device",
            opening: "Your account was signed in to from a device that it has not been used with before.",
            button: NOT_ME,
            closing: IF_NOT,
        },
        MailKind::NewCountry => Words {
            subject: "Sign-in from a new country",
            opening: "Your account was signed in to from a country that it has not been used in before.",
            button: NOT_ME,
            closing: IF_NOT,
        },
        MailKind::AllSessionsEnded => Words {
            subject: "All your sessions were ended",
            opening: "Every session of your account was ended. Sign in again to continue.",
            button: NOT_ME,
            closing: IF_NOT,
        },
        MailKind::AccountErased => Words {
            subject: "Your account was deleted",
            opening: "Your account with this email address was deleted, together with its sessions and everything stored in it. This is the last email about it.",
            button: "",
            closing: "If you did not delete it, someone knew your password: change it wherever else you use it. The account cannot be restored, but you can register again.",
        },
        MailKind::AccountLocked => Words {
            subject: "Sign-in is locked",
            opening: "Sign-in to your account is locked for a while because of too many wrong passwords. Your sessions stay signed in, and setting a new password removes the lock.",
            button: NOT_ME,
            closing: IF_NOT,
        },
        MailKind::Invitation => Words {
            subject: "You are invited to create an account",
            opening: "An administrator invites you to create an account with this email address. Open this page to choose a name and a password:",
            button: "Accept the invitation",
            closing: "If you did not expect this, you don't need to do anything.",
        },
        MailKind::Digest => Words {
            subject: "Recent activity on your account",
            opening: "Several things happened on your account in the last hour:",
            button: NOT_ME,
            closing: IF_NOT,
        },
    }
}
