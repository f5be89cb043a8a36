"""The rules: from readings of a role's members to the count it should have, and why.

Pure: time, readings and what was remembered are arguments; nothing here knows a container.
"""
