import type { ChangeEvent } from '#libs/change-event';

/** A change with its rows as the JSON text that the changelog keeps. */
export interface StagedChange {
  readonly ordinal: number;
  readonly table: string;
  readonly op: string;
  readonly key: string | null;
  readonly before: string | null;
  readonly after: string | null;
}

export function stageChange({ ordinal, table, op, key, before, after }: ChangeEvent): StagedChange {
  return {
    ...{ ordinal, table, op, key },
    before: before ? JSON.stringify(before) : null,
    after: after ? JSON.stringify(after) : null,
  };
}
