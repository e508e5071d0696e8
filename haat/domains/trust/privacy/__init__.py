"""What people may ask about their own data: to be given it, and to be erased.

It owns the requests and how far each has come. It erases nothing of others itself: each module says
in its `personal.py` what it has and how that ends, and the process a module runs in does it
(docs/security/privacy.md).
"""
