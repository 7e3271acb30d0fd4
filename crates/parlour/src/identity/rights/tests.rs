//! Tests of rights.
