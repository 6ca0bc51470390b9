"""The rules: a chapter a file, the tables of large ones in modules beside it."""
