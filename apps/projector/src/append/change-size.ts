import type { ChangeEvent } from '#libs/change-event';

const overhead = 64;

/** What a change takes in memory, in characters. */
export const sizeOf = ({ key, before, after }: ChangeEvent): number =>
  overhead + (key?.length ?? 0) + (before?.length ?? 0) + (after?.length ?? 0);
