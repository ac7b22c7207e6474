//! The same with one client: it opens its connection at the start and makes one call for each event.

use lambda_http::{Error, Request, run, service_fn};

mod client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = client::open();
    client::read(&client).await?;
    let client = &client;
    run(service_fn(async move |_: Request| {
        client::read(client).await.map(|()| "floor")
    }))
    .await
}
