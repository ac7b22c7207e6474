//! Mail: what the outbox asks for, who pays for it, and how it reads.
//!
//! Mail goes to stored addresses only and holds nothing that a stranger typed: a name in a mail to an address that its owner has not
//! verified yet would make this service a carrier of other people's messages.

mod compose;
mod letter;
mod mailer;
mod postage;
mod sender;
mod words;

pub use compose::{Content, Message, Told, compose};
pub use mailer::Mailer;
pub use postage::{PostOffice, Postage, Price};
pub use sender::{Sender, client};
