//! Every record of billing in PostgreSQL
