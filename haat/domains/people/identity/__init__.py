"""Identity: accounts, passwords, sessions, tokens, and the roles that make scopes.

It owns who a person is and what they may do, a name and an e-mail address included. It does not
own addresses and telephone numbers (profiles) nor what a vendor is (vendors).
"""
