-- What people put in: files beside a request that are no part of it, and files of requests that are worked on.

ALTER TABLE posts ADD COLUMN left_out TEXT NOT NULL DEFAULT '';  -- a sentence about what came with the request and is no part of it
