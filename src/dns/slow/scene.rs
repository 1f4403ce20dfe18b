//! Where a query came from, and what is known there.

use std::net::IpAddr;

use crate::{
    answers::AnswerTable,
    dns::{Admission, Rules, Transport},
    report::Reports,
};

/// Where a query came from, and what is known there.
#[derive(Clone, Copy)]
pub struct Scene<'t> {
    pub client: IpAddr,
    pub transport: Transport,
    pub admission: Admission,
    /// Wall time in seconds since 1970, modulo 2^32.
    pub unix_seconds: u32,
    pub rules: &'t Rules,
    pub table: &'t AnswerTable,
    pub reports: &'t Reports,
}
