//! Who a caller is for the policy: claims, services, and those who act for somebody.

mod claims;
mod delegated;
mod providers;
mod services;
