-- The asker is told of a close first and marked as told then; before, the mark came first, so old marks that are missing mean nothing.

UPDATE posts SET told = 1 WHERE shown IN ('closed', 'gone');
CREATE INDEX posts_untold ON posts (duel) WHERE shown = 'closed' AND NOT told;
