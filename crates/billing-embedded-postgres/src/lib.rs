//! A private PostgreSQL for first runs and tests
