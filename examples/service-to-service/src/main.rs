//! One service that calls another with short-lived tokens: `cargo run -p service-to-service`, then ask as the printed lines say.
//!
//! The shop (src/shop.rs) is what people call, the stock (src/stock.rs) is what the shop calls. A debug build runs both in one
//! process, with an identity provider of its own. Elsewhere each runs alone: `service-to-service stock` and
//! `service-to-service shop`, with OIDC_ISSUER, LISTEN, and for the shop STOCK_ORIGIN and CLIENT_SECRET, and STOCK_NETWORKS when the
//! stock is inside (10.20.0.0/16).

use std::env;
use std::error::Error;
use std::future::IntoFuture;

use axum::Router;
use gambeson_core::{Profile, SecretBytes};
use gambeson_oidc_auth::{ClientAuth, Issuer};
use gambeson_testing::{DevClient, DevIdp};
use tokio::net::TcpListener;

mod shop;
mod stock;
#[cfg(test)]
mod tests;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    // Why somebody was refused stands in the log, and nowhere else.
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    match (env::args().nth(1).as_deref(), env::var("OIDC_ISSUER")) {
        (Some("stock"), Ok(issuer)) => {
            serve(&needed("LISTEN")?, stock::app(Issuer::discover(issuer), Profile::from_env()?)?).await
        }
        (Some("shop"), Ok(issuer)) => {
            let client = ClientAuth::secret("shop", SecretBytes::new(needed("CLIENT_SECRET")?));
            let origin = needed("STOCK_ORIGIN")?;
            let networks = env::var("STOCK_NETWORKS").unwrap_or_default();
            let networks: Vec<_> = networks.split_whitespace().map(str::to_owned).collect();
            let app = shop::app(&Issuer::discover(issuer), client, &origin, &networks, Profile::from_env()?)?;
            serve(&needed("LISTEN")?, app).await
        }
        (None, Err(_)) if cfg!(debug_assertions) => develop().await,
        _ => Err("say `shop` or `stock`, and name the identity provider: OIDC_ISSUER=https://id.example.com"
            .into()),
    }
}

fn needed(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("{name} is not set"))
}

async fn serve(address: &str, app: Router) -> Result<(), Failure> {
    Ok(axum::serve(TcpListener::bind(address).await?, app).await?)
}

/// A developer's machine: both services, and an identity provider on loopback that knows the shop.
async fn develop() -> Result<(), Failure> {
    let profile = Profile::development(|name| env::var(name).ok())?;
    let idp = provider("127.0.0.1:3001").await?;
    let issuer = Issuer::discover(idp.issuer());
    let shop = shop::app(&issuer, shop_client(), "http://127.0.0.1:3005", &[], profile)?;
    let stock = stock::app(issuer, profile)?;
    println!("try: curl http://127.0.0.1:3004/price");
    let form = "-d user=alice -d scope=stock:write -H 'Accept: text/plain'";
    println!("     TOKEN=$(curl -s {form} {}/dev/token)", idp.issuer());
    println!("     curl -X POST http://127.0.0.1:3004/orders -H \"Authorization: Bearer $TOKEN\"");
    let (shop_at, stock_at) =
        (TcpListener::bind("127.0.0.1:3004").await?, TcpListener::bind("127.0.0.1:3005").await?);
    tokio::try_join!(axum::serve(shop_at, shop).into_future(), axum::serve(stock_at, stock).into_future())?;
    Ok(())
}

async fn provider(address: &str) -> Result<DevIdp, Failure> {
    let shop = DevClient::confidential("shop", "made-up-secret");
    Ok(DevIdp::builder().bind(address).audience("shop").client(shop).start().await?)
}

fn shop_client() -> ClientAuth {
    ClientAuth::secret("shop", SecretBytes::new(&b"made-up-secret"[..]))
}
