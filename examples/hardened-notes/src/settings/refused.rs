//! What a profile refuses.

use gambeson::core::ConfigProblems;

use super::{IssuerSetting, ModelSetting, Settings};

impl Settings {
    /// Notes everything that this profile does not take.
    pub(super) fn refuse(&self, proxies_declared: bool, problems: &mut ConfigProblems) {
        if let Err(error) = self.profile.check_bind(self.listen) {
            problems.add("BIND", self.listen.to_string(), error.to_string());
        }
        self.refuse_missing_secrets(problems);
        if !self.profile.is_production() {
            return self.refuse_strangers(problems);
        }
        self.refuse_shortcuts(problems);
        self.refuse_exposure(problems);
        if !proxies_declared {
            let cure = "declare the proxies in front, such as 10.0.3.0/24, or write none";
            problems.add("TRUSTED_PROXIES", "", cure);
        }
    }

    /// What a developer's own machine does not have: somebody else on the line.
    fn refuse_strangers(&self, problems: &mut ConfigProblems) {
        let cure = "development shows everything to whoever calls: set GAMBESON_PROFILE=production";
        if !self.proxies.is_empty() {
            problems.add("TRUSTED_PROXIES", self.proxies.join(","), cure);
        }
        // Without TLS of its own, https is somebody else's in front.
        let foreign = |origin: &&String| origin.starts_with("https://") && self.tls.is_none();
        if let Some(origin) = self.public_origin.as_ref().filter(foreign) {
            problems.add("PUBLIC_ORIGIN", origin, cure);
        }
    }

    /// A real service takes no made-up secret.
    fn refuse_missing_secrets(&self, problems: &mut ConfigProblems) {
        if self.secrets_dir.is_some() {
            return;
        }
        let needed = [
            (matches!(self.issuer, IssuerSetting::Real(_)) && self.client_id.is_some(), "oidc-client-secret"),
            (matches!(self.model, ModelSetting::Real(_)), "model-key"),
        ];
        for (_, file) in needed.iter().filter(|(needed, _)| *needed) {
            let cure = format!("name the folder, such as /run/secrets, that holds the file {file}");
            problems.add("SECRETS_DIR", "", cure);
        }
    }

    /// What is fine on a developer's machine and nowhere else.
    fn refuse_shortcuts(&self, problems: &mut ConfigProblems) {
        match &self.issuer {
            IssuerSetting::Dev(_) => problems.add(
                "OIDC_ISSUER",
                "",
                "production does not start the dev identity provider: name your issuer, such as https://id.example.com",
            ),
            IssuerSetting::Real(issuer) if !issuer.starts_with("https://") => {
                problems.add("OIDC_ISSUER", issuer, "production takes an https issuer only");
            }
            IssuerSetting::Real(_) => {}
        }
        match &self.public_origin {
            None => problems.add(
                "PUBLIC_ORIGIN",
                "",
                "say how browsers reach the app, such as https://notes.example.com",
            ),
            Some(origin) if !origin.starts_with("https://") => {
                problems.add("PUBLIC_ORIGIN", origin, "production takes an https origin only");
            }
            Some(_) => {}
        }
        self.refuse_careless_spending(problems);
    }

    fn refuse_careless_spending(&self, problems: &mut ConfigProblems) {
        let ModelSetting::Real(origin) = &self.model else { return };
        if !origin.starts_with("https://") {
            problems.add("MODEL_URL", origin, "production takes an https origin only: the key goes there");
        }
        if !self.spending_forgotten {
            let cure = "what people spent is in memory and a restart refills their budgets: write yes if that may be";
            problems.add("DANGEROUSLY_FORGET_SPENDING_ON_RESTART", "", cure);
        }
    }

    fn refuse_exposure(&self, problems: &mut ConfigProblems) {
        if !self.management.ip().is_loopback() && !self.management_exposed {
            let cure = "whoever reaches it reads metrics and policy: bind loopback, or write \
                        DANGEROUSLY_EXPOSE_MANAGEMENT=yes when a network policy stands in front";
            problems.add("MANAGEMENT_BIND", self.management.to_string(), cure);
        }
    }
}
