//! Gateways that run offline, over their real wire protocols
