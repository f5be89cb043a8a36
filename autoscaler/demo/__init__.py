"""The demo: a small stack on a real engine, load through a real NGINX, the daemon beside it.

The daemon knows nothing of this package; only the `demo` command and the tests use it.
"""
