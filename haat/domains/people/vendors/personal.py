"""What vendors have of people: nothing of somebody who owns none."""

from haat.engines.sql.personal import Personal

_ADDRESS = "a business's public address; it goes with the vendor"
PERSONAL_DATA = Personal(
    rules=(),
    kept={
        "vendors.contact_email": _ADDRESS,
        "vendors.support_email": _ADDRESS,
        "vendors.support_phone": _ADDRESS,
        "places.line1": _ADDRESS,
        "places.postal_code": _ADDRESS,
        "places.city": _ADDRESS,
        "places.phone": _ADDRESS,
    },
)
