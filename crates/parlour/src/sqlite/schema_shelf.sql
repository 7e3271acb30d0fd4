-- Small records of the server's own, by name.

CREATE TABLE shelf (
    name       TEXT PRIMARY KEY,
    value      TEXT NOT NULL,
    expires_ms INTEGER -- null: for ever
) STRICT, WITHOUT ROWID;
CREATE INDEX shelf_expires ON shelf (expires_ms) WHERE expires_ms IS NOT NULL;
