//! Mail: what is written, and how it is sent.
//!
//! Mail goes to the stored address only and holds nothing that a stranger typed: a name in a mail to an address that nobody
//! has proved yet would make this service a carrier of other people's messages.

mod compose;
mod mailer;
mod sender;
mod words;

pub use compose::{Message, Told, compose};
pub use mailer::Mailer;
pub use sender::{Sender, client};
