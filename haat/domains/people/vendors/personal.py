"""What vendors have of people: nothing of somebody who owns none."""

from haat.engines.sql.personal import Personal

PERSONAL_DATA = Personal(
    rules=(),
    kept={"vendors.contact_email": "a business's public address; it goes with the vendor"},
)
