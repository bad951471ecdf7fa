//! From the settings to the last answer.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gambeson::audit_trail::AuditTrail;
use gambeson::core::SystemClock;
use gambeson::hardening_headers::serve::{Server, Tls, TlsConfig, serve};
use gambeson::otel_setup::{AxumRoute, Telemetry, logs};
use gambeson::rbac::{Activations, FileActivations};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{self, App, Listeners};
use crate::data_dir::DataDir;
use crate::dev::{self, Embedded};
use crate::identity::Identity;
use crate::keys::{CLIENT_SECRET, Keys, MODEL_KEY};
use crate::model::Model;
use crate::settings::Settings;
use crate::store::Store;
use crate::{banner, budget, trail};

/// Why the app did not start or did not end well: text for a person.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long requests may go on after the app was told to end; with the trail's close within five seconds.
const DRAIN: Duration = Duration::from_secs(3);

/// Serves until Ctrl-C or SIGTERM, then finishes what it has.
pub async fn until_told_to_end(settings: &Settings) -> Result<(), Failure> {
    logs::init(settings.profile)?;
    let doors = Doors::open(settings).await?;
    let origin = settings.origin(doors.public.local_addr()?);
    let embedded = Embedded::start(settings, &origin).await?;
    let data = DataDir::create(&settings.data_dir).map_err(|error| at(&settings.data_dir, &error))?;
    let trail = trail::open(settings, &data)?;
    let telemetry = Telemetry::builder("hardened-notes", env!("CARGO_PKG_VERSION"))
        .env()
        .run_in(settings.profile)
        .routes(AxumRoute)
        .health(trail.clone())
        .build()?;
    let served = match assemble(settings, &origin, &embedded, &data, &trail, &telemetry).await {
        Ok((listeners, activations)) => {
            let served = doors.serve(&embedded, &origin, listeners, &telemetry).await;
            // Names and reasons of roles whose time is over don't wait for the next start.
            served.and(activations.forget_ended().map_err(Failure::from))
        }
        Err(error) => Err(error),
    };
    // However it went: what is on record stays.
    telemetry.shutdown(Duration::from_secs(1)).await;
    let closed = trail.stopped(Duration::from_secs(1)).await;
    served?;
    closed?;
    Ok(())
}

/// The app with everything that it needs.
async fn assemble(
    settings: &Settings,
    origin: &str,
    embedded: &Embedded,
    data: &DataDir,
    trail: &AuditTrail,
    telemetry: &Telemetry,
) -> Result<(Listeners, Activations), Failure> {
    let model_origin = embedded.model_origin(settings);
    let wanted = [settings.client_id.as_ref().map(|_| CLIENT_SECRET), model_origin.map(|_| MODEL_KEY)];
    let keys = Keys::open(settings, &wanted.into_iter().flatten().collect::<Vec<_>>(), trail).await?;
    let guard = budget::guard(trail, telemetry)?;
    let model = match model_origin {
        Some(model) => Some(Model::connect(model, settings.profile, &keys, &guard, telemetry).await?),
        None => None,
    };
    let identity = Identity::new(settings, embedded.issuer(settings), origin, &keys, trail)?;
    let sign_in = settings.client_id.is_some();
    let policy = app::policy()?;
    let (record, clock) = (Arc::new(trail.clone()), Arc::new(SystemClock::new()));
    policy.audit("policy.toml", record.clone(), clock.clone());
    let kept = FileActivations::new(data.activations());
    let activations = Activations::open(&policy, kept, record, clock)?;
    let store = Store::open(&data.notes()?)?;
    let taken = activations.clone();
    let app = App { store, trail: trail.clone(), policy, activations, guard, model, sign_in };
    Ok((app::build(settings, origin, identity, app, telemetry)?, taken))
}

/// Where the app listens, and what it speaks there.
struct Doors {
    public: TcpListener,
    tls: Option<Tls>,
    scheme: &'static str,
    /// Production only, and always plain http.
    operators: Option<TcpListener>,
}

impl Doors {
    async fn open(settings: &Settings) -> Result<Self, Failure> {
        let tls = settings.tls.as_ref().map(TlsConfig::load).transpose()?;
        let public = bind(settings.listen, "PORT").await?;
        let operators = match settings.profile.is_production() {
            true => Some(bind(settings.management, "MANAGEMENT_BIND").await?),
            false => None,
        };
        Ok(Self { public, tls, scheme: settings.scheme(), operators })
    }

    async fn serve(
        self,
        embedded: &Embedded,
        origin: &str,
        listeners: Listeners,
        telemetry: &Telemetry,
    ) -> Result<(), Failure> {
        let url = format!("{}://{}", self.scheme, self.public.local_addr()?);
        banner::stack(&listeners.report);
        let server = || -> io::Result<Server> { Ok(Server::new().drain(DRAIN).shutdown(told_to_end()?)) };
        let front = server()?.readiness(telemetry.readiness());
        let front = match self.tls {
            Some(tls) => front.tls(tls),
            None => front,
        };
        let public = serve(self.public, listeners.public, front);
        let (Some(operators), Some(management)) = (self.operators, listeners.management) else {
            banner::demo(origin, embedded);
            banner::listening(&url);
            public.await?;
            return Ok(());
        };
        banner::management(operators.local_addr()?);
        banner::listening(&url);
        let (public, operators) = tokio::join!(public, serve(operators, management, server()?));
        public?;
        operators?;
        Ok(())
    }
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

fn at(path: &Path, error: &io::Error) -> Failure {
    format!("{}: {error}; choose another folder with DATA_DIR=./data", path.display()).into()
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
