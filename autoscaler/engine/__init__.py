"""Adapters of the Docker engine: the only package that speaks its API."""
