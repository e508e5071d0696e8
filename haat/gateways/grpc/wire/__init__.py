"""Messages of contracts/ledger.proto, as protoc makes them (CONTRIBUTING.md says how)."""
