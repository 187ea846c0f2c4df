"""Who may do what: organizations, teams, people, service accounts, keys, one decision (`verdict`), and the boundary.

Keys are cached in each process and forgotten on a notification sent inside the revoking transaction; see `keys`.
"""
