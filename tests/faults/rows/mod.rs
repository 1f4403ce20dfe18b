//! The rows of the matrix, by theme.

mod disk;
mod operator;
mod process;

use crate::row::Row;

/// Every row, in the order in which they are played.
pub(crate) fn all() -> Vec<Row> {
    [process::rows(), operator::rows(), disk::rows()].into_iter().flatten().collect()
}
