/**
 * FAILPOINTS is a list, separated by commas, of `name[:table]=action[@hit|@first..last]`:
 * `append.before-commit=kill@3`, `commit.before-link:changelog=ENOSPC@1..4`, `fold.before-commit=pause`. Without `@` the
 * action is taken at every hit, but for as long as there is a file of the log's name, a dot, and the step's.
 */
import { constants } from 'node:os';
import { failpoints, isFailpoint, type FailpointName } from './failpoint-names.js';

/** An errno's name, for an error such as Node's fs gives. */
export type ErrorCode = keyof typeof constants.errno;

export interface Arming {
  readonly name: FailpointName;
  /** The last part of a path that it is limited to. */
  readonly table?: string;
  readonly action: 'kill' | 'pause' | ErrorCode;
  /** Hits at which the action is taken, both included, counted from 1. */
  readonly first: number;
  readonly last: number;
}

export class InvalidFailpoints extends Error {
  readonly code = 'invalid-failpoints';
  constructor(
    readonly entry: string,
    wanted: string,
  ) {
    super(`FAILPOINTS has ${JSON.stringify(entry)}; wanted is ${wanted}.`);
    this.name = 'InvalidFailpoints';
  }
}

/** @throws InvalidFailpoints */
export const parseFailpoints = (text: string): Arming[] => text.split(',').map((entry) => parseEntry(entry.trim()));

function parseEntry(entry: string): Arming {
  const [, name, table, action, first, last] =
    /^([a-z.-]+)(?::([\w.-]+))?=(\w+)(?:@([1-9]\d{0,8})(?:\.\.([1-9]\d{0,8}))?)?$/.exec(entry) ?? [];
  if (!name || !action) throw new InvalidFailpoints(entry, 'name=action@hit, like append.before-commit=kill@3');
  if (!isFailpoint(name)) throw new InvalidFailpoints(entry, `one of ${Object.keys(failpoints).join(', ')}`);
  if (!isAction(action)) throw new InvalidFailpoints(entry, 'kill, pause or the name of an errno like ENOSPC or EIO');
  const from = Number(first ?? 1);
  const to = last ? Number(last) : first ? from : Infinity;
  if (to < from) throw new InvalidFailpoints(entry, 'a range of hits that ends at or after its start');
  return { name, ...(table && { table }), action, first: from, last: to };
}

const isAction = (action: string): action is Arming['action'] =>
  action === 'kill' || action === 'pause' || Object.hasOwn(constants.errno, action);
