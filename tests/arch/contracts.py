"""Import contracts of our own, for import-linter: what its built-in kinds cannot say."""

from collections.abc import Iterator

import grimp
from importlinter import Contract, ContractCheck, fields, output

# Files of a module that only the module itself may import, `module` aside: the composition root
# reads the manifest.
PUBLIC = "api"
MANIFEST = "module"


class Facade(Contract):
    """Only `api.py` of a domain module is importable from outside of it."""

    type_name = "facade"
    domains = fields.StringField()
    composition = fields.StringField()

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        found = []
        for importer, imported in _imports_into(graph, str(self.domains)):
            package = ".".join(imported.split(".")[:4])
            if importer == package or importer.startswith(package + "."):
                continue
            part = imported.removeprefix(package).lstrip(".").split(".")[0]
            if part == PUBLIC:
                continue
            if part == MANIFEST and importer.startswith(str(self.composition) + "."):
                continue
            found.append(f"{importer} imports {imported}")
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        _render(check)


class Quarantine(Contract):
    """A third-party library is imported in named places only ("library: place, place")."""

    type_name = "quarantine"
    places = fields.ListField(subfield=fields.StringField())

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        found = []
        for line in self.places:  # type: ignore[attr-defined]
            library, _, allowed = str(line).partition(":")
            rooms = [room.strip() for room in allowed.split(",")]
            if library not in graph.modules:
                continue
            for importer in sorted(graph.find_modules_that_directly_import(library)):
                inside = any(importer == room or importer.startswith(room + ".") for room in rooms)
                if not inside:
                    found.append(f"{importer} imports {library}")
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        _render(check)


def _imports_into(graph: grimp.ImportGraph, domains: str) -> Iterator[tuple[str, str]]:
    """(importer, imported) for every import of a file in a domain module."""
    for imported in sorted(graph.modules):
        if imported.startswith(domains + ".") and imported.count(".") >= 3:
            for importer in sorted(graph.find_modules_that_directly_import(imported)):
                yield importer, imported


def _render(check: ContractCheck) -> None:
    for line in check.metadata["found"]:
        output.print_error(line)
