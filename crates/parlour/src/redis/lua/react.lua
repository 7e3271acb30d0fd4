-- A member's reaction comes or goes; or what is due is told. Reactions are kept by member, on the comment only their counts, so that
-- lists read nothing besides.
-- ARGV: 2 verb, 3 id, 4 when, 5 between two tellings; 6 the member, 7 the name, 8 `1` to be there, 9 the guest's address, keyed, or
-- nothing, 10 how many one address may have here. Without a member, what is due is told.
-- Answers as `post`, then when to tell (-1: nothing new is due) and the member's reactions; or the word of a refusal.
local id, time, every, member = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local comment, kept_by_member, kept_by_address = at .. 'c:' .. id, at .. 'e:' .. id, at .. 'f:' .. id
local c = known(id)
if c.channel ~= name or c.state == 'deleted' or (member and c.state ~= 'approved') then return 'unknown' end

local function tell()
  local epoch, top = stand(log)
  enter(id, top)
  redis.call('HSET', comment, 'told_ms', ARGV[4], 'changed_ms', ARGV[4])
  redis.call('HDEL', comment, 'untold')
  local told = row(id)
  announce('R', ARGV[2], epoch, c.changed, told)
  return {epoch, top + 1, 0, told, -1, member and reactions_of(id, member) or ''}
end

local is_time = c.told_ms + every <= time
if not member then
  if not c.untold or not is_time or c.state ~= 'approved' then return {'', -1, 1, row(id)} end
  return tell()
end
if redis.call('HGET', log, 'closed') == '1' then return 'closed' end

-- The member's lines without this name, and the address that stood beside it.
local others, had = {}, nil
for line in string.gmatch(reactions_of(id, member), '[^\n]+') do
  local named, address = string.match(line, '^(.-)\t(.*)$')
  if named == ARGV[7] then had = address else others[#others + 1] = line end
end
local is_wanted = ARGV[8] == '1'
local is_crowded = is_wanted and ARGV[9] ~= ''
  and tonumber(redis.call('HGET', kept_by_address, ARGV[9]) or 0) >= tonumber(ARGV[10])
if (had ~= nil) == is_wanted or is_crowded then return {'', -1, 1, row(id), -1, reactions_of(id, member)} end

local address = is_wanted and ARGV[9] or had
local more = is_wanted and 1 or -1
if is_wanted then others[#others + 1] = ARGV[7] .. '\t' .. address end
if #others == 0 then
  redis.call('HDEL', kept_by_member, member)
else
  redis.call('HSET', kept_by_member, member, table.concat(others, '\n'))
end
if address ~= '' then redis.call('HINCRBY', kept_by_address, address, more) end

local counts = c.reactions ~= '' and cjson.decode(c.reactions) or {}
local counted = (counts[ARGV[7]] or 0) + more
counts[ARGV[7]] = counted > 0 and counted or nil
-- The lower bound of Wilson's interval, as `comment::score` has it.
local all, against, score = 0, counts['down'] or 0, 0
for _, times in pairs(counts) do all = all + times end
if all > 0 then
  local z, part = 1.96, (all - against) / all
  local spread = z * math.sqrt((part * (1 - part) + z * z / (4 * all)) / all)
  local bound = (part + z * z / (2 * all) - spread) / (1 + z * z / all)
  score = math.floor(math.max(0, math.min(1, bound)) * 1000000000)
end
c.score = string.format('%.0f', score)
redis.call('HSET', comment, 'reactions', next(counts) and cjson.encode(counts) or '', 'score', c.score)
-- Only its scores are new.
enlist(c, c.seen, true)
if is_time then return tell() end
redis.call('HSET', comment, 'untold', '1')
return {'', -1, 0, row(id), c.untold and -1 or c.told_ms + every, reactions_of(id, member)}
