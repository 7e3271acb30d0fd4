-- Threads: reactions, trees, sorts, and what is taken back.

ALTER TABLE comment ADD COLUMN reactions TEXT NOT NULL DEFAULT '';   -- counts by name as JSON; empty for none
ALTER TABLE comment ADD COLUMN score INTEGER NOT NULL DEFAULT 0;     -- what `best` sorts by
ALTER TABLE comment ADD COLUMN told_ms INTEGER NOT NULL DEFAULT 0;   -- when its reactions were last told
ALTER TABLE comment ADD COLUMN untold INTEGER NOT NULL DEFAULT 0;    -- 1 while they are due to be told

-- Who reacted to what. Of guests also their address, keyed, so that one address counts for a few at most.
CREATE TABLE reaction (
    comment INTEGER NOT NULL,
    member  TEXT NOT NULL,
    name    TEXT NOT NULL,
    address TEXT,
    PRIMARY KEY (comment, member, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX reaction_address ON reaction (comment, address) WHERE address IS NOT NULL;

-- The lists, each in the order of an index: all comments by score, roots by time and by score, answers by time.
CREATE INDEX comment_best ON comment (channel, seen_by, score, created_ms, id);
CREATE INDEX comment_roots ON comment (channel, seen_by, pinned, created_ms, id) WHERE depth = 0;
CREATE INDEX comment_best_roots ON comment (channel, seen_by, pinned, score, created_ms, id) WHERE depth = 0;
CREATE INDEX comment_answers ON comment (parent, seen_by, created_ms, id) WHERE parent IS NOT NULL;
CREATE INDEX comment_untold ON comment (number) WHERE untold = 1;
-- What the sweep takes away for good once it has been out of sight for long.
CREATE INDEX comment_withdrawn ON comment (changed_ms) 
    WHERE state IN ('spam', 'rejected') OR (state IN ('pending', 'shadow') AND made_offset IS NOT NULL);

-- When a thread began, for closing by age.
ALTER TABLE thread ADD COLUMN made_ms INTEGER NOT NULL DEFAULT 0;
UPDATE thread SET made_ms = coalesce((SELECT min(created_ms) FROM comment WHERE comment.channel = thread.channel), 0);
