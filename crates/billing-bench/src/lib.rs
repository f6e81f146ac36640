//! Measures the budgets of the server
