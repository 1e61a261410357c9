// Keeps the last large text that it was sent.
export const Blob = act(() =>
  withState(() => "", kept =>
    whileLoop(() =>
      waitFor(m => m.type === "KEEP", keep =>
        modifyState(kept, computeState([keep], k => () => k.text)),
      ),
    ), { as: "kept" },
  ),
  { daemon: true, key: m => m.key },
);
