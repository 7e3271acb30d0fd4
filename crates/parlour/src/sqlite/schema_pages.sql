-- Other names of pages.

CREATE TABLE alias (
    site TEXT NOT NULL,
    name TEXT NOT NULL,
    home TEXT NOT NULL, -- never another name itself
    PRIMARY KEY (site, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_home ON alias (site, home);

-- Whether the server, or an operator, said the page's address and title.
ALTER TABLE thread ADD COLUMN verified INTEGER NOT NULL DEFAULT 0;
