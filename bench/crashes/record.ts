/** What the source itself says of what happened in it: transaction by transaction, and the rows after each. */
import pg from 'pg';
import { catalog } from './bank.js';

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

const keys = new Map(catalog.tables.map(({ table, key }) => [table, key]));

export const keyOf = (table: string, row: Texts): string => JSON.stringify(keys.get(table)!.map((name) => row[name]));

/** In the order of their commits. The first is what the tables were filled with. */
export async function readRecord(databaseUrl: string): Promise<Recorded[]> {
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
      changes: (changes as Raw[]).flatMap(changesOf),
    }));
  } finally {
    await client.end();
  }
}

type Raw = [table: string, op: string, before: Texts | null, after: Texts | null];

/** A changed key is a delete and a create (law 5). */
function changesOf([table, op, before, after]: Raw): RecordedChange[] {
  if (op === 'TRUNCATE') return [{ table, op: 't', key: null, after: null }];
  const [old, now] = [before && keyOf(table, before), after && keyOf(table, after)];
  if (old === now) return [{ table, op: 'u', key: now, after }];
  return [
    ...(old ? [{ table, op: 'd' as const, key: old, after: null }] : []),
    ...(now ? [{ table, op: 'c' as const, key: now, after }] : []),
  ];
}

/** Rows by table and key. */
export type State = ReadonlyMap<string, Map<string, Texts>>;

export const emptyState = (): State => new Map(catalog.tables.map(({ table }) => [table, new Map<string, Texts>()]));

export function apply(state: State, changes: readonly RecordedChange[]): void {
  for (const { table, op, key, after } of changes) {
    const rows = state.get(table)!;
    if (op === 't') rows.clear();
    else if (after) rows.set(key!, after);
    else rows.delete(key!);
  }
}
