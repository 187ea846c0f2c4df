"""Projects and runs: where versions come from. Every command locks its project or run first, then reads and decides."""
