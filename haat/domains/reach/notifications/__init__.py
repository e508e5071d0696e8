"""Notifications own what people were told: the list in the account, and mails waiting to be sent.

They do not own addresses or orders: who is reached, where, and what is said is asked when a mail is
sent. What happened is stated by the modules below; nothing is decided here.
"""
