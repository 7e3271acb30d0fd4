-- All nodes, each with the milliseconds since its last beat. KEYS: the nodes.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local nodes = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for at = 2, #nodes, 2 do nodes[at] = now - nodes[at] end
return nodes
