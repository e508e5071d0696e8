"""What pages of all three parts share: the frame, macros, forms and lists of places."""
