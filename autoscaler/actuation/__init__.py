"""What acts on the host: NGINX and its upstream file, draining, health probes."""
