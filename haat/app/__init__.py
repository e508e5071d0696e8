"""Floor 5: the composition root. It alone knows every module, every engine and the mode."""
