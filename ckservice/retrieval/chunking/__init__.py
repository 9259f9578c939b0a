"""From the text of a file to chunks: by what the kind of file is made of."""
