"""Payment providers: the port in `port.py`, one adapter a file, and which ones are configured.

Nothing is imported here: the test card network below is a process of its own and stays light.
"""
