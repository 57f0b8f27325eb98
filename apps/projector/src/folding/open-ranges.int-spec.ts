/** Folds into tiny ranges of keys, against a fold of everything into one file. */
import { mkdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column, ColumnType, Table } from '#libs/catalog';
import { recordsOf, type AddFile, type Snapshot } from '#libs/delta-log';
import { changelogTags, openDuckDb, parquet, rowsOf } from '#libs/lake';
import { temporaryFolder } from '#libs/test-lake';
import { foldFiles, type FoldOutcome } from './fold-files.js';
import { firstKeyOf, type VersionFiles } from './version-files.js';

const column = (name: string, type: ColumnType): Column => ({ name, type, label: name, description: name });

const rooms: Table = {
  ...{ table: 'rooms', name: 'room', kind: 'dimension', label: 'Rooms', description: 'Rooms.' },
  key: ['building', 'floor'],
  columns: [column('building', 'text'), column('floor', 'integer'), column('seats', 'integer')],
};

const days: Table = {
  ...{ table: 'days', name: 'day', kind: 'dimension', label: 'Days', description: 'Days.' },
  key: ['at'],
  columns: [column('at', 'timestamptz'), column('seats', 'integer')],
};

interface Change {
  readonly op: 'c' | 'u' | 'd' | 't';
  readonly key: readonly string[] | null;
  readonly seats?: string;
  /** One more change of the transaction before. */
  readonly also?: boolean;
}

const root = temporaryFolder('open-ranges');
let duckdb: DuckDBConnection;
beforeAll(async () => {
  duckdb = await (await openDuckDb({ threads: 1 })).connect();
});

/** A lake's files of one table, and the changes that they are folded from. */
class Folds {
  static count = 0;
  readonly folder = `${root}/${++Folds.count}`;
  private readonly changelog = { folder: this.folder, snapshot: { files: new Map() } as unknown as Snapshot };
  private position = 0;
  files: VersionFiles;
  closed: AddFile[] = [];

  constructor(
    private readonly table: Table,
    private readonly limit: number,
  ) {
    mkdirSync(this.folder);
    const quarantine = { folder: this.folder, generation: 0, files: [] };
    this.files = { table, folder: this.folder, foldPosition: 0, since: new Map(), open: [], quarantine };
  }

  async append(changes: readonly Change[]): Promise<void> {
    const quoted = (text: string | null) => (text === null ? 'NULL::VARCHAR' : `'${text.replaceAll("'", "''")}'`);
    const first = this.position + 1;
    let transaction = first;
    const rows = changes.map(({ op, key, seats, also }) => {
      this.position++;
      if (!also) transaction = this.position;
      const after =
        seats && JSON.stringify({ ...Object.fromEntries(this.table.key.map((name, i) => [name, key![i]])), seats });
      const texts = [this.table.table, op, key && JSON.stringify(key), after ?? null, 'ann', null].map(quoted);
      return `(${this.position}, ${transaction}, make_timestamptz(${transaction}::BIGINT * 10_000_000_000_000), ${texts.join(', ')})`;
    });
    const path = `changes-${first}.parquet`;
    await duckdb.run(`COPY (SELECT * FROM (VALUES ${rows.join(', ')})
      v(position, tx_position, effective_at, "table", op, key, after, actor, command)) TO '${this.folder}/${path}' (FORMAT parquet)`);
    const tags = { [changelogTags.firstPosition]: String(first), [changelogTags.lastPosition]: String(this.position) };
    (this.changelog.snapshot.files as Map<string, unknown>).set(path, { path, tags });
  }

  async fold(): Promise<FoldOutcome> {
    const outcome = await foldFiles(this.files, this.changelog, this.position, duckdb, this.limit);
    const [kept, added] = [this.files.open.filter((file) => !outcome.removedOpen.includes(file)), outcome.added];
    const open = added.filter(({ partitionValues }) => partitionValues.is_current === 'true');
    this.closed.push(...added.filter((file) => !open.includes(file)));
    const quarantine = { ...this.files.quarantine, files: outcome.quarantine ?? this.files.quarantine.files };
    const { since } = outcome;
    this.files = { ...this.files, foldPosition: this.position, since, open: [...kept, ...open], quarantine };
    return outcome;
  }

  async rows(files: readonly AddFile[]): Promise<Record<string, unknown>[]> {
    if (files.length === 0) return [];
    const relation = parquet(files.map(({ path }) => `${this.folder}/${path}`));
    return rowsOf(duckdb, `SELECT * FROM ${relation} ORDER BY ALL`);
  }

  /** The files' ranges in their order, as `first key: rows`. */
  async ranges(): Promise<string[]> {
    const ranges = [];
    for (const file of this.files.open) {
      const keys = this.table.key.map((name) => `"${name}"`).join(', ');
      const [row] = await rowsOf(duckdb, `SELECT ${keys} FROM '${this.folder}/${file.path}' ORDER BY ${keys} LIMIT 1`);
      ranges.push({
        least: Object.values(row!).map(String),
        text: `${firstKeyOf(file)?.join('/') ?? ''}: ${recordsOf(file)}`,
      });
    }
    return ranges.sort((a, b) => compare(a.least, b.least)).map(({ text }) => text);
  }
}

/** By UTF-8 bytes, numbers as numbers. */
function compare(a: readonly string[], b: readonly string[]): number {
  for (const [i, text] of a.entries()) {
    const numbers = [text, b[i]!].every((one) => /^-?\d+$/.test(one));
    const order = numbers ? Number(text) - Number(b[i]) : Buffer.compare(Buffer.from(text), Buffer.from(b[i]!));
    if (order !== 0) return order;
  }
  return 0;
}

const create = (keys: readonly (readonly string[])[]): Change[] => keys.map((key) => ({ op: 'c', key, seats: '1' }));
const numbered = (count: number) => Array.from({ length: count }, (_, i) => ['A', String(i)]);

async function foldsOf(table: Table, limit: number, ...batches: Change[][]): Promise<Folds> {
  const folds = new Folds(table, limit);
  for (const batch of batches) {
    await folds.append(batch);
    await folds.fold();
  }
  return folds;
}

describe('open versions', () => {
  it('are one file up to the limit, and several beyond it, each with its range', async () => {
    expect(await (await foldsOf(rooms, 8, create(numbered(8)))).ranges()).toEqual([': 8']);
    expect(await (await foldsOf(rooms, 8, create(numbered(12)))).ranges()).toEqual([': 6', 'A/6: 6']);
    const grown = await foldsOf(rooms, 8, create(numbered(6)), create(numbered(12).slice(6)));
    expect(await grown.ranges()).toEqual([': 6', 'A/6: 6']);
  });

  it('are parted by bytes and by numbers, not by code units or digits', async () => {
    const keys = ['｡', '💥', 'z', 'Z', 'é'].flatMap((building) => ['10', '9', '-1'].map((floor) => [building, floor]));
    const folds = await foldsOf(rooms, 4, create(keys));
    expect(await folds.ranges()).toEqual([': 3', 'z/-1: 3', 'é/-1: 3', '｡/-1: 3', '💥/-1: 3']);
    const { removedOpen } = await (await folds.append([{ op: 'u', key: ['｡', '10'], seats: '2' }]), folds.fold());
    expect(removedOpen.map(firstKeyOf)).toEqual([['｡', '-1']]);
  });

  it('of instants are parted in their order', async () => {
    const at = [
      '2026-01-01 00:00:00.000001+00',
      '2026-01-01 00:00:00+00',
      '0999-01-01 00:00:00+00',
      '9999-01-01 00:00:00+00',
    ];
    const folds = await foldsOf(days, 3, create(at.map((text) => [text])));
    expect(folds.files.open.map(firstKeyOf)).toEqual([null, ['2026-01-01 00:00:00.000001+00']]);
    await folds.append([{ op: 'd', key: [at[1]!] }]);
    expect((await folds.fold()).removedOpen.map(firstKeyOf)).toEqual([null]);
  });
});

describe('a fold', () => {
  it('reads and writes the ranges alone that its changes fall into', async () => {
    const folds = await foldsOf(rooms, 8, create(numbered(24)));
    expect(await folds.ranges()).toEqual([': 6', 'A/6: 6', 'A/12: 6', 'A/18: 6']);
    const [untouched] = folds.files.open;
    await folds.append([
      { op: 'u', key: ['A', '12'], seats: '2' },
      { op: 'u', key: ['A', '7'], seats: '1' }, // changes nothing
    ]);
    const { removedOpen, added } = await folds.fold();
    expect(removedOpen.map(firstKeyOf)).toEqual([['A', '12']]);
    expect(added.map(({ partitionValues, tags }) => [partitionValues.is_current, tags])).toEqual([
      ['true', { 'migsbyu.from_key': '["A","12"]' }],
      ['false', { 'migsbyu.period': expect.any(String) }],
    ]);
    expect(folds.files.open).toContain(untouched);
  });

  it('leaves no file where the last row of a range goes, and puts what comes there into the one before', async () => {
    const folds = await foldsOf(rooms, 4, create(numbered(6)));
    await folds.append(
      numbered(6)
        .slice(0, 3)
        .map((key) => ({ op: 'd', key })),
    );
    await folds.fold();
    expect(await folds.ranges()).toEqual(['A/3: 3']);
    await folds.append(create([['A', '1']]));
    await folds.fold();
    expect(await folds.ranges()).toEqual([': 4']);
  });

  it('puts a small range together with its neighbour when it writes one of them', async () => {
    const folds = await foldsOf(rooms, 16, create(numbered(24)));
    expect(await folds.ranges()).toEqual([': 12', 'A/12: 12']);
    await folds.append([...numbered(11), ...numbered(18).slice(12)].map((key) => ({ op: 'd', key })));
    await folds.fold();
    expect(await folds.ranges()).toEqual([': 1', 'A/12: 6']);
    await folds.append([{ op: 'u', key: ['A', '20'], seats: '2' }]);
    await folds.fold();
    expect(await folds.ranges()).toEqual([': 7']);
  });

  it('of a truncated table closes all ranges', async () => {
    const folds = await foldsOf(rooms, 4, create(numbered(9)));
    await folds.append([
      { op: 't', key: null },
      { op: 'c', key: ['A', '7'], seats: '1', also: true },
    ]);
    await folds.fold();
    expect(await folds.rows(folds.files.open)).toMatchObject([{ floor: 7 }]);
    expect(await folds.rows(folds.closed)).toHaveLength(8);
  });
});

/** Mulberry32: 0 ≤ x < 1. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const buildings = ['', 'A', 'a', "O'Neill", 'é', '｡', '💥', '"/\\'];

function randomChanges(random: () => number): Change[] {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const mood = random();
  return Array.from({ length: 1 + Math.floor(random() * 30) }, () => {
    const also = random() < 0.3;
    if (random() < 0.02) return { op: 't', key: null, also };
    const floor = random() < 0.03 ? pick(['x', '1.5']) : String(Math.floor(random() * 12) - 3);
    const key = [pick(mood < 0.3 ? buildings.slice(0, 3) : buildings), floor];
    if (random() < (mood > 0.8 ? 0.8 : 0.2)) return { op: 'd', key, also };
    return {
      op: pick(['c', 'u'] as const),
      key,
      seats: random() < 0.05 ? 'NaN' : String(Math.floor(random() * 4)),
      also,
    };
  });
}

describe('random folds into tiny ranges', () => {
  const [runs, firstSeed] = [Number(process.env.RUNS ?? 8), Number(process.env.SEED ?? 1)];
  it(`make the versions and the quarantine that one fold into one file makes, in ${runs} runs`, async () => {
    for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
      const random = randomOf(seed);
      const batches = Array.from({ length: 2 + Math.floor(random() * 6) }, () => randomChanges(random));
      const limit = 1 + Math.floor(random() * 9);
      const folds = await foldsOf(rooms, limit, ...batches);
      const whole = new Folds(rooms, 1e9);
      for (const batch of batches) await whole.append(batch);
      await whole.fold();
      const state = async (of: Folds) => ({
        ...{ seed, open: await of.rows(of.files.open), closed: await of.rows(of.closed) },
        quarantine: await of.rows(of.files.quarantine.files),
      });
      expect(await state(folds)).toEqual(await state(whole));
      await expectRangesApart(folds);
    }
  }, 600_000);

  /** Each file's rows are in its range, which ends where the next begins. */
  async function expectRangesApart(folds: Folds) {
    const files = [];
    for (const file of folds.files.open) {
      const keys = (await folds.rows([file])).map(({ building, floor }) => [String(building), String(floor)]);
      files.push({ from: firstKeyOf(file), keys: keys.sort(compare) });
    }
    files.sort((a, b) => compare(a.keys[0]!, b.keys[0]!));
    for (const [i, { from, keys }] of files.entries()) {
      if (i > 0) expect(compare(files[i - 1]!.keys.at(-1)!, from!)).toBeLessThan(0);
      if (from) expect(compare(from, keys[0]!)).toBeLessThanOrEqual(0);
    }
  }
});
