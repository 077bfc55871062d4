//! Disks that are full, read-only, or answer with errors.

mod failing;
mod full;
mod people;
mod read_only;
mod small;
