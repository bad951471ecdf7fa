//! Runs the tests.

use gambeson_core::BoxError;
use url::Url;

use super::catalogue::{CASES, Case, Script, Told};
use super::judge::{self, Verdict};
use super::relying_party::RelyingParty;
use super::report::{Finding, Plan, Report};
use super::start::{Given, Running};
use super::visit::{PERSON, Place, Visit};
use crate::dev_idp::{DevClient, DevIdp, DevIdpError, Fault, LogoutFault, SigningAlgorithm};

/// What an app that the suite starts is registered with.
const CLIENT_ID: &str = "relying-party";
const CLIENT_SECRET: &str = "dev-relying-party-secret";

/// The tests for one app. See the [module](super) for the whole page.
#[derive(Debug, Clone)]
pub struct Suite {
    app: RelyingParty,
    plans: Vec<Plan>,
    tests: Vec<String>,
}

/// An app that runs already, and the provider that it was told of.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    pub(super) origin: String,
    pub(super) provider: String,
    pub(super) client: (String, String),
}

impl Elsewhere {
    /// An app at this origin, for example `http://127.0.0.1:3000`, whose provider is `http://127.0.0.1:3001`, with the client
    /// `web` and the secret `dev-web-secret`.
    pub fn new(origin: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            provider: "127.0.0.1:3001".to_owned(),
            client: ("web".to_owned(), "dev-web-secret".to_owned()),
        }
    }

    /// Where the provider listens, an address with a port. Default `127.0.0.1:3001`.
    #[must_use]
    pub fn provider(mut self, address: impl Into<String>) -> Self {
        self.provider = address.into();
        self
    }

    /// The client that the app was told to be. Default `web` with `dev-web-secret`.
    #[must_use]
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.client = (id.into(), secret.into());
        self
    }
}

impl Suite {
    /// All tests for this app.
    pub fn new(app: RelyingParty) -> Self {
        Self { app, plans: Vec::new(), tests: Vec::new() }
    }

    /// Only the tests of this plan; several calls add up.
    #[must_use]
    pub fn plan(mut self, plan: Plan) -> Self {
        self.plans.push(plan);
        self
    }

    /// Only the test of this official name; several calls add up.
    #[must_use]
    pub fn test(mut self, name: impl Into<String>) -> Self {
        self.tests.push(name.into());
        self
    }

    /// A name that is misspelt would else be a test that nothing fails.
    fn check_names(&self) -> Result<(), DevIdpError> {
        let unknown = |name: &&String| CASES.iter().all(|case| case.name != name.as_str());
        match self.tests.iter().find(unknown) {
            Some(name) => Err(DevIdpError::of_test(name)),
            None => Ok(()),
        }
    }

    fn cases(&self) -> impl Iterator<Item = &'static Case> {
        CASES.iter().filter(|case| {
            let planned = self.plans.is_empty() || case.plans.iter().any(|plan| self.plans.contains(plan));
            planned && (self.tests.is_empty() || self.tests.iter().any(|name| name == case.name))
        })
    }

    /// Starts a provider and the app for each test anew: `start` is told the provider, and says where the app is.
    ///
    /// An app that can't be started fails the test, but for the one whose provider nobody should trust.
    ///
    /// # Errors
    /// A provider could not be started, the origin is not one on loopback, or there is no test of a name.
    pub async fn run<F>(&self, mut start: impl FnMut(Given) -> F) -> Result<Report, DevIdpError>
    where
        F: Future<Output = Result<Running, BoxError>>,
    {
        self.check_names()?;
        let mut report = Report::default();
        let keys = DevIdp::builder().start().await?;
        for case in self.cases() {
            let idp = DevIdp::builder().keys_of(&keys).start().await?;
            self.prepare(&idp, case)?;
            let given = Given {
                issuer: idp.issuer().to_owned(),
                client_id: CLIENT_ID.to_owned(),
                client_secret: CLIENT_SECRET.to_owned(),
            };
            let verdict = match start(given).await {
                Err(error) => not_started(case, &idp, &error),
                Ok(running) => {
                    let place = self.place(&running.origin, &idp, (CLIENT_ID, CLIENT_SECRET))?;
                    let verdict = run(&place, case).await;
                    drop(running);
                    verdict
                }
            };
            idp.stop().await;
            report.findings.push(finding(case, verdict));
        }
        Ok(report)
    }

    /// Runs the tests on an app that is not started anew, with one provider for all of them. Those that need an app that
    /// has seen nothing yet don't apply.
    ///
    /// `ready` is waited for when the provider listens: there is the time to start the app, or to wait for it.
    ///
    /// # Errors
    /// The provider could not be started, the origin is not one on loopback, or there is no test of a name.
    pub async fn run_elsewhere(
        &self,
        app: &Elsewhere,
        ready: impl Future<Output = ()>,
    ) -> Result<Report, DevIdpError> {
        self.check_names()?;
        let idp = DevIdp::builder().bind(app.provider.as_str()).start().await?;
        let (id, secret) = (app.client.0.as_str(), app.client.1.as_str());
        let place = self.place(&app.origin, &idp, (id, secret))?;
        ready.await;
        let mut report = Report::default();
        for case in self.cases() {
            let verdict = match case.script {
                Script::MovedKeys | Script::IssuerMismatch => {
                    judge::not_applicable("the app would have to be started for this test")
                }
                _ => {
                    self.prepare(&idp, case)?;
                    run(&place, case).await
                }
            };
            idp.fault(Fault::None);
            report.findings.push(finding(case, verdict));
        }
        idp.stop().await;
        Ok(report)
    }

    fn prepare(&self, idp: &DevIdp, case: &Case) -> Result<(), DevIdpError> {
        if case.script == Script::SeveralKeys {
            idp.rotate(true)?;
            idp.rotate(true)?;
        }
        idp.fault(case.fault);
        Ok(())
    }

    /// Makes the app known to the provider.
    fn place<'a>(
        &'a self,
        origin: &str,
        idp: &'a DevIdp,
        (id, secret): (&'a str, &str),
    ) -> Result<Place<'a>, DevIdpError> {
        let client = DevClient::confidential(id, secret)
            .redirect_uri(format!("{origin}{}", self.app.callback))
            .post_logout_redirect_uri(format!("{origin}{}", self.app.after_logout));
        let client = match &self.app.back_channel {
            Some(path) => client.backchannel_logout(format!("{origin}{path}")),
            None => client,
        };
        idp.register(client)?;
        let origin = Url::parse(origin).map_err(|error| DevIdpError::of_app(origin, error))?;
        Ok(Place { app: &self.app, origin, idp, client_id: id })
    }
}

fn finding(case: &Case, (outcome, seen): Verdict) -> Finding {
    Finding { test: case.name, plans: case.plans, outcome, seen }
}

/// Not to start at all is an answer to metadata of somebody else.
fn not_started(case: &Case, idp: &DevIdp, error: &BoxError) -> Verdict {
    match case.script == Script::IssuerMismatch && judge::metadata_was_asked_for(idp) {
        true => judge::passed(format!("the app does not start: {error}")),
        false => judge::failed(format!("the app does not start: {error}")),
    }
}

async fn run(place: &Place<'_>, case: &Case) -> Verdict {
    let visit = place.sign_in().await;
    match case.script {
        Script::WholeWay => judge::whole_way(&visit),
        Script::Accepted => judge::accepted(&visit),
        Script::Refused => judge::refused(&visit),
        Script::BetterRefused(why) => judge::better_refused(&visit, why),
        Script::SeveralKeys => judge::several_keys(&visit),
        Script::Scopes => judge::scopes(&visit),
        Script::SecretBasic => judge::secret_basic(&visit),
        Script::BearerHeader => judge::bearer_header(&visit),
        Script::UserinfoSubject => judge::userinfo_subject(&visit),
        Script::Metadata => judge::metadata(place.idp, &visit),
        Script::MovedKeys => judge::moved_keys(place.idp, &visit),
        Script::IssuerMismatch => judge::issuer_mismatch(place.idp, &visit),
        Script::Rotation => rotation(place, visit).await,
        Script::SignOut { with_state } => sign_out(place, visit, with_state).await,
        Script::BackChannel(told) => back_channel(place, visit, told).await,
    }
}

async fn rotation(place: &Place<'_>, first: Visit) -> Verdict {
    if !first.is_signed_in() {
        return judge::accepted(&first);
    }
    match place.idp.rotate(false) {
        Ok(()) => judge::accepted(&place.sign_in().await),
        Err(error) => judge::failed(error.to_string()),
    }
}

async fn sign_out(place: &Place<'_>, visit: Visit, with_state: bool) -> Verdict {
    let Some((method, path)) = &place.app.logout else {
        return judge::not_applicable("the app was described without a log-out");
    };
    if !visit.is_signed_in() {
        return judge::accepted(&visit);
    }
    judge::signed_out(place, &place.sign_out(visit, method, path).await, with_state)
}

async fn back_channel(place: &Place<'_>, visit: Visit, told: Told) -> Verdict {
    let Some(path) = &place.app.back_channel else {
        return judge::not_applicable("the app was described without a back channel");
    };
    if !visit.is_signed_in() {
        return judge::accepted(&visit);
    }
    let good = place.idp.mint_logout(place.client_id).claim("sub", PERSON);
    let token = match told {
        Told::Fault(fault) => fault.spoil(good),
        Told::WrongAlgorithm => good.algorithm(SigningAlgorithm::Es256),
    };
    let bad = told != Told::Fault(LogoutFault::None);
    match place.tell(path, &token.token()).await {
        Ok(answer) => judge::told(bad, &answer, &place.look_again(visit).await),
        Err(why) => judge::failed(why),
    }
}
