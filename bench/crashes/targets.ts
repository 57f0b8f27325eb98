/** Where to strike: each step, for the kinds of table that take it in their own way. */
import { failpoints, type FailpointName } from '#libs/failpoints';
import type { Provocation, Strike, Struck } from './strike.js';
import { kinds, type World } from './worlds/world.js';

export interface Target {
  readonly name: FailpointName;
  /** A kind of table of every world, or a table or small file that each has. */
  readonly table?: string;
  /** Hits of a start among which one is chosen. */
  readonly hits: number;
  readonly provoke?: Provocation;
  /** Only a source whose slot is gone leads there. */
  readonly losesSlot?: true;
  /** In a rebuild of what another catalog made, which nobody asks for. */
  readonly changesCatalog?: true;
  /** Why no error of a disk is raised there; absent where one is. */
  readonly diskless?: string;
}

/** Steps that nothing on a disk of the projector's follows, so that none can fail. */
const diskless: Partial<Record<FailpointName, string>> = {
  'snapshot.before-slot': 'Postgres makes the slot: a full disk there is an answer of the server.',
  'snapshot.begin': 'Postgres sends the rows; the first that comes is written after snapshot.rows.',
  'slot.before-feedback': 'What follows is a message to Postgres.',
};

const everyTable = ['changelog', ...kinds, 'quarantine'];
const tables: Readonly<Record<string, readonly string[]>> = {
  commit: everyTable,
  'data-file': everyTable,
  file: ['_watermark.json', '_last_checkpoint'],
};

/** Steps that come seldom: the first is as good as any. */
const seldom = /^(?:checkpoint|clean-log|vacuum|merge|quarantine|rebuild|file|verification)/;

/** Of those of a rebuild, the ones that a change of the catalog leads to. */
const ofDrift: readonly FailpointName[] = [
  ...(['rebuild.before-fold', 'rebuild.before-quarantine', 'rebuild.before-swap', 'rebuild.after-swap'] as const),
];
const driftTargets = (names: readonly FailpointName[]): Target[] =>
  names.map((name) => ({ name, hits: 1, changesCatalog: true }));

const allNames = Object.keys(failpoints) as FailpointName[];

/** Each step of each kind of table. */
export const allTargets = (): Target[] => [
  ...allNames.flatMap((name) =>
    (tables[stageOf(name)] ?? [undefined]).map((table) => ({ ...targetOf(name), ...(table && { table }) })),
  ),
  ...driftTargets(ofDrift),
];

/** Each step once, of whatever table comes by. */
export const fewTargets = (): Target[] => [...allNames.map(targetOf), ...driftTargets(['rebuild.before-swap'])];

function targetOf(name: FailpointName): Target {
  return { ...reached(name), ...(diskless[name] && { diskless: diskless[name] }) };
}

const provocations: Readonly<Record<string, Provocation>> = {
  ...{ rebuild: 'rebuild', verification: 'verify', snapshot: 'resnapshot' },
};

function reached(name: FailpointName): Target {
  const provoke = provocations[stageOf(name)];
  if (name === 'snapshot.before-slot') return { name, hits: 1, provoke: 'resnapshot', losesSlot: true };
  // the second snapshot of a life is compared with a lake that holds it all
  if (provoke === 'resnapshot') return { name, hits: 2, provoke };
  return { name, hits: seldom.test(name) ? 1 : 3, ...(provoke && { provoke }) };
}

const stageOf = (name: string): string => name.split('.')[0]!;

const isKind = (table: string): table is keyof World['tables'] => kinds.some((kind) => kind === table);
const tableIn = (world: World, table: string): string => (isKind(table) ? world.tables[table] : table);

/** As FAILPOINTS has it. */
export const armed = ({ name, table }: Target, world: World): string =>
  table ? `${name}:${tableIn(world, table)}` : name;

/** As a report has it. */
export const labelOf = ({ name, table, changesCatalog }: Target): string =>
  `${name}${table ? `:${table}` : ''}${changesCatalog ? ' (catalog)' : ''}`;

/** What is done that its step comes about. */
export const leadingTo = ({ provoke, losesSlot, changesCatalog }: Target): Omit<Strike, 'failpoints' | 'patience'> => ({
  ...(provoke && { provoke }),
  ...(losesSlot && { losesSlot }),
  ...(changesCatalog && { changesCatalog }),
});

/** Whether the step that was in flight is this one. */
export const isAt = ({ name, table, changesCatalog }: Target, struck: Struck, world: World): boolean =>
  name === struck.name &&
  (!table || tableIn(world, table) === struck.table) &&
  (!ofDrift.includes(name) || Boolean(changesCatalog) === struck.changesCatalog);
