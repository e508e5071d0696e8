import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Account(_message.Message):
    __slots__ = ("kind", "owner", "currency")
    KIND_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    kind: str
    owner: str
    currency: str
    def __init__(self, kind: _Optional[str] = ..., owner: _Optional[str] = ..., currency: _Optional[str] = ...) -> None: ...

class CreateAccountRequest(_message.Message):
    __slots__ = ("account",)
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    account: Account
    def __init__(self, account: _Optional[_Union[Account, _Mapping]] = ...) -> None: ...

class CreateAccountResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Transfer(_message.Message):
    __slots__ = ("id", "debit", "credit", "minor", "reference", "pending", "expires_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    DEBIT_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    MINOR_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    debit: Account
    credit: Account
    minor: int
    reference: str
    pending: bool
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., debit: _Optional[_Union[Account, _Mapping]] = ..., credit: _Optional[_Union[Account, _Mapping]] = ..., minor: _Optional[int] = ..., reference: _Optional[str] = ..., pending: _Optional[bool] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PostRequest(_message.Message):
    __slots__ = ("transfers",)
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    transfers: _containers.RepeatedCompositeFieldContainer[Transfer]
    def __init__(self, transfers: _Optional[_Iterable[_Union[Transfer, _Mapping]]] = ...) -> None: ...

class PostResponse(_message.Message):
    __slots__ = ("outcomes",)
    class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OUTCOME_UNSPECIFIED: _ClassVar[PostResponse.Outcome]
        CREATED: _ClassVar[PostResponse.Outcome]
        EXISTS: _ClassVar[PostResponse.Outcome]
    OUTCOME_UNSPECIFIED: PostResponse.Outcome
    CREATED: PostResponse.Outcome
    EXISTS: PostResponse.Outcome
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedScalarFieldContainer[PostResponse.Outcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[PostResponse.Outcome, str]]] = ...) -> None: ...

class PostPendingRequest(_message.Message):
    __slots__ = ("ids",)
    IDS_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, ids: _Optional[_Iterable[str]] = ...) -> None: ...

class PostPendingResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class VoidPendingRequest(_message.Message):
    __slots__ = ("ids",)
    IDS_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, ids: _Optional[_Iterable[str]] = ...) -> None: ...

class VoidPendingResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetBalanceRequest(_message.Message):
    __slots__ = ("account", "as_of")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    account: Account
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, account: _Optional[_Union[Account, _Mapping]] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Balance(_message.Message):
    __slots__ = ("account", "minor", "pending_minor")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    MINOR_FIELD_NUMBER: _ClassVar[int]
    PENDING_MINOR_FIELD_NUMBER: _ClassVar[int]
    account: Account
    minor: int
    pending_minor: int
    def __init__(self, account: _Optional[_Union[Account, _Mapping]] = ..., minor: _Optional[int] = ..., pending_minor: _Optional[int] = ...) -> None: ...

class StatementRequest(_message.Message):
    __slots__ = ("account", "as_of", "limit")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    account: Account
    as_of: _timestamp_pb2.Timestamp
    limit: int
    def __init__(self, account: _Optional[_Union[Account, _Mapping]] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., limit: _Optional[int] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("transfer_id", "minor", "code", "reference", "counterpart", "counterpart_owner", "status", "at")
    class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATUS_UNSPECIFIED: _ClassVar[Entry.Status]
        POSTED: _ClassVar[Entry.Status]
        PENDING: _ClassVar[Entry.Status]
        VOIDED: _ClassVar[Entry.Status]
    STATUS_UNSPECIFIED: Entry.Status
    POSTED: Entry.Status
    PENDING: Entry.Status
    VOIDED: Entry.Status
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    MINOR_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    COUNTERPART_FIELD_NUMBER: _ClassVar[int]
    COUNTERPART_OWNER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    transfer_id: str
    minor: int
    code: str
    reference: str
    counterpart: str
    counterpart_owner: str
    status: Entry.Status
    at: _timestamp_pb2.Timestamp
    def __init__(self, transfer_id: _Optional[str] = ..., minor: _Optional[int] = ..., code: _Optional[str] = ..., reference: _Optional[str] = ..., counterpart: _Optional[str] = ..., counterpart_owner: _Optional[str] = ..., status: _Optional[_Union[Entry.Status, str]] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
