"""Problems as gRPC statuses with google.rpc details: https://google.aip.dev/193."""

from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from haat.kernel.errors import Problem

DOMAIN = "haat"
_CODES = {
    401: code_pb2.UNAUTHENTICATED,
    403: code_pb2.PERMISSION_DENIED,
    404: code_pb2.NOT_FOUND,
    409: code_pb2.FAILED_PRECONDITION,
    410: code_pb2.FAILED_PRECONDITION,
    422: code_pb2.INVALID_ARGUMENT,
    429: code_pb2.RESOURCE_EXHAUSTED,
    503: code_pb2.UNAVAILABLE,
    504: code_pb2.DEADLINE_EXCEEDED,
}
_BY_CODE = {
    "transfer_conflict": code_pb2.ALREADY_EXISTS,
    "deadline_exceeded": code_pb2.DEADLINE_EXCEEDED,
}


def status_of(problem: Problem) -> Any:
    """The rich status of a problem: ErrorInfo always, BadRequest where fields are named."""
    code = _BY_CODE.get(problem.code) or _CODES.get(problem.status, code_pb2.INTERNAL)
    data = {name: str(value) for name, value in problem.data.items()}
    details = [error_details_pb2.ErrorInfo(reason=problem.code, domain=DOMAIN, metadata=data)]
    if problem.fields:
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=f.path, description=f.message)
            for f in problem.fields
        ]
        details.append(error_details_pb2.BadRequest(field_violations=violations))
    packed = []
    for detail in details:
        found = any_pb2.Any()
        found.Pack(detail)
        packed.append(found)
    status = status_pb2.Status(code=code, message=problem.detail, details=packed)
    return rpc_status.to_status(status)


async def refuse(call: grpc.aio.ServicerContext[Any, Any], problem: Problem) -> None:
    """Ends the call with the problem; raises, so that nothing after it runs."""
    await call.abort_with_status(status_of(problem))
