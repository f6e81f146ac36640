//! Fakes, builders and conformance suites for tests
