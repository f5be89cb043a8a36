"""Scale the containers of a Docker host with CPU demand and keep NGINX pointed at healthy ones."""
