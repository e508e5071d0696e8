"""Media: pictures people upload: checked, made harmless, kept in blob storage, served in widths.

It owns the files and their renditions. It does not own who shows which picture: others keep a
picture's id.
"""
