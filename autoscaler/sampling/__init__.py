"""Readings: CPU of the members in percent of what each is allowed, from one of several sources."""
