/** What the source itself says of what happened in it: transaction by transaction, and the rows after each. */
import { capturedTables, type Catalog } from '#libs/catalog';
import pg from 'pg';

export type Texts = Readonly<Record<string, string | null>>;

export interface RecordedChange {
  readonly table: string;
  readonly op: 'c' | 'u' | 'd' | 't';
  /** Key texts as a JSON array; null of a truncate. */
  readonly key: string | null;
  readonly after: Texts | null;
}

/** One committed transaction, by its number. */
export interface Recorded {
  readonly n: number;
  /** Low 32 bits of its id, as the changelog names it. */
  readonly txId: string;
  readonly changes: readonly RecordedChange[];
}

/** In the order of their commits. The first is what the tables were filled with. */
export async function readRecord(databaseUrl: string, catalog: Catalog): Promise<Recorded[]> {
  const keys = capturedTables(catalog);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT xid::text, array_agg(json_build_array("table", op, before, after) ORDER BY sequence) AS changes,
         max((after ->> 'n')::int) FILTER (WHERE "table" = 'counters') AS n
       FROM record GROUP BY xid ORDER BY n`,
    );
    return rows.map(({ xid, n, changes }) => ({
      n,
      txId: String(BigInt(xid) & 0xffff_ffffn),
      changes: (changes as Raw[]).flatMap((change) => changesOf(change, keys.get(change[0])!)),
    }));
  } finally {
    await client.end();
  }
}

/** How many transactions were committed after the first. */
export async function lastNumber(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return Number((await client.query('SELECT n FROM counters')).rows[0].n);
  } finally {
    await client.end();
  }
}

type Raw = [table: string, op: string, before: Texts | null, after: Texts | null];

/** A changed key is a delete and a create (law 5). */
function changesOf([table, op, before, after]: Raw, names: readonly string[]): RecordedChange[] {
  if (op === 'TRUNCATE') return [{ table, op: 't', key: null, after: null }];
  const keyOf = (row: Texts) => JSON.stringify(names.map((name) => row[name]));
  const [old, now] = [before && keyOf(before), after && keyOf(after)];
  if (old === now) return [{ table, op: 'u', key: now, after }];
  return [
    ...(old ? [{ table, op: 'd' as const, key: old, after: null }] : []),
    ...(now ? [{ table, op: 'c' as const, key: now, after }] : []),
  ];
}

/** Rows by table and key. */
export type State = ReadonlyMap<string, Map<string, Texts>>;

export const emptyState = (catalog: Catalog): State =>
  new Map([...capturedTables(catalog).keys()].map((table) => [table, new Map<string, Texts>()]));

export function apply(state: State, changes: readonly RecordedChange[]): void {
  for (const { table, op, key, after } of changes) {
    const rows = state.get(table)!;
    if (op === 't') rows.clear();
    else if (after) rows.set(key!, after);
    else rows.delete(key!);
  }
}
