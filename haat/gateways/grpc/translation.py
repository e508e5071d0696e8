"""Between messages and the contract's types. What cannot be one is Invalid at its path."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import ValidationError

from haat.domains.money.ledger.api import Account, Balance, Code, Entry, Transfer
from haat.gateways.grpc.wire import ledger_pb2 as pb
from haat.kernel.errors import FieldError, Invalid

_STATUS = {
    "posted": pb.Entry.POSTED,
    "pending": pb.Entry.PENDING,
    "voided": pb.Entry.VOIDED,
}


def id_in(text: str, path: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid.at(path, "A UUID as text.", "id_invalid") from None


def time_in(message: Any, name: str) -> datetime | None:
    """A timestamp field, None when it was not given."""
    if not message.HasField(name):
        return None
    stamp: Timestamp = getattr(message, name)
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Invalid.at(name, "This is no time.", "time_invalid") from None


def account_in(message: pb.Account, path: str) -> Account:
    owner = id_in(message.owner, f"{path}.owner") if message.owner else None
    found = {"kind": message.kind, "owner": owner, "currency": message.currency}
    try:
        return Account.model_validate(found)
    except ValidationError as error:
        raise _invalid(error, path) from None


def transfer_in(message: pb.Transfer, path: str) -> Transfer:
    found = {
        "id": id_in(message.id, f"{path}.id"),
        "debit": account_in(message.debit, f"{path}.debit"),
        "credit": account_in(message.credit, f"{path}.credit"),
        "minor": message.minor,
        "code": Code.CUSTOM,
        "reference": id_in(message.reference, f"{path}.reference"),
        "pending": message.pending,
        "expires_at": time_in(message, "expires_at"),
    }
    try:
        return Transfer.model_validate(found)
    except ValidationError as error:
        raise _invalid(error, path) from None


def account_out(account: Account) -> pb.Account:
    owner = str(account.owner) if account.owner else ""
    return pb.Account(kind=account.kind, owner=owner, currency=account.currency)


def balance_out(balance: Balance) -> pb.Balance:
    return pb.Balance(
        account=account_out(balance.account),
        minor=balance.minor,
        pending_minor=balance.pending_minor,
    )


def entry_out(entry: Entry) -> pb.Entry:
    at = Timestamp()
    at.FromDatetime(entry.at)
    return pb.Entry(
        transfer_id=str(entry.transfer_id),
        minor=entry.minor,
        code=entry.code,
        reference=str(entry.reference),
        counterpart=entry.counterpart,
        counterpart_owner=str(entry.counterpart_owner or ""),
        status=_STATUS[entry.status],
        at=at,
    )


def _invalid(error: ValidationError, path: str) -> Invalid:
    fields = [
        FieldError(path=".".join([path, *map(str, one["loc"])]), code="invalid", message=one["msg"])
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return Invalid(fields[0].message, fields=fields)
