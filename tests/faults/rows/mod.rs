//! The rows of the matrix, by theme.

mod certificate;
mod disk;
mod migration;
mod monitor;
mod network;
mod operator;
mod process;
mod replaced;

use crate::row::Row;

/// Every row, in the order in which they are told.
pub(crate) fn all() -> Vec<Row> {
    [of_servers(), of_networks()].into_iter().flatten().collect()
}

/// What befalls servers.
pub(crate) fn of_servers() -> Vec<Row> {
    let of_processes = [process::rows(), operator::rows(), replaced::rows(), migration::rows()];
    let of_machines = [certificate::rows(), disk::rows()];
    of_processes.into_iter().chain(of_machines).flatten().collect()
}

/// What befalls networks, clocks and Pointsman itself.
pub(crate) fn of_networks() -> Vec<Row> {
    [network::rows(), monitor::rows()].into_iter().flatten().collect()
}
