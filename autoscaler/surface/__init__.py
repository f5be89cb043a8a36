"""What people and machines see of the daemon: logs and the control socket."""
