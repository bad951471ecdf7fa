//! Where and when a server for development starts.

use std::io;
use std::net::SocketAddr;

use gambeson_core::Profile;
use tokio::net::TcpListener;

use super::failure::{Failure, FailureKind};

/// Listens for the server of this name, if the profile and the address let it.
pub(crate) async fn listen(name: &str, bind: &str, by_code: Option<Profile>) -> Result<TcpListener, Failure> {
    check_profile(name, by_code, |variable| {
        std::env::var_os(variable).map(|value| value.to_string_lossy().into_owned())
    })?;
    if !has_runtime() {
        return Err(Failure::new(FailureKind::System, "there is no tokio runtime to run on"));
    }
    let address = loopback(name, bind)?;
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            let what = format!("port {} of {} is taken: choose another one", address.port(), address.ip());
            Failure::new(FailureKind::PortTaken, what).because(error)
        }
        _ => Failure::new(FailureKind::System, format!("the {name} can't listen")).because(error),
    })
}

/// A socket needs a runtime, and panics without.
fn has_runtime() -> bool {
    tokio::runtime::Handle::try_current().is_ok()
}

/// Development, unless code or environment say otherwise; production by either is production.
fn check_profile(
    name: &str,
    by_code: Option<Profile>,
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<(), Failure> {
    let refused = |what: String| Failure::new(FailureKind::Profile, what);
    let unset = lookup(Profile::VARIABLE).is_none_or(|word| word.is_empty());
    let checked = match unset {
        true => Profile::development(&lookup),
        false => Profile::from_lookup(&lookup),
    };
    let by_environment = checked.map_err(|error| refused(error.to_string()))?;
    if by_environment.is_production() || by_code.is_some_and(Profile::is_production) {
        return Err(refused(format!("the {name} does not start in the production profile: name a real one")));
    }
    Ok(())
}

fn loopback(name: &str, bind: &str) -> Result<SocketAddr, Failure> {
    let refused = |why| {
        let what = format!("the {name} does not listen on {bind:?}, {why}: bind 127.0.0.1:0");
        Failure::new(FailureKind::Address, what)
    };
    let address: SocketAddr = bind
        .parse()
        .map_err(|error| refused("which is not an address with a port").because(io::Error::other(error)))?;
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err(refused("which others can reach")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(by_code: Option<Profile>, variables: &[(&str, &str)]) -> Result<(), String> {
        let lookup =
            |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        check_profile("dev server", by_code, lookup).map_err(|failure| failure.what)
    }

    #[test]
    fn it_starts_in_development_only() {
        for by_code in [None, Some(Profile::Development)] {
            assert_eq!(checked(by_code, &[]), Ok(()));
            assert_eq!(checked(by_code, &[("GAMBESON_PROFILE", "")]), Ok(()));
            assert_eq!(checked(by_code, &[("GAMBESON_PROFILE", "development")]), Ok(()));
            for (variable, value, words) in [
                ("GAMBESON_PROFILE", "production", "name a real one"),
                ("GAMBESON_PROFILE", "prod", "write \"production\" or"),
                ("GAMBESON_PROFILE", "Production", "write \"production\" or"),
                ("KUBERNETES_SERVICE_HOST", "10.0.0.1", "hosting platform"),
                ("FLY_APP_NAME", "", "hosting platform"),
            ] {
                let refused = checked(by_code, &[(variable, value)]).unwrap_err();
                assert!(refused.contains(words), "{variable}={value}: {refused}");
            }
        }
        assert!(checked(Some(Profile::Production), &[("GAMBESON_PROFILE", "development")]).is_err());
        let hosted = [("GAMBESON_PROFILE", "development"), ("DYNO", "web.1")];
        assert!(checked(None, &hosted).unwrap_err().contains("DYNO"));
    }
}
