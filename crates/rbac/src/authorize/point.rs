//! Who handlers ask again.

use std::sync::Arc;

use gambeson_core::DecisionPoint;
use http::Method;

use super::settings::Settings;

/// A layer's settings, and the method of the request that it let pass.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) settings: Arc<Settings>,
    /// As the layer saw it, whatever layers inside of it make of it.
    pub(crate) method: Method,
}

/// What a layer hands on with each request that it lets pass. Made once for each common method, so that it costs those no
/// allocation.
#[derive(Debug)]
pub(super) struct Points([(Method, DecisionPoint); 6]);

impl Points {
    pub(super) fn new(settings: &Arc<Settings>) -> Self {
        let common = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD];
        Self(common.map(|method| (method.clone(), point(settings, method))))
    }

    /// The one for requests of this method.
    #[inline]
    pub(super) fn of(&self, settings: &Arc<Settings>, method: &Method) -> DecisionPoint {
        let common = self.0.iter().find(|(common, _)| common == method);
        common.map_or_else(|| point(settings, method.clone()), |(_, point)| point.clone())
    }
}

fn point(settings: &Arc<Settings>, method: Method) -> DecisionPoint {
    let judge = Arc::new(Judge { settings: Arc::clone(settings), method });
    Arc::new(Box::new(judge))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handle::PolicyHandle;

    #[test]
    fn each_request_is_handed_on_with_its_own_method() {
        let policy: PolicyHandle = "version = 1".parse().unwrap();
        let settings = Arc::new(Settings::new(policy, Arc::new(crate::authorize::GrpcMethod)));
        let points = Points::new(&settings);
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "PROPFIND"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let point = points.of(&settings, &method);
            let judge = point.downcast_ref::<Arc<Judge>>().unwrap();
            assert_eq!(judge.method, method);
            assert!(Arc::ptr_eq(&judge.settings, &settings));
        }
    }
}
