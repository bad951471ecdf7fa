//! Production unless asked, and never development where strangers can reach it.

use gambeson_core::Profile;

fn with<'a>(variables: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + use<'a> {
    |name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
}

#[test]
fn production_is_the_default() {
    assert_eq!(Profile::from_lookup(with(&[])), Ok(Profile::Production));
    assert_eq!(Profile::from_lookup(with(&[("GAMBESON_PROFILE", "")])), Ok(Profile::Production));
    assert_eq!(Profile::default(), Profile::Production);
}

#[test]
fn development_is_asked_for_by_name() {
    assert_eq!(Profile::from_lookup(with(&[("GAMBESON_PROFILE", "development")])), Ok(Profile::Development));
    let error = Profile::from_lookup(with(&[("GAMBESON_PROFILE", "dev")])).unwrap_err().to_string();
    assert_eq!(error, r#"GAMBESON_PROFILE is "dev": write "production" or "development""#);
}

#[test]
fn development_is_refused_on_a_hosting_platform() {
    let hosted = [("GAMBESON_PROFILE", "development"), ("FLY_APP_NAME", "x")];
    let error = Profile::from_lookup(with(&hosted)).unwrap_err().to_string();
    assert!(error.contains("FLY_APP_NAME") && error.contains("GAMBESON_PROFILE=production"), "{error}");
}

#[test]
fn development_stays_on_loopback() {
    assert!(Profile::Development.check_bind("127.0.0.1:3000".parse().unwrap()).is_ok());
    assert!(Profile::Development.check_bind("[::1]:3000".parse().unwrap()).is_ok());
    assert!(Profile::Development.check_bind("0.0.0.0:3000".parse().unwrap()).is_err());
    assert!(Profile::Production.check_bind("0.0.0.0:3000".parse().unwrap()).is_ok());
}
