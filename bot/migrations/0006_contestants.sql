-- What else changes a contestant's answers, beside the base's revision. Contestants from before keep their ids; what they ran on
-- was not kept, so it is NULL until they meet again.

ALTER TABLE contestants ADD COLUMN base_dtype TEXT;           -- of the weights in memory: float32, bfloat16
ALTER TABLE contestants ADD COLUMN base_quantisation TEXT;    -- method by which the weights are stored; '': none
ALTER TABLE contestants ADD COLUMN base_more_ends TEXT CHECK (base_more_ends IS NULL OR json_valid(base_more_ends));  -- token ids that end an answer, beyond config's
