"""The outside payment providers: one adapter a file, and the test card network in `testcard`."""
