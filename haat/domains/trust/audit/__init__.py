"""The audit: who changed what, as what it was and is, why, and in which request.

It owns the trail, a chain of hashes over it, and the reasons people gave. It does not note by
itself: triggers in each module's schema do, in the transaction that makes the change, and what they
note arrives here as `audit.noted` (docs/security/audit.md).
"""
