// Waits as long as it is told to, and results in how late that was by the time of its shard, in milliseconds.
export const Timer = act((self, { complete }) =>
  waitFor(() => true, start =>
    withState(() => now(), began =>
      sequence([
        delay(readState(start, s => s.ms)),
        complete(computeState([began, start], (b, s) => now() - b - s.ms)),
      ]),
    ),
  ),
);
