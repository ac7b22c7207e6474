//! What each mail says, in plain words.

use crate::store::MailKind;

/// The words of a mail.
pub(super) struct Words {
    pub(super) subject: &'static str,
    pub(super) opening: &'static str,
    /// What stands on the link.
    pub(super) button: &'static str,
    pub(super) closing: &'static str,
}

/// What stands on the link of a notice.
const NOT_ME: &str = "This wasn't me";
/// What stands before it.
const IF_NOT: &str = "If it was you, you need do nothing. If it was not, open the page below: it ends every session and makes your present password useless, and you set a new one.";

pub(super) const fn words(kind: MailKind) -> Words {
    match kind {
        MailKind::Verification => Words {
            subject: "Confirm your address",
            opening: "Somebody, hopefully you, registered with this address. Open this page and confirm it:",
            button: "Confirm address",
            closing: "If it was not you, do nothing: without this confirmation the account cannot be used.",
        },
        MailKind::AlreadyRegistered => Words {
            subject: "You already have an account",
            opening: "Somebody, perhaps you, tried to register with this address, which has an account already. Nothing was changed.",
            button: "",
            closing: "If it was you, sign in, or reset your password if you have forgotten it. If not, you need do nothing.",
        },
        MailKind::PasswordReset => Words {
            subject: "Set a new password",
            opening: "Somebody, hopefully you, asked for a new password. Open this page to set it:",
            button: "Set a new password",
            closing: "If it was not you, do nothing: your password stays as it is.",
        },
        MailKind::AddressChange => Words {
            subject: "Confirm your new address",
            opening: "An account is to use this address from now on. Open this page and confirm it:",
            button: "Confirm address",
            closing: "Afterwards you have to sign in again. If you know nothing of this, do nothing.",
        },
        MailKind::AddressChangeRequested => Words {
            subject: "Your address is about to change",
            opening: "Your account was told to use another mail address. It will, once that address has been confirmed.",
            button: NOT_ME,
            closing: IF_NOT,
        },
        MailKind::AddressChanged => Words {
            subject: "Your address was changed",
            opening: "Your account uses another mail address from now on, and every session was ended.",
            button: NOT_ME,
            closing: "If it was you, you need do nothing. If it was not, open the page below: the account gets this address back, every session ends, and you set a new password.",
        },
        MailKind::PasswordChanged => Words {
            subject: "Your password was changed",
            opening: "The password of your account was changed, and every other session was ended.",
            button: NOT_ME,
            closing: IF_NOT,
        },
        MailKind::TheftDetected => Words {
            subject: "A session was ended for your safety",
            opening: "A sign-in token of your account was used twice, as happens when somebody has copied it. The session was ended. Sign in again.",
            button: NOT_ME,
            closing: IF_NOT,
        },
        MailKind::NewDevice => Words {
            subject: "A new device signed in",
            opening: "Somebody, hopefully you, signed in to your account with a device that it has not seen before.",
            button: NOT_ME,
            closing: IF_NOT,
        },
        MailKind::NewCountry => Words {
            subject: "A sign-in from another country",
            opening: "Somebody, hopefully you, signed in to your account from a country that it has not seen before.",
            button: NOT_ME,
            closing: IF_NOT,
        },
        MailKind::AllSessionsEnded => Words {
            subject: "All your sessions were ended",
            opening: "Every session of your account was ended. To go on, sign in again.",
            button: NOT_ME,
            closing: IF_NOT,
        },
        MailKind::AccountErased => Words {
            subject: "Your account was erased",
            opening: "Your account with this address was erased, with its sessions and everything that was stored in it. This is the last mail about it.",
            button: "",
            closing: "If it was not you, somebody knew your password: change it wherever else you use it. The account does not come back; you can register again.",
        },
        MailKind::AccountLocked => Words {
            subject: "Sign-in is locked for a while",
            opening: "Too many wrong passwords were tried for your account, so no password is looked at for a while. Your sessions live on, and a new password lifts the lock.",
            button: NOT_ME,
            closing: IF_NOT,
        },
    }
}
