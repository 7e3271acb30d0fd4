-- The first version of a Parlour store.

-- Single facts: the epoch and what vouches for it, the secret.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value ANY
) STRICT, WITHOUT ROWID;

-- A channel that something was appended to. Offsets go up to `top`; publications up to `whole_from` may have been trimmed.
CREATE TABLE channel (
    id         INTEGER PRIMARY KEY,
    site       TEXT NOT NULL,
    name       TEXT NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0, -- its own part of the epoch
    top        INTEGER NOT NULL DEFAULT 0,
    whole_from INTEGER NOT NULL DEFAULT 0,
    kept       INTEGER NOT NULL DEFAULT 0, -- rows in publication
    comments   INTEGER NOT NULL DEFAULT 0, -- approved ones
    views      INTEGER NOT NULL DEFAULT 0,
    UNIQUE (site, name)
) STRICT;
-- The sweep walks the channels that have something to trim.
CREATE INDEX channel_kept ON channel (id) WHERE kept > 0;

-- What applications published.
CREATE TABLE publication (
    channel INTEGER NOT NULL,
    offset  INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    data    TEXT NOT NULL,
    user    TEXT,
    client  TEXT,
    nonce   BLOB, -- a hash of who and nonce
    content BLOB, -- a hash of data, where there is a nonce
    PRIMARY KEY (channel, offset)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX publication_nonce ON publication (channel, nonce) WHERE nonce IS NOT NULL;

-- What is known of a channel's thread; its last change is an entry of the log, and the only one kept.
CREATE TABLE thread (
    channel        INTEGER PRIMARY KEY,
    url            TEXT NOT NULL DEFAULT '',
    title          TEXT NOT NULL DEFAULT '',
    closed         INTEGER NOT NULL DEFAULT 0,
    changed_offset INTEGER,
    changed_ms     INTEGER
) STRICT;

-- Comments. A deleted one keeps its row: readers who come late hear that it is gone, and answers may hang on it.
CREATE TABLE comment (
    number         INTEGER PRIMARY KEY,
    id             TEXT NOT NULL UNIQUE,
    channel        INTEGER NOT NULL,
    parent         TEXT,
    root           TEXT NOT NULL,
    depth          INTEGER NOT NULL,
    author_id      TEXT,             -- the author's columns are null once deleted
    author_name    TEXT,
    author_avatar  TEXT,
    author_role    TEXT,
    author_verified INTEGER,
    email_key      TEXT,
    body           TEXT NOT NULL,
    html           TEXT NOT NULL,
    rendered_by    INTEGER NOT NULL,
    created_ms     INTEGER NOT NULL,
    edited_ms      INTEGER,
    state          TEXT NOT NULL,
    seen_by        INTEGER NOT NULL, -- 0 nobody, 1 everyone, 2 its author and moderators
    pinned         INTEGER NOT NULL DEFAULT 0,
    replies        INTEGER NOT NULL DEFAULT 0, -- approved descendants
    made_offset    INTEGER,          -- null until shown
    changed_offset INTEGER,          -- its one entry in the log
    changed_ms     INTEGER,
    nonce          BLOB,             -- a hash of the author's id and nonce
    content        BLOB              -- a hash of body and parent, null once deleted
) STRICT;
CREATE INDEX comment_log ON comment (channel, changed_offset) WHERE changed_offset IS NOT NULL;
CREATE INDEX comment_list ON comment (channel, seen_by, created_ms, id);
CREATE INDEX comment_held ON comment (channel, author_id, created_ms, id) WHERE seen_by = 2;
CREATE UNIQUE INDEX comment_nonce ON comment (channel, nonce) WHERE nonce IS NOT NULL;

-- Keys, by the SHA-256 of each in hex.
CREATE TABLE key (
    hash       TEXT PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    site       TEXT NOT NULL,
    label      TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
