//! The rows of the matrix, by theme.

mod certificate;
mod disk;
mod monitor;
mod network;
mod operator;
mod process;

use crate::row::Row;

/// Every row, in the order in which they are told.
pub(crate) fn all() -> Vec<Row> {
    [of_servers(), of_networks()].into_iter().flatten().collect()
}

/// What befalls servers.
pub(crate) fn of_servers() -> Vec<Row> {
    let rows = [process::rows(), operator::rows(), certificate::rows(), disk::rows()];
    rows.into_iter().flatten().collect()
}

/// What befalls networks, clocks and Pointsman itself.
pub(crate) fn of_networks() -> Vec<Row> {
    [network::rows(), monitor::rows()].into_iter().flatten().collect()
}
