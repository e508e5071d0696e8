"""Providers of identities: who vouches for people instead of a password. A port, and an adapter for
each kind there is; the operator names as many as they like.
"""
