"""The demo's accounts, shown at start and on the sign-in page while the demo is on."""

from dataclasses import dataclass

DEMO_PASSWORD = "open-air-market"  # public; refused from other machines


@dataclass(frozen=True, slots=True)
class SignIn:
    """One account to try: what it is, and the page where its work is."""

    role: str
    email: str
    name: str
    path: str


SIGN_INS = (
    SignIn("customer", "customer@demo.haat.example", "Amina Rahman", "/"),
    SignIn("vendor", "clay@demo.haat.example", "Rokeya Sultana", "/vendor"),
    SignIn("vendor", "loom@demo.haat.example", "Tomás Herrera", "/vendor"),
    SignIn("staff", "admin@demo.haat.example", "Nadia Okafor", "/admin"),
    SignIn("finance", "finance@demo.haat.example", "Jonas Lindqvist", "/admin/payouts"),
)
