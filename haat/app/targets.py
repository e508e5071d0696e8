"""The one list of modules and groups. `--target` names a group, modules, `web`, or `all`."""

from functools import cache
from importlib import import_module

from haat.kernel.errors import Invalid
from haat.kernel.module import Module

# In storeys, lower first; within a group, what stands left is below what stands right.
GROUPS: dict[str, tuple[str, ...]] = {
    "people": ("market", "media", "identity", "profiles", "vendors", "onboarding"),
    "goods": ("catalog", "pricing", "inventory", "imports", "requests"),
    "money": (
        "ledger",
        "commissions",
        "payments",
        "wallet",
        "payouts",
        "banking",
        "statements",
        "reconciliation",
    ),
    "trade": ("shipping", "cart", "orders", "settlement", "receipts", "checkout", "returns"),
    "trust": ("audit", "privacy", "support"),
    "insight": ("search", "performance"),
    "reach": ("webhooks", "notifications", "backoffice"),
}
MODULES: tuple[str, ...] = tuple(
    f"haat.domains.{group}.{name}" for group, names in GROUPS.items() for name in names
)
SITE = "web"  # the doors to the world, over modules in other processes
EVERYTHING = "all"


class UnknownTarget(Invalid, code="target_unknown"):
    """There is no such target; `haat targets` lists them."""


@cache
def all_modules() -> tuple[Module, ...]:
    """Every module's manifest, lower ones first."""
    return tuple(import_module(f"{package}.module").MODULE for package in MODULES)


def names_in(target: str) -> set[str]:
    """The modules a target such as 'all', 'money' or 'cart,orders' names, none of them imported;
    UnknownTarget."""
    wanted: set[str] = set()
    for name in _words(target):
        if name == EVERYTHING:
            wanted.update(*GROUPS.values())
        elif name == SITE:
            continue
        elif name in GROUPS:
            wanted.update(GROUPS[name])
        elif any(name in names for names in GROUPS.values()):
            wanted.add(name)
        else:
            raise UnknownTarget(f"There is no target {name!r}; `haat targets` lists them.")
    return wanted


def packages_of(names: set[str]) -> tuple[str, ...]:
    """The packages of these modules, lower ones first."""
    return tuple(package for package in MODULES if package.rpartition(".")[2] in names)


def chosen(target: str) -> tuple[Module, ...]:
    """The manifests of a target's modules, lower ones first; UnknownTarget."""
    wanted = names_in(target)
    return tuple(module for module in all_modules() if module.name in wanted)


def opens_site(target: str) -> bool:
    """Whether the target has pages and the whole REST API, or only its own modules' part of it."""
    return not {EVERYTHING, SITE}.isdisjoint(_words(target))


def is_whole(target: str) -> bool:
    """Whether nothing is left for other processes."""
    return opens_site(target) and len(names_in(target)) == len(MODULES)


def group_of(module: str) -> str:
    """The group of a module; '' for what is none, such as the REST gateway."""
    return next((group for group, names in GROUPS.items() if module in names), "")


def _words(target: str) -> list[str]:
    return [word.strip() for word in target.split(",")]
