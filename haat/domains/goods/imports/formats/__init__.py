"""Files of products in anybody's format, made into one shape. Pure: no database, no network.

`sheets` reads CSV and Excel row by row; `fields` names what a column can mean; `adapting` turns a
row of a known format into these fields; `spool` brings the rows of a product together on disk;
`products` makes products of them, or says by line, column and reason why not; `writing` writes the
same files.
"""
