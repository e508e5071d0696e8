"""The ledger's gRPC door (contracts/ledger.proto): a contract's proxy behind a generated service.

`wire/` is generated from the proto file (`bin/haat contracts` writes it).
"""
