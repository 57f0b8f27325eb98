/**
 * The projector's operations on a running system, asked for by `migsbyu` and by a catalog that changed: what they do is
 * read in the lake's files.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column, ColumnType } from '#libs/catalog';
import { openDuckDb } from '#libs/lake';
import { lakeRows } from '#libs/test-lake';
import { emptyDatabase, type TestDatabase } from '#libs/test-postgres';
import pg from 'pg';
import { Service } from '../other-catalog/service.js';

let folder: string;
let database: TestDatabase;
let source: pg.Client;
let reading: DuckDBConnection;
let projector: Service | null = null;

const said = { label: 'x', description: 'x' };
const column = (name: string, type: ColumnType, nullable = true): Column => ({ name, type, nullable, ...said });

/** Writes a catalog module whose halls have these columns beside their key. */
function catalogModule(name: string, ...columns: Column[]): string {
  const key = [column('site', 'text', false), column('number', 'integer', false)];
  const table = { table: 'halls', name: 'hall', kind: 'dimension', key: ['site', 'number'], ...said };
  const catalog = { name, tables: [{ ...table, columns: [...key, ...columns] }] };
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, `export const catalog = ${JSON.stringify(catalog)};`);
  return path;
}

async function start(catalog: string): Promise<void> {
  projector = await Service.start('projector', {
    ...{ CATALOG_MODULE: catalog, LAKE_URL: pathToFileURL(join(folder, 'lake')).href, PUBLICATION: 'halls' },
    ...{ DATABASE_URL: database.url, REPLICATION_SLOT: database.name, SPOOL_FOLDER: join(folder, 'spool') },
    ...{ FOLD_CHANGES: '1000000', FOLD_AGE_SECONDS: '86400' },
  });
  while (!(await fetch(`${projector.url}/health/ready`)).ok) await sleep(20);
}

interface Told {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const main = fileURLToPath(new URL('../../dist/apps/cli/src/main.js', import.meta.url));
const migsbyu = (...args: string[]): Promise<Told> =>
  new Promise((tell) => {
    const env = { ...process.env, PROJECTOR_URL: projector!.url };
    execFile(process.execPath, [main, ...args], { env }, (error, out, err) =>
      tell({ code: error ? (error.code as unknown as number) : 0, out, err }),
    );
  });

const migsbyuJson = async (...args: string[]) => {
  const { code, out } = await migsbyu(...args, '--json');
  return { code, answer: JSON.parse(out) as Record<string, unknown> };
};

const get = async (path: string) =>
  (await fetch(`${projector!.url}${path}`)).json() as Promise<Record<string, unknown>>;

const versions = (...columns: string[]) =>
  lakeRows(join(folder, 'lake', 'halls_dimension'), reading, `hall_key::INTEGER AS key, ${columns.join(', ')}`);

/** Resolves when the lake holds so many changes. */
async function appended(position: number): Promise<void> {
  while ((await get('/v1/status'))['position'] !== position) await sleep(20);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'operations-'));
  database = await emptyDatabase();
  source = new pg.Client({ connectionString: database.url });
  await source.connect();
  await source.query(`CREATE TABLE halls (site text, number int, seats text, floor text, PRIMARY KEY (site, number));
    ALTER TABLE halls REPLICA IDENTITY FULL;
    CREATE PUBLICATION halls FOR TABLE halls;
    INSERT INTO halls VALUES ('Nord', 1, '80', 'wood'), ('Nord', 2, '120', 'stone')`);
  reading = await (await openDuckDb()).connect();
});
afterAll(async () => {
  await projector?.stop();
  await source?.end();
  await database?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('the projector’s operations', () => {
  it('fold, rebuild and resnapshot when they are asked to', async () => {
    await start(catalogModule('first', column('seats', 'integer')));
    await appended(3);
    await source.query(`UPDATE halls SET seats = '90' WHERE number = 1`);
    await source.query(`UPDATE halls SET floor = 'cork' WHERE number = 1`); // of no interest to this catalog
    await appended(5);
    expect(await migsbyuJson('fold')).toMatchObject({ code: 0, answer: { state: 'done', report: { folded: 5 } } });
    const folded = [
      { key: 2, number: 1, seats: 80, closed: 4 },
      { key: 3, number: 2, seats: 120, closed: null },
      { key: 4, number: 1, seats: 90, closed: null },
    ];
    const shown = () => versions('number', 'seats', 'closed_tx::INTEGER AS closed');
    expect(await shown()).toEqual(folded);
    const { code, answer } = await migsbyuJson('rebuild', 'halls');
    const same = { only_old: 0, only_new: 0, changed: 0 };
    const report = { position: 5, changes: 5, versions: 3, drifted: false, compared_at: 5, differences: same };
    expect({ code, answer }).toMatchObject({ code: 0, answer: { table: 'halls', state: 'done', report } });
    expect(await shown()).toEqual(folded);
    expect(await migsbyu('rebuild', 'rooms')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/one of halls/),
    });
    expect(await migsbyuJson('resnapshot')).toMatchObject({
      code: 0,
      answer: { state: 'done', report: { position: 8 } },
    });
    expect((await migsbyu('fold')).code).toBe(0);
    expect(await shown()).toEqual(folded);
  });

  it('rebuild what another catalog entry made, with the full past, while changes go on', async () => {
    const [last] = (await get('/v1/rebuilds'))['data'] as { id: string }[];
    await projector!.kill();
    await source.query(`UPDATE halls SET floor = 'stone' WHERE number = 1`);
    await start(catalogModule('second', column('seats', 'integer'), column('floor', 'text')));
    await source.query(`UPDATE halls SET seats = '100' WHERE number = 1`);
    await appended(10);
    const rebuilds = async () => (await get('/v1/rebuilds'))['data'] as { state: string; report: unknown }[];
    while ((await rebuilds())[0]?.state !== 'done') await sleep(20);
    expect(await rebuilds()).toMatchObject([
      { table: 'halls', report: { drifted: true, columns: { added: ['floor'] } } },
    ]);
    expect((await migsbyu('fold')).code).toBe(0);
    expect(await versions('number', 'seats', 'floor', 'closed_tx::INTEGER AS closed')).toEqual([
      { key: 2, number: 1, seats: 80, floor: 'wood', closed: 4 },
      { key: 3, number: 2, seats: 120, floor: 'stone', closed: null },
      { key: 4, number: 1, seats: 90, floor: 'wood', closed: 5 },
      { key: 5, number: 1, seats: 90, floor: 'cork', closed: 9 },
      { key: 9, number: 1, seats: 90, floor: 'stone', closed: 10 },
      { key: 10, number: 1, seats: 100, floor: 'stone', closed: null },
    ]);
    const { out } = await migsbyu('status');
    expect(out).toMatch(/state +streaming[^]*halls +10 +0 +fine/);
    const missing = await fetch(`${projector!.url}/v1/rebuilds/${last!.id}`);
    expect({ status: missing.status, body: await missing.json() }).toMatchObject({
      ...{ status: 404, body: { code: 'not-found', detail: expect.stringMatching(/forgets them when it restarts/) } },
    });
  });

  it('verify, and tell what differs by the exit code', async () => {
    const rows = { table: 'halls', rows: 2, missing: 0, extra: 0, quarantined: 0 };
    expect(await migsbyuJson('verify')).toMatchObject({
      ...{ code: 0, answer: { state: 'done', report: { equal: true, position: 10, tables: [{ ...rows, equal: 2 }] } } },
    });
    await source.query('ALTER PUBLICATION halls DROP TABLE halls'); // so that a change gets lost
    await source.query(`UPDATE halls SET floor = 'sand' WHERE number = 2`);
    await source.query('ALTER PUBLICATION halls ADD TABLE halls');
    const { code, answer } = await migsbyuJson('verify', 'halls');
    const examples = [{ finding: 'different', key: ['Nord', '2'], columns: ['floor'] }];
    const report = { equal: false, tables: [{ ...rows, equal: 1, different: 1, examples }] };
    expect({ code, answer }).toMatchObject({ code: 1, answer: { state: 'done', table: 'halls', report } });
    expect(await migsbyu('verify', 'rooms')).toMatchObject({ code: 2 });
  });
});
