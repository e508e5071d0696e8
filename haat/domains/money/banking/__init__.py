"""Banking: the bank accounts of vendors: several of each, one that is paid to, checked by staff.

It owns the accounts and whether they were checked. It does not own payouts, which it tells where
they go, nor the accounts that vendors have at payment providers (payments).
"""
