-- Who asks for a page, and how it is sorted. ARGV: 2 `flat` or `tree`, 3 `newest`, `oldest` or `best`, 4 heads, 5 the member or
-- nothing, 6 `1` for a moderator, 7 the comment whose answers are asked for, 8 the one around which, 9 to 12 the cursor, if there is
-- one: `1` among pinned roots, score, created, id.
local view, sort, limit, member, moderator = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6] == '1'
