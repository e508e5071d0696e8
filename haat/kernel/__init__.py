"""Floor 1, pure: the words every other floor uses. No I/O, no third-party engines."""
