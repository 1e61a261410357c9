// A workflow of five durable steps: each asks another worker and waits for its answer. The first message says
// whom: { steps: [address, address, …] }.
const step = (start, place, before, next) =>
  call(
    readState(start, s => s.steps[place]),
    { type: "STEP", sum: place === 0 ? 0 : readState(before, answer => answer.sum), add: place + 1 },
    next,
  );

export const Workflow = act((self, { complete }) =>
  waitFor(() => true, start =>
    step(start, 0, start, a =>
      step(start, 1, a, b =>
        step(start, 2, b, c =>
          step(start, 3, c, d =>
            step(start, 4, d, e =>
              complete(readState(e, answer => answer.sum)),
            ),
          ),
        ),
      ),
    ),
  ),
);

// Does steps, and counts them.
export const WorkflowStep = act(() =>
  withState(() => 0, steps =>
    whileLoop(() =>
      waitFor(m => m.type === "STEP", step =>
        sequence([
          modifyState(steps, s => s + 1),
          reply(step, { sum: readState(step, s => s.sum + s.add) }),
        ]),
      ),
    ),
  ),
  { daemon: true, key: m => m.step },
);
