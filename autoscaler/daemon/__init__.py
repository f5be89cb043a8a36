"""The long-running process: one thread owns all state, everything that can block runs beside it."""
