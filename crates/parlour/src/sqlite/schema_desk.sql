-- What moderators work with. Search and the figures of each hour are kept by triggers, so that no way of writing forgets them.

ALTER TABLE comment ADD COLUMN reason TEXT;       -- why it was held
ALTER TABLE comment ADD COLUMN address_key TEXT;  -- where it came from, keyed
ALTER TABLE comment ADD COLUMN reports INTEGER NOT NULL DEFAULT 0;
CREATE INDEX comment_waiting ON comment (state, number) WHERE state IN ('pending', 'shadow', 'spam');
CREATE INDEX comment_author ON comment (author_id, state, number) WHERE author_id IS NOT NULL;

CREATE VIRTUAL TABLE comment_words USING fts5 (
    author_name, body, content = 'comment', content_rowid = 'number', tokenize = 'unicode61 remove_diacritics 2'
);
-- What leaves the table leaves the index for good.
INSERT INTO comment_words (comment_words, rank) VALUES ('secure-delete', 1);
INSERT INTO comment_words (comment_words) VALUES ('rebuild');

-- Comments that came within an hour, and how many of them were held.
CREATE TABLE hour (
    site     TEXT NOT NULL,
    begin_ms INTEGER NOT NULL,
    came     INTEGER NOT NULL,
    held     INTEGER NOT NULL,
    PRIMARY KEY (site, begin_ms)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER comment_came AFTER INSERT ON comment BEGIN
    INSERT INTO comment_words (rowid, author_name, body) VALUES (new.number, new.author_name, new.body);
    INSERT INTO hour (site, begin_ms, came, held)
        SELECT site, new.created_ms / 3600000 * 3600000, 1, new.reason IS NOT NULL FROM channel WHERE id = new.channel
        ON CONFLICT DO UPDATE SET came = came + 1, held = held + excluded.held;
END;
CREATE TRIGGER comment_reworded AFTER UPDATE OF author_name, body ON comment BEGIN
    INSERT INTO comment_words (comment_words, rowid, author_name, body) VALUES ('delete', old.number, old.author_name, old.body);
    INSERT INTO comment_words (rowid, author_name, body) VALUES (new.number, new.author_name, new.body);
END;
CREATE TRIGGER comment_left AFTER DELETE ON comment BEGIN
    INSERT INTO comment_words (comment_words, rowid, author_name, body) VALUES ('delete', old.number, old.author_name, old.body);
END;

-- Who may not write. `whom` is member:ID or address:HASH.
CREATE TABLE block (
    site     TEXT NOT NULL,
    whom     TEXT NOT NULL,
    until_ms INTEGER,
    since_ms INTEGER NOT NULL,
    name     TEXT NOT NULL,
    PRIMARY KEY (site, whom)
) STRICT, WITHOUT ROWID;
CREATE INDEX block_since ON block (site, since_ms);

-- Which reader reported which comment.
CREATE TABLE report (
    comment  TEXT NOT NULL,
    reporter TEXT NOT NULL,
    time_ms  INTEGER NOT NULL,
    PRIMARY KEY (comment, reporter)
) STRICT, WITHOUT ROWID;

-- What moderators did.
CREATE TABLE record (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    site      TEXT NOT NULL,
    time_ms   INTEGER NOT NULL,
    actor     TEXT NOT NULL,
    act       TEXT NOT NULL,
    target    TEXT NOT NULL,
    undo      TEXT NOT NULL,
    undone_ms INTEGER
) STRICT;
CREATE INDEX record_site ON record (site, id);

-- What was set while the server ran: JSON.
CREATE TABLE setting (
    site  TEXT NOT NULL,
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (site, name)
) STRICT, WITHOUT ROWID;

-- What is good once.
CREATE TABLE spent (
    what     TEXT PRIMARY KEY,
    until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_until ON spent (until_ms);
