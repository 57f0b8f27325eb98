/** Random histories: whole transactions over two tables, as a source would deliver them. Everything follows from a seed. */
import type { Catalog, Column, ColumnType, Table } from '#libs/catalog';
import { checkCatalog } from '#libs/catalog';
import type { Row, Transaction } from '#libs/change-event';
import { changeEvent, type ChangeOf } from '#libs/test-lake';

const column = (name: string, type: ColumnType, nullable = false): Column => ({
  ...{ name, type, nullable },
  ...{ label: name, description: name },
});

const students: Table = {
  table: 'students',
  name: 'student',
  kind: 'dimension',
  ...{ label: 'Students', description: 'Students' },
  key: ['id'],
  untracked: ['version'],
  columns: [column('id', 'text'), column('name', 'text'), column('gpa', 'numeric(3,2)', true), column('born', 'date')],
};

const samples: Table = {
  table: 'samples',
  name: 'sample',
  kind: 'relationship',
  ...{ label: 'Samples', description: 'A table that only this test knows.' },
  key: ['site', 'number'],
  columns: [
    ...[column('site', 'text'), column('number', 'integer')],
    ...[
      column('weight', 'numeric(20,4)', true),
      column('taken_on', 'date', true),
      column('seen_at', 'timestamptz', true),
    ],
    ...[column('clean', 'boolean', true), column('note', 'text', true)],
  ],
};

export const catalog: Catalog = checkCatalog({
  name: 'histories',
  tables: [students, samples],
  events: { table: 'domain_events', key: ['stream_id', 'version'] },
});

const values: Record<string, (string | null)[]> = {
  name: ['Ada', 'Zoë "💥" O\'Néill\n', ''],
  gpa: ['3.90', '0.00', null, 'NaN'],
  born: ['2004-12-10', '0001-01-01', 'infinity'],
  weight: ['1.0000', '-9007199254740993.0001', null, '1e5'],
  taken_on: ['1999-12-31', null, '0044-03-15 BC'],
  seen_at: ['2026-03-01 08:00:00.123456+00', '2026-03-01 08:00:00+00', null],
  clean: ['t', 'f', null],
  note: ['', 'NULL', null],
};

/** Mulberry32: 0 ≤ x < 1. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface HistoryTransaction {
  readonly txId: string;
  readonly commitLsn: number;
  readonly committedAt: bigint;
  readonly changes: readonly ChangeOf[];
}

/** What a source delivers for it, its changes in chunks of any size. */
export function delivery(
  { txId, commitLsn, committedAt, changes }: HistoryTransaction,
  random: () => number,
): Transaction {
  const chunks = async function* () {
    for (let from = 0; from < changes.length;) {
      const size = 1 + Math.floor(random() * 4);
      yield changes.slice(from, from + size).map((change, i) => changeEvent(change, from + i));
      from += size;
    }
  };
  return { header: { txId }, changes: chunks(), end: Promise.resolve({ commitLsn, committedAt }) };
}

/** `count` transactions. Rows are as a database would have them: an update of what exists, a delete of what is there. */
export function historyOf(random: () => number, count: number): HistoryTransaction[] {
  const rows = new Map(catalog.tables.map(({ table }) => [table, new Map<string, Row>()]));
  const history: HistoryTransaction[] = [];
  let committedAt = 1_700_000_000_000_000n;
  for (let number = 1; number <= count; number++) {
    const changes: ChangeOf[] = [];
    for (let left = 1 + Math.floor(random() * 4); left > 0; left--) changes.push(...step(rows, random));
    if (random() < 0.6) changes.push(...eventsFor(changes, number, random));
    if (changes.length === 0) continue;
    committedAt += BigInt(Math.floor(random() * 3_000_000)) - 500_000n;
    history.push({ txId: String(1000 + number), commitLsn: number * 100, committedAt, changes });
  }
  return history;
}

function step(tables: Map<string, Map<string, Row>>, random: () => number): ChangeOf[] {
  const table = pick(catalog.tables, random);
  const rows = tables.get(table.table)!;
  const row = randomRow(table, random);
  const key = JSON.stringify(table.key.map((name) => row[name]));
  const before = rows.get(key);
  const dice = random();
  const name = table.table;
  if (dice < 0.05) {
    rows.clear();
    return [{ table: name, op: 't', key: null }];
  }
  if (before && dice < 0.3) {
    rows.delete(key);
    return [{ table: name, op: 'd', key, before }];
  }
  if (before && dice < 0.4) return [{ table: name, op: 'u', key, before, after: before }];
  rows.set(key, row);
  if (!before) return [{ table: name, op: 'c', key, after: row }];
  if (dice < 0.5)
    return [
      { table: name, op: 'd', key, before },
      { table: name, op: 'c', key, after: row },
    ];
  return [{ table: name, op: 'u', key, before, after: row }];
}

function randomRow(table: Table, random: () => number): Row {
  const keys: Record<string, string[]> = { id: ['S1', 'S2', 'S3'], site: ['A', 'B/1'], number: ['1', '2'] };
  const entries = table.columns.map(({ name }) => {
    const usual = values[name]?.slice(0, 2);
    return [name, pick(keys[name] ?? (random() < 0.85 ? usual! : values[name]!), random)];
  });
  return { ...Object.fromEntries(entries), version: String(Math.floor(random() * 100)) };
}

/** Events by one or two people, for some of the rows that changed. */
function eventsFor(changes: readonly ChangeOf[], number: number, random: () => number): ChangeOf[] {
  return changes
    .filter(({ key }) => key !== null && random() < 0.7)
    .map(({ table, key }, i) => {
      const stream_id = `${table}:${(JSON.parse(key!) as string[]).join('/')}`;
      const metadata = JSON.stringify({
        actor: pick(['ann', 'bob'], random),
        command: `Command${number}`,
        correlation_id: null,
      });
      const version = String(number * 10 + i);
      return {
        table: 'domain_events',
        op: 'c' as const,
        key: JSON.stringify([stream_id, version]),
        after: { stream_id, version, metadata },
      };
    });
}

const pick = <T>(from: readonly T[], random: () => number): T => from[Math.floor(random() * from.length)]!;
