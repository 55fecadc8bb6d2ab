//! Arguments to subcommands.

fn main() {}
