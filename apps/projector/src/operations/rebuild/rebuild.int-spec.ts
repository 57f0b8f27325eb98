import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { catalogHash, checkCatalog, type Catalog, type Column, type ColumnType, type Table } from '#libs/catalog';
import { appIds, configuration, openDuckDb } from '#libs/lake';
import { temporaryFolder, type ChangeOf } from '#libs/test-lake';
import { ChangingLake } from './contract/changing-lake.js';
import { randomFrom, randomTransactions } from './contract/random-changes.js';
import { Rebuild } from './rebuild.js';
import { dropOtherGenerations } from './swap.js';

const said = { label: 'x', description: 'x' };
const column = (name: string, type: ColumnType, nullable = true): Column => ({ name, type, nullable, ...said });

const tracts: Table = {
  ...{ table: 'tracts', name: 'tract', kind: 'dimension', key: ['county', 'number'], ...said },
  columns: [
    column('number', 'smallint', false),
    column('county', 'text', false),
    column('owner', 'text'),
    column('area', 'numeric(5,2)'),
    column('worth', 'numeric(20,4)'),
    column('surveyed', 'timestamptz'),
    column('sold', 'date'),
    column('wooded', 'boolean'),
    column('plots', 'integer'),
    column('trees', 'bigint'),
    column('order', 'smallint'),
  ],
};

const leases: Table = {
  ...{ table: 'leases', name: 'lease', kind: 'relationship', key: ['since', 'tenant', 'by_day', 'lot'], ...said },
  columns: [
    column('tenant', 'text', false),
    column('lot', 'bigint', false),
    column('since', 'timestamptz', false),
    column('by_day', 'boolean', false),
    column('until', 'date'),
  ],
};

/** Nothing but a key. */
const wardens: Table = {
  ...{ table: 'wardens', name: 'warden', kind: 'relationship', key: ['day', 'ward'], ...said },
  columns: [column('ward', 'integer', false), column('day', 'date', false)],
};

const land: Catalog = checkCatalog({ name: 'land', tables: [tracts] });
const tenancies: Catalog = checkCatalog({ name: 'tenancies', tables: [leases, wardens] });

const root = temporaryFolder('rebuild');
let duckdb: DuckDBInstance;
let reading: DuckDBConnection;
beforeAll(async () => {
  duckdb = await openDuckDb({ threads: 1 });
  reading = await duckdb.connect();
});

let count = 0;
const opened: ChangingLake[] = [];
afterEach(async () => {
  for (const lake of opened.splice(0)) await lake.close();
  jest.restoreAllMocks();
});

async function open(catalog: Pick<Catalog, 'tables'>, folder = join(root, String(++count))): Promise<ChangingLake> {
  const lake = await ChangingLake.open(folder, catalog, duckdb);
  opened.push(lake);
  return lake;
}

/** The next life, of another catalog; what the first left open ends. */
async function reopen(lake: ChangingLake, catalog: Pick<Catalog, 'tables'>): Promise<ChangingLake> {
  await lake.close();
  opened.splice(opened.indexOf(lake), 1);
  return open(catalog, folderOf(lake));
}

const folderOf = (lake: ChangingLake) => join(lake.changelog.folder, '..');

const never = new AbortController().signal;
const ignore = () => {};

const rebuildOf = (lake: ChangingLake, table: string, chunk = 60) => new Rebuild(lake.tableOf(table), reading, chunk);

const rebuild = (lake: ChangingLake, table: string) => rebuildOf(lake, table).run(ignore, never);

const noDifferences = {
  ...{ only_old: 0, only_new: 0, changed: 0 },
  examples: { only_old: [], only_new: [], changed: [] },
};

const namesOf = (lake: ChangingLake, table: string) =>
  readdirSync(join(folderOf(lake), table), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.parquet') && !name.startsWith('_delta_log'))
    .sort();
const live = (files: ReadonlyMap<string, unknown>) => [...files.keys()].sort();

describe.each([
  ['every catalog type', land],
  ['keys of several types', tenancies],
])('a rebuild by an equal catalog of %s', (_, catalog) => {
  it.each([1, 2])('gives every row as it was, surrogate keys and quarantine included (seed %d)', async (seed) => {
    const lake = await open(catalog);
    const history = randomTransactions(catalog.tables, 24, randomFrom(seed));
    await lake.append(...history.slice(0, 9));
    await lake.fold();
    await lake.append(...history.slice(9, 18));
    await lake.fold();
    await lake.append(...history.slice(18)); // changes that the live versions have not taken up yet
    for (const { table } of catalog.tables) {
      const { foldPosition } = lake.tableOf(table).store;
      const report = await rebuild(lake, table);
      expect(report).toMatchObject({ differences: noDifferences, compared_at: foldPosition, position: lake.tip });
      const made = await lake.read(table, reading);
      expect(report).toMatchObject({ versions: made.versions.length, quarantined: made.quarantine.length });
      expect(made.snapshot.transactions.get(appIds.fold)).toBe(lake.tip);
      const folded = await open(catalog);
      await folded.append(...history);
      await folded.fold();
      const wanted = await folded.read(table, reading);
      expect(wanted.versions.length).toBeGreaterThan(8);
      expect({ versions: made.versions, quarantine: made.quarantine }).toEqual({
        ...{ versions: wanted.versions, quarantine: wanted.quarantine },
      });
    }
  });

  it('is one commit, after which folds go on as if nothing had been', async () => {
    const [lake, plain] = [await open(catalog), await open(catalog)];
    const history = randomTransactions(catalog.tables, 24, randomFrom(9));
    for (const one of [lake, plain]) {
      await one.append(...history.slice(0, 18));
      await one.fold();
    }
    const { table } = catalog.tables[0]!;
    const { version } = lake.tableOf(table).store.versions.snapshot;
    await rebuild(lake, table);
    expect(lake.tableOf(table).store.versions.snapshot.version).toBe(version + 1);
    for (const one of [lake, plain]) {
      await one.append(...history.slice(18));
      await one.fold();
    }
    const [made, wanted] = [await lake.read(table, reading), await plain.read(table, reading)];
    expect({ versions: made.versions, quarantine: made.quarantine }).toEqual({
      ...{ versions: wanted.versions, quarantine: wanted.quarantine },
    });
  });
});

const tract = (number: string, row: Readonly<Record<string, string | null>> | null): ChangeOf => {
  const about = { table: 'tracts', key: JSON.stringify(['Orange', number]) };
  return row === null ? { ...about, op: 'd' } : { ...about, op: 'u', after: { county: 'Orange', number, ...row } };
};

const withColumns = (...columns: Column[]): { tables: Table[] } => ({
  tables: [{ ...tracts, columns: [column('number', 'smallint', false), column('county', 'text', false), ...columns] }],
});

describe('a table that another catalog entry made', () => {
  const before = withColumns(column('owner', 'text'), column('plots', 'text'));
  const history = [
    [tract('1', { owner: 'Ann', plots: '3', soil: 'clay' }), tract('2', { owner: 'Bob', plots: 'many', soil: null })],
    [tract('1', { owner: 'Ann', plots: '3', soil: 'loam' })],
    [tract('1', { owner: 'Cid', plots: '3', soil: 'loam' })],
  ];

  async function drifted(catalog: { tables: Table[] }): Promise<ChangingLake> {
    const lake = await open(before);
    await lake.append(...history);
    await lake.fold();
    const again = await reopen(lake, catalog);
    expect(again.tableOf('tracts').store.drifted).toBe(true);
    return again;
  }

  const shown = async (lake: ChangingLake, ...names: string[]) =>
    (await lake.read('tracts', reading)).versions.map((row) => names.map((name) => row[name]));

  it('gets a new column with its full past, and the shape and entry of its catalog', async () => {
    const after = withColumns(column('owner', 'text'), column('plots', 'text'), column('soil', 'text'));
    const lake = await drifted(after);
    await lake.append([tract('2', { owner: 'Bob', plots: 'many', soil: 'sand' })]);
    const report = await rebuild(lake, 'tracts');
    expect(await shown(lake, 'tract_key', 'owner', 'soil', 'opened_tx', 'closed_tx')).toEqual([
      ['1', 'Ann', 'clay', '1', '3'],
      ['2', 'Bob', null, '1', '5'],
      ['3', 'Ann', 'loam', '3', '4'],
      ['4', 'Cid', 'loam', '4', null],
      ['5', 'Bob', 'sand', '5', null],
    ]);
    expect(report).toMatchObject({
      ...{ drifted: true, position: 5, compared_at: 4, changes: 5, versions: 5, quarantined: 0 },
      columns: { compared: ['number', 'county', 'owner', 'plots'], added: ['soil'], dropped: [], retyped: [] },
      differences: { only_old: 0, only_new: 1, changed: 1 },
    });
    expect(report.differences.examples.only_new).toMatchObject([{ key: 3, old: null, new: { owner: 'Ann' } }]);
    expect(report.differences.examples.changed).toMatchObject([
      { key: 1, old: { owner: 'Ann', closed_tx: 4 }, new: { owner: 'Ann', closed_tx: 3 } },
    ]);
    const { snapshot } = await lake.read('tracts', reading);
    const [entry] = after.tables;
    expect(snapshot.metadata.configuration).toMatchObject({
      [configuration.catalog]: catalogHash(entry!),
      [configuration.table]: JSON.stringify(entry),
    });
    const { fields } = JSON.parse(snapshot.metadata.schemaString) as { fields: { name: string }[] };
    expect(fields.map(({ name }) => name)).toContain('soil');
    expect(lake.tableOf('tracts').store.drifted).toBe(false);
    await lake.append([tract('1', null)]);
    await lake.fold();
    expect((await shown(lake, 'tract_key', 'closed_tx'))[3]).toEqual(['4', '6']);
  });

  it('loses a column that its catalog has not, and keeps it in the changelog for the next that has', async () => {
    const lake = await drifted(withColumns(column('plots', 'text')));
    const report = await rebuild(lake, 'tracts');
    expect(await shown(lake, 'tract_key', 'plots', 'owner', 'closed_tx')).toEqual([
      ['1', '3', undefined, null],
      ['2', 'many', undefined, null],
    ]);
    expect(report).toMatchObject({
      columns: { compared: ['number', 'county', 'plots'], dropped: ['owner'], added: [] },
      differences: { only_old: 1, only_new: 0, changed: 1 },
    });
    const again = await reopen(lake, before);
    await rebuild(again, 'tracts');
    expect(await shown(again, 'tract_key', 'owner')).toEqual([
      ['1', 'Ann'],
      ['2', 'Bob'],
      ['4', 'Cid'],
    ]);
  });

  it('quarantines what its new types cannot hold, never as NULL', async () => {
    const lake = await drifted(withColumns(column('owner', 'text'), column('plots', 'integer')));
    const report = await rebuild(lake, 'tracts');
    expect(await shown(lake, 'tract_key', 'plots')).toEqual([
      ['1', '3'],
      ['4', '3'],
    ]);
    const { quarantine } = await lake.read('tracts', reading);
    expect(quarantine).toMatchObject([{ position: '2', key: '["Orange","2"]', opened_tx: '1', closed_tx: null }]);
    expect(report).toMatchObject({
      ...{ versions: 2, quarantined: 1, columns: { retyped: ['plots'] } },
      differences: { only_old: 1, only_new: 0, changed: 0 },
    });
    await lake.append([tract('2', { owner: 'Bob', plots: '4' })]);
    await lake.fold();
    expect((await shown(lake, 'tract_key', 'plots'))[2]).toEqual(['5', '4']);
    expect((await lake.read('tracts', reading)).quarantine).toMatchObject([{ position: '2', closed_tx: '5' }]);
  });
});

describe('a rebuild of versions that are wrong', () => {
  it('reports what it corrects, and corrects it', async () => {
    const lake = await open(land);
    await lake.append(...randomTransactions(land.tables, 24, randomFrom(4)));
    await lake.fold();
    const right = await lake.read('tracts', reading);
    const { versions } = lake.tableOf('tracts').store;
    const closed = [...versions.snapshot.files.values()].find((file) => file.partitionValues.is_current === 'false')!;
    await versions.commit([{ remove: { path: closed.path, deletionTimestamp: 0, dataChange: true } }]);
    const lost = (await lake.read('tracts', reading)).versions.length;
    const report = await rebuild(lake, 'tracts');
    expect(report.differences).toMatchObject({ only_old: 0, changed: 0, only_new: right.versions.length - lost });
    expect(report.differences.examples.only_new.length).toBe(Math.min(20, right.versions.length - lost));
    expect((await lake.read('tracts', reading)).versions).toEqual(right.versions);
  });
});

describe('while a rebuild is at work', () => {
  it('appends and ordinary folds go on, and nothing of them is lost', async () => {
    const [lake, plain] = [await open(land), await open(land)];
    const history = randomTransactions(land.tables, 36, randomFrom(5));
    await lake.append(...history.slice(0, 18));
    await lake.fold();
    let next = 18;
    let busy = Promise.resolve();
    const progress = () => {
      const more = history.slice(next, (next += 3));
      busy = busy.then(() => lake.append(...more)).then(() => lake.fold());
    };
    await rebuildOf(lake, 'tracts', 40).run(progress, never);
    await busy;
    await lake.append(...history.slice(next));
    await lake.fold();
    await plain.append(...history);
    await plain.fold();
    const [made, wanted] = [await lake.read('tracts', reading), await plain.read('tracts', reading)];
    expect(next).toBeGreaterThan(21);
    expect({ versions: made.versions, quarantine: made.quarantine }).toEqual({
      ...{ versions: wanted.versions, quarantine: wanted.quarantine },
    });
  });

  it('a cancellation leaves nothing behind', async () => {
    const lake = await open(land);
    await lake.append(...randomTransactions(land.tables, 24, randomFrom(6)));
    await lake.fold();
    const before = [namesOf(lake, 'tracts_dimension'), namesOf(lake, 'quarantine')];
    const { snapshot } = await lake.read('tracts', reading);
    const stopping = new AbortController();
    let told = 0;
    const progress = () => void (++told === 2 && stopping.abort());
    await expect(rebuildOf(lake, 'tracts').run(progress, stopping.signal)).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(told).toBe(2);
    expect([namesOf(lake, 'tracts_dimension'), namesOf(lake, 'quarantine')]).toEqual(before);
    expect((await lake.read('tracts', reading)).snapshot.version).toBe(snapshot.version);
    expect(await rebuild(lake, 'tracts')).toMatchObject({ differences: noDifferences });
  });

  it('files that it replaces or leaves do not pile up', async () => {
    const lake = await open(land);
    await lake.append(...randomTransactions(land.tables, 24, randomFrom(7)));
    await lake.fold();
    const { snapshot } = await lake.read('tracts', reading);
    await rebuild(lake, 'tracts');
    const after = (await lake.read('tracts', reading)).snapshot;
    const known = [...snapshot.files.keys(), ...snapshot.tombstones.keys(), ...live(after.files)].sort();
    expect(namesOf(lake, 'tracts_dimension')).toEqual(known);
  });
});

describe('a rebuild that is killed', () => {
  /** A lake as its disk would be if the process were killed before the nth commit of a rebuild. */
  async function killedBefore(commit: 'quarantine' | 'versions') {
    const lake = await open(land);
    await lake.append(...randomTransactions(land.tables, 24, randomFrom(8)));
    await lake.fold();
    const before = await lake.read('tracts', reading);
    const copy = join(root, `killed ${++count}`);
    const table = lake.tableOf('tracts').store[commit];
    const method = commit === 'quarantine' ? 'commit' : 'commitOnto';
    jest.spyOn(table, method).mockImplementationOnce(async () => {
      cpSync(folderOf(lake), copy, { recursive: true });
      throw new Error('killed');
    });
    await expect(rebuild(lake, 'tracts')).rejects.toThrow('killed');
    jest.restoreAllMocks();
    return { before, left: await open(land, copy) };
  }

  it.each(['quarantine', 'versions'] as const)(
    'before it commits its %s leaves the table whole, and the next one does all of it',
    async (commit) => {
      const { before, left } = await killedBefore(commit);
      expect(before.quarantine.length).toBeGreaterThan(0);
      const found = await left.read('tracts', reading);
      expect([found.versions, found.quarantine]).toEqual([before.versions, before.quarantine]);
      expect(await rebuild(left, 'tracts')).toMatchObject({ differences: noDifferences });
      const made = await left.read('tracts', reading);
      expect([made.versions, made.quarantine]).toEqual([before.versions, before.quarantine]);
      const { quarantine } = left.tableOf('tracts').store;
      await dropOtherGenerations(left.tableOf('tracts').store);
      expect(quarantine.snapshot.files.size).toBe(1);
      expect((await left.read('tracts', reading)).quarantine).toEqual(before.quarantine);
    },
  );
});

describe('a rebuild whose file somebody deletes', () => {
  it('says so, and swaps nothing', async () => {
    const lake = await open(land);
    await lake.append(...randomTransactions(land.tables, 24, randomFrom(8)));
    await lake.fold();
    const before = namesOf(lake, 'tracts_dimension');
    const of = lake.tableOf('tracts');
    const { version } = of.store.versions.snapshot;
    const exclusively = <T>(table: string, work: () => Promise<T>) => {
      const made = namesOf(lake, 'tracts_dimension').filter((name) => !before.includes(name));
      rmSync(join(folderOf(lake), 'tracts_dimension', made[0]!));
      return of.folding.exclusively(table, work);
    };
    const rebuilding = new Rebuild({ ...of, folding: { exclusively } }, reading).run(ignore, never);
    await expect(rebuilding).rejects.toMatchObject({ code: 'rebuild-file-lost' });
    expect(of.store.versions.snapshot.version).toBe(version);
    expect(namesOf(lake, 'tracts_dimension')).toEqual(before);
  });
});
