"""The tables of an index.

`fts` reads its text from `chunk`: whoever writes the one writes the other, see `index`. It merges its parts when there are
16 of them, not 8: writing takes a fifth less, and searching no longer. In `chunk` the long columns are the last ones, so
that filters read no more than the beginning of a row.

https://www.sqlite.org/fts5.html#the_automerge_configuration_option
"""

VERSION = 1

SCHEMA = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO meta VALUES ('epoch', lower(hex(randomblob(8)))), ('pruned', abs(random() % 1000000000000));
CREATE TABLE file (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    hash BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    status TEXT NOT NULL
);
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    file INTEGER NOT NULL,
    place INTEGER NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    first_line INTEGER NOT NULL,
    last_line INTEGER NOT NULL,
    text_hash BLOB NOT NULL,
    title TEXT NOT NULL,
    identifiers TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX chunk_by_file ON chunk (file, place);
CREATE INDEX chunk_by_entity ON chunk (entity_id COLLATE NOCASE);
CREATE INDEX chunk_by_type ON chunk (entity_type);
CREATE INDEX chunk_by_text ON chunk (text_hash);
CREATE VIRTUAL TABLE fts USING fts5 (
    entity_id, title, body, identifiers,
    content = 'chunk', content_rowid = 'id', tokenize = 'porter unicode61 remove_diacritics 2'
);
INSERT INTO fts (fts, rank) VALUES ('automerge', 16);
CREATE TABLE link (
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    relation TEXT NOT NULL,
    file INTEGER NOT NULL,
    PRIMARY KEY (source, target, relation, file)
) WITHOUT ROWID;
CREATE INDEX link_by_target ON link (target, source);
CREATE INDEX link_by_file ON link (file);
CREATE TABLE model (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    dimensions INTEGER NOT NULL,
    used_at INTEGER NOT NULL
);
CREATE TABLE embedding (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    model INTEGER NOT NULL,
    text_hash BLOB NOT NULL,
    scale REAL NOT NULL,
    vector BLOB NOT NULL,
    UNIQUE (model, text_hash)
);
CREATE TABLE signs (
    model INTEGER NOT NULL,
    embedding INTEGER NOT NULL,
    bits BLOB NOT NULL,
    PRIMARY KEY (model, embedding)
) WITHOUT ROWID
"""
"""Statements, with a semicolon between.

meta has an `epoch`, which is another one whenever all files were removed at once, or the database was made anew;
`pruned`, a number that is another one whenever vectors were removed, or the database was made anew;
`indexed_at`, when it was last found to hold what the repository holds; and `root`, the path of the repository.
file.status is `indexed`, or why the file is left out. link.source and link.target are ids of entities, link.file is
where the link is stated. model.used_at is in seconds since 1970. embedding.vector has an int8 for each dimension, to be
multiplied by its scale; ids of embeddings are never given again, so that a reader can ask for those that are new to it.
signs.bits has a bit for each dimension, 1 where the number is positive, apart from the vectors since all of them are
read.
"""
