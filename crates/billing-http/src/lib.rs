//! The billing server: configuration, wiring, routes, workers
