/**
 * The rule of `steps.ts` for a batch of few changes, in plain code: DuckDB types and compares no less exactly, but takes 30
 * ms to plan it. The laws' property test runs both.
 */

/** What a key is after a change, or was before the batch. */
export interface KeyState {
  readonly position: bigint;
  /** Equal exactly where the typed keys are. */
  readonly identity: string;
  /** Equal exactly where the states are, NULL equal to NULL; null = absent. */
  readonly state: string | null;
}

export interface KeyChange extends KeyState {
  readonly transaction: bigint;
}

export interface PlainSteps<Change extends KeyChange> {
  /** Which visible states end, and the change that ends them. */
  readonly closed: readonly { readonly position: bigint; readonly by: Change }[];
  /** The changes that open a state, those included that close again in the batch. */
  readonly opened: readonly Change[];
}

/** `visible`: the keys' states before the batch. `changes`: whole transactions without a truncate, by position. */
export function plainSteps<Change extends KeyChange>(
  visible: readonly KeyState[],
  changes: readonly Change[],
): PlainSteps<Change> {
  const states = new Map(visible.map((state) => [state.identity, state]));
  const closed: { position: bigint; by: Change }[] = [];
  const opened: Change[] = [];
  for (const transaction of Map.groupBy(changes, (change) => change.transaction).values()) {
    const last = new Map(transaction.map((change) => [change.identity, change]));
    for (const change of last.values()) {
      const before = states.get(change.identity);
      if (change.state === (before?.state ?? null)) continue;
      if (before) closed.push({ position: before.position, by: change });
      if (change.state === null) states.delete(change.identity);
      else {
        states.set(change.identity, change);
        opened.push(change);
      }
    }
  }
  return { closed, opened };
}
