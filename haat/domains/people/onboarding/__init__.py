"""Onboarding: how an applicant becomes a vendor: checklist, papers, terms, and staff's review.

It owns what the operator asks for and what each vendor gave. It does not own the vendor and its
status (vendors), its team (identity) or the bank accounts it is paid to (payouts, which tells).
"""
