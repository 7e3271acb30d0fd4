-- The top of a channel's log: epoch, top, older epochs.
local epoch, top, older = standing()
return {epoch, top, older}
