//! The client once more, and a signature of an access token's kind verified for each event: what GET me cannot do without.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use lambda_http::{Error, Request, run, service_fn};

mod client;

/// As long as the signed part of an access token.
const SIGNED: [u8; 600] = [b'x'; 600];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = client::open();
    client::read(&client).await?;
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let signature = pair.sign(&SystemRandom::new(), &SIGNED)?;
    let key = UnparsedPublicKey::new(
        &ECDSA_P256_SHA256_FIXED,
        pair.public_key().as_ref().to_vec(),
    );
    let (client, key, signature) = (&client, &key, &signature);
    let answer = async move |_: Request| {
        key.verify(&SIGNED, signature.as_ref())?;
        client::read(client).await.map(|()| "floor")
    };
    run(service_fn(answer)).await
}
