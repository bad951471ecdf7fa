//! From the settings to the last answer.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use gambeson::audit_trail::{AuditTrail, Config, TrailError, TrailErrorKind};
use gambeson::hardening_headers::serve::{Server, serve};
use gambeson::otel_setup::{AxumRoute, Telemetry, logs};
use gambeson_testing::DevIdp;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{self, App};
use crate::data_dir::DataDir;
use crate::settings::{IssuerSetting, Settings};
use crate::store::Store;
use crate::{banner, dev};

/// Why the app did not start or did not end well: text for a person.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long requests may go on after the app was told to end; with the trail's close within five seconds.
const DRAIN: Duration = Duration::from_secs(3);

/// Serves until Ctrl-C or SIGTERM, then finishes what it has.
pub async fn until_told_to_end(settings: &Settings) -> Result<(), Failure> {
    logs::init(settings.profile)?;
    let public = bind(settings.listen, "PORT").await?;
    let operators = match settings.profile.is_production() {
        true => Some(bind(settings.management, "MANAGEMENT_BIND").await?),
        false => None,
    };
    let idp = dev::start_idp(settings).await?;
    let data = DataDir::create(&settings.data_dir).map_err(|error| at(&settings.data_dir, &error))?;
    let trail = AuditTrail::open(data.audit(), &Config::default())
        .map_err(|error| taken(&settings.data_dir, error))?;
    let served = match Store::open(&data.notes()?) {
        Ok(store) => {
            let app = App { store, trail: trail.clone() };
            serve_both(settings, idp.as_ref(), app, public, operators).await
        }
        Err(error) => Err(error.into()),
    };
    // However it went: what is on record stays.
    let closed = trail.close(Duration::from_secs(1));
    served?;
    closed?;
    Ok(())
}

async fn serve_both(
    settings: &Settings,
    idp: Option<&DevIdp>,
    app: App,
    public: TcpListener,
    operators: Option<TcpListener>,
) -> Result<(), Failure> {
    let telemetry = Telemetry::builder("hardened-notes", env!("CARGO_PKG_VERSION"))
        .routes(AxumRoute)
        .health(app.trail.clone())
        .build()?;
    let routers = app::build(settings, issuer(settings, idp), app, &telemetry)?;
    let address = public.local_addr()?;
    let server = || -> io::Result<Server> { Ok(Server::new().drain(DRAIN).shutdown(told_to_end()?)) };
    let public = serve(public, routers.public, server()?.readiness(telemetry.readiness()));
    let (Some(operators), Some(router)) = (operators, routers.management) else {
        banner::listening(settings.profile, address, idp.map(DevIdp::address));
        public.await?;
        return Ok(());
    };
    banner::management(operators.local_addr()?);
    banner::listening(settings.profile, address, None);
    let (public, operators) = tokio::join!(public, serve(operators, router, server()?));
    public?;
    operators?;
    Ok(())
}

/// Ends on Ctrl-C or SIGTERM; listens from now on.
fn told_to_end() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn issuer<'a>(settings: &'a Settings, idp: Option<&'a DevIdp>) -> &'a str {
    match (&settings.issuer, idp) {
        (IssuerSetting::Real(issuer), _) => issuer,
        (IssuerSetting::Dev(_), idp) => idp.map(DevIdp::issuer).unwrap_or_default(),
    }
}

fn at(path: &Path, error: &io::Error) -> Failure {
    format!("{}: {error}; choose another folder with DATA_DIR=./data", path.display()).into()
}

fn taken(path: &Path, error: TrailError) -> Failure {
    match error.kind() {
        TrailErrorKind::Locked => {
            let path = path.display();
            format!(
                "{path} is in use by another process: stop it, or choose another folder with DATA_DIR=./data2"
            )
            .into()
        }
        _ => error.into(),
    }
}

async fn bind(address: SocketAddr, variable: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let port = dev::next_port(address);
        let other = if variable == "PORT" {
            port.to_string()
        } else {
            SocketAddr::new(address.ip(), port).to_string()
        };
        format!("can't listen on {address}: {error}; choose another, for example {variable}={other}").into()
    })
}
