/**
 * What happens in a history, as data that shrinks: small numbers, each read modulo what there is at its turn. So a step is
 * never without meaning, and one that is left out takes no other one's meaning away.
 */
import fc from 'fast-check';

/** Which transaction of three a statement belongs to; it begins with its first one. */
interface InSession {
  readonly session: number;
}

interface Row {
  readonly key: number;
  readonly values: number;
  /** Whether a value may be one that does not type. */
  readonly odd: boolean;
}

export type Statement = InSession & { readonly table: number } & (
    | { readonly do: 'put'; readonly rows: readonly Row[] }
    | { readonly do: 'set' | 'there and back'; readonly row: Row; readonly column: number }
    | { readonly do: 'set all'; readonly row: Row; readonly column: number }
    | { readonly do: 'touch' | 'remove' | 'replace' | 'enlarge'; readonly row: Row }
    | { readonly do: 'rekey'; readonly from: number; readonly to: number }
    | { readonly do: 'truncate'; readonly others: boolean }
    | { readonly do: 'event'; readonly key: number; readonly by: number }
    | { readonly do: 'add column' | 'drop column' | 'rename column'; readonly column: number }
  );

export type Control = InSession & {
  readonly do: 'commit' | 'roll back' | 'savepoint' | 'roll back to savepoint' | 'release savepoint' | 'do nothing';
};

/** How one life of the projector ends. `at`: at which of its coming commits, before or after it; at once if there is none. */
export interface Death {
  readonly at: number | null;
  readonly after: boolean;
}

/** What one life of the projector is like. */
export interface Life {
  readonly foldChanges: number;
  readonly chunk: number;
  /** Whether the source is told what is durable. */
  readonly acknowledges: boolean;
  /** How many commits of what the lake has the source sends again, where it was not told. */
  readonly rewind: number;
  readonly dies: Death | null;
  /** Rows of one file of open versions; null: as many as usual. */
  readonly rowsPerOpenFile: number | null;
  /** Whether files are merged, and logs cut short, as soon as there is anything to it. */
  readonly tidies: boolean;
}

export type Step =
  | Statement
  | Control
  | { readonly do: 'restart'; readonly life: Life; readonly orderly: boolean }
  | { readonly do: 'doom'; readonly death: Death }
  | { readonly do: 'resnapshot'; readonly life: Life; readonly unseen: readonly Statement[] }
  | { readonly do: 'set clocks'; readonly here: number; readonly there: number }
  | { readonly do: 'catch up' | 'fold' | 'tidy' | 'look' };

export type StepName = Step['do'];
export type Weights = Readonly<Partial<Record<StepName, number>>>;

const some = fc.nat(99);
/** Mostly one, so that most of it is not held up by locks. */
const session = fc.constantFrom(0, 0, 0, 0, 1, 2);
const table = fc.nat(9);
const weighted = (share: number) => fc.integer({ min: 1, max: 100 }).map((dice) => dice > 100 - share);

const death: fc.Arbitrary<Death> = fc.record({ at: fc.option(fc.nat(6)), after: fc.boolean() });

export const life: fc.Arbitrary<Life> = fc.record({
  foldChanges: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(100_000)),
  chunk: fc.integer({ min: 1, max: 5 }),
  acknowledges: fc.boolean(),
  rewind: fc.nat(5),
  dies: fc.option(death, { freq: 2 }),
  rowsPerOpenFile: fc.option(fc.integer({ min: 1, max: 4 }), { freq: 3 }),
  tidies: fc.boolean(),
});

/** Day-long jumps both ways, and small ones; seconds. */
const jump = fc.oneof(fc.integer({ min: -20, max: 20 }), fc.constantFrom(-86_400 * 400, -3600, 0, 3600, 86_400 * 400));

const usual: Readonly<Record<StepName, number>> = {
  put: 14,
  set: 14,
  'set all': 3,
  touch: 3,
  'there and back': 3,
  remove: 5,
  replace: 3,
  enlarge: 2,
  rekey: 4,
  truncate: 2,
  event: 8,
  'add column': 1,
  'drop column': 1,
  'rename column': 1,
  commit: 30,
  'roll back': 2,
  savepoint: 3,
  'roll back to savepoint': 2,
  'release savepoint': 1,
  'do nothing': 1,
  restart: 2,
  doom: 2,
  resnapshot: 1,
  'set clocks': 3,
  'catch up': 2,
  fold: 2,
  tidy: 1,
  look: 2,
};

function statements({
  odds = 5,
  defaults = true,
  keys = 100,
}: Omit<Telling, 'length'>): Record<string, fc.Arbitrary<Statement>> {
  const key = fc.nat(keys - 1);
  const row = fc.record({ key, values: some, odd: weighted(odds) });
  const of = <T extends object>(more: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
    fc.record({ session, table, ...more } as never) as unknown as fc.Arbitrary<Statement>;
  const is = (name: StepName) => ({ do: fc.constant(name) });
  const inRow = (name: StepName) => of({ ...is(name), row });
  const inColumn = (name: StepName) => of({ ...is(name), row, column: some });
  return {
    put: of({ ...is('put'), rows: fc.array(row, { minLength: 1, maxLength: 4 }) }),
    set: inColumn('set'),
    'set all': inColumn('set all'),
    'there and back': inColumn('there and back'),
    ...Object.fromEntries((['touch', 'remove', 'replace', 'enlarge'] as const).map((name) => [name, inRow(name)])),
    rekey: of({ ...is('rekey'), from: key, to: key }),
    truncate: of({ ...is('truncate'), others: fc.boolean() }),
    event: of({ ...is('event'), key, by: some }),
    ...Object.fromEntries(
      (['add column', 'drop column', 'rename column'] as const).map((name) => [
        name,
        of({ ...is(name), column: defaults ? some : fc.nat(49) }),
      ]),
    ),
  };
}

export interface Focus {
  readonly weights?: Weights;
  /** How many values of a hundred may not type. */
  readonly odds?: number;
  /** How many keys a table may have; few of them meet more often. */
  readonly keys?: number;
  /** Whether columns that are added may come with a value for the rows that are there. */
  readonly defaults?: boolean;
}

interface Telling extends Focus {
  readonly length: number;
}

export const statementsOf = ({ length, ...telling }: Telling): fc.Arbitrary<Statement[]> =>
  fc.array(statements(telling)['put']!, { maxLength: length });

export function stepsOf({ weights = {}, length, ...telling }: Telling): fc.Arbitrary<Step[]> {
  const told = statements(telling);
  const control = (name: StepName) => fc.record({ do: fc.constant(name), session });
  const alone = (name: StepName) => fc.constant({ do: name });
  const unseen = fc.array(fc.oneof(...['put', 'set', 'remove', 'replace', 'touch'].map((name) => told[name]!)), {
    maxLength: 6,
  });
  const all: Record<StepName, fc.Arbitrary<unknown>> = {
    ...(told as Record<Statement['do'], fc.Arbitrary<Statement>>),
    ...(Object.fromEntries(
      (['commit', 'roll back', 'savepoint', 'roll back to savepoint', 'release savepoint', 'do nothing'] as const).map(
        (name) => [name, control(name)],
      ),
    ) as Record<Control['do'], fc.Arbitrary<unknown>>),
    restart: fc.record({ do: fc.constant('restart'), life, orderly: fc.boolean() }),
    doom: fc.record({ do: fc.constant('doom'), death }),
    resnapshot: fc.record({ do: fc.constant('resnapshot'), life, unseen }),
    'set clocks': fc.record({ do: fc.constant('set clocks'), here: jump, there: jump }),
    'catch up': alone('catch up'),
    fold: alone('fold'),
    tidy: alone('tidy'),
    look: alone('look'),
  };
  const choices = Object.entries(all).map(([name, arbitrary]) => ({
    arbitrary,
    weight: weights[name as StepName] ?? usual[name as StepName],
  }));
  const step = fc.oneof(...choices.filter(({ weight }) => weight > 0)) as fc.Arbitrary<Step>;
  return fc.array(step, { minLength: Math.ceil(length / 2), maxLength: length, size: 'max' });
}
