//! Ports and use cases of billing
