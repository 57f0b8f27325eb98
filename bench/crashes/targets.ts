/** Where to strike: each step, for the kinds of table that take it in their own way. */
import { failpoints, type FailpointName } from '#libs/failpoints';
import type { Provocation } from './projector-process.js';

export interface Target {
  readonly name: FailpointName;
  readonly table?: string;
  /** Hits of a start among which one is chosen. */
  readonly hits: number;
  readonly provoke?: Provocation;
  /** Only a source whose slot is gone leads there. */
  readonly losesSlot?: true;
  /** Why no error of a disk is raised there; absent where one is. */
  readonly diskless?: string;
}

/** Steps that nothing on a disk of the projector's follows, so that none can fail. */
const diskless: Partial<Record<FailpointName, string>> = {
  'snapshot.before-slot': 'Postgres makes the slot: a full disk there is an answer of the server.',
  'snapshot.begin': 'Postgres sends the rows; the first that comes is written after snapshot.rows.',
  'slot.before-feedback': 'What follows is a message to Postgres.',
};

const everyTable = ['changelog', 'accounts_dimension', 'deposits_history', 'gauges_dimension', 'quarantine'];
const tables: Readonly<Record<string, readonly string[]>> = {
  commit: everyTable,
  'data-file': everyTable,
  file: ['_watermark.json', '_last_checkpoint'],
};

/** Steps that come seldom: the first is as good as any. */
const seldom = /^(?:checkpoint|clean-log|vacuum|merge|quarantine|rebuild|file)/;

/** Each step of each kind of table. */
export function allTargets(): Target[] {
  return (Object.keys(failpoints) as FailpointName[]).flatMap((name) =>
    (tables[kindOf(name)] ?? [undefined]).map((table) => ({ ...targetOf(name), ...(table && { table }) })),
  );
}

/** Each step once, of whatever table comes by. */
export const fewTargets = (): Target[] => (Object.keys(failpoints) as FailpointName[]).map(targetOf);

function targetOf(name: FailpointName): Target {
  return { ...reached(name), ...(diskless[name] && { diskless: diskless[name] }) };
}

function reached(name: FailpointName): Target {
  const kind = kindOf(name);
  if (name === 'snapshot.before-slot') return { name, hits: 1, provoke: 'resnapshot', losesSlot: true };
  // the second snapshot of a life is compared with a lake that holds it all
  if (kind === 'snapshot') return { name, hits: 2, provoke: 'resnapshot' };
  return { name, hits: seldom.test(name) ? 1 : 3, ...(kind === 'rebuild' && ({ provoke: 'rebuild' } as const)) };
}

const kindOf = (name: string): string => name.split('.')[0]!;

/** As FAILPOINTS has it. */
export const labelOf = ({ name, table }: Pick<Target, 'name' | 'table'>): string => (table ? `${name}:${table}` : name);
