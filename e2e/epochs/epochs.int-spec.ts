/**
 * A source that is not the one that the lake stands in, the whole way: the projector stops by name and touches nothing;
 * after a resnapshot the lake has all that it had, and what the source has now (law 8).
 */
import { execFileSync } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Catalog, Table } from '#libs/catalog';
import type { SourceEpoch } from '#libs/change-event';
import { loadSnapshot } from '#libs/delta-log';
import { startPostgres, type Postgres } from '#libs/embedded-postgres';
import { openDuckDb } from '#libs/lake';
import { lakeRows, temporaryFolder } from '#libs/test-lake';
import { eventually, query, RunningProjector, type RunningProjectorOptions } from '../running-projector.js';

const words = { label: 'x', description: 'x' };
const dimension = (table: string, name: string): Table => ({
  ...{ table, name, kind: 'dimension', key: ['id'], ...words },
  columns: [
    { name: 'id', type: 'text', ...words },
    { name: 'seats', type: 'integer', nullable: true, ...words },
  ],
});
const halls: Catalog = { name: 'campus', tables: [dimension('halls', 'hall')] };
const hallsAndRooms: Catalog = { name: 'campus', tables: [...halls.tables, dimension('rooms', 'room')] };

const tables = (publication: string) => `
  CREATE TABLE halls (id text PRIMARY KEY, seats int);
  CREATE TABLE rooms (id text PRIMARY KEY, seats int);
  ALTER TABLE halls REPLICA IDENTITY FULL;
  ALTER TABLE rooms REPLICA IDENTITY FULL;
  CREATE PUBLICATION ${publication} FOR TABLE halls, rooms;`;

const folder = temporaryFolder('epochs');
let duckdb: DuckDBInstance;
let reading: DuckDBConnection;
let server: Postgres;
let [count, name, lake] = [0, '', ''];

async function startServer(settings: Record<string, string> = {}): Promise<void> {
  const [user, password, port] = ['migsbyu', 'migsbyu', server?.port ?? 0];
  const dataDir = join(folder, 'data');
  server = await startPostgres({ dataDir, port, user, password, settings: { fsync: 'off', ...settings } });
}
const sql = (text: string, database = name) => query(server.url(database), text);

beforeAll(async () => {
  duckdb = await openDuckDb({ threads: 1 });
  reading = await duckdb.connect();
  await startServer();
});
afterAll(async () => {
  await server.stop();
  duckdb.closeSync();
});

async function createDatabase(): Promise<void> {
  await sql(`CREATE DATABASE ${name}`, 'postgres');
  await sql(tables(name));
}

const projectors: RunningProjector[] = [];
function start(options: Partial<RunningProjectorOptions> = {}): RunningProjector {
  const all = { duckdb, databaseUrl: server.url(name), name, catalog: halls, lake, ...options };
  const projector = new RunningProjector(all);
  projectors.push(projector);
  return projector;
}

interface Version {
  readonly key: bigint;
  readonly id: string;
  readonly seats: number | null;
  readonly opened: bigint;
  readonly from: bigint;
  readonly closed: bigint | null;
}
const historyOf = async (table: string) =>
  (await lakeRows(
    join(lake, `${table}s_dimension`),
    reading,
    `${table}_key AS key, id, seats, opened_tx AS opened, epoch_us(valid_from) AS from, closed_tx AS closed`,
  )) as unknown as Version[];
const openRows = async (table: string) =>
  (await historyOf(table))
    .filter(({ closed }) => closed === null)
    .map(({ id, seats }) => `${id} ${seats}`)
    .sort();
const filesOfLake = async () =>
  (await readdir(lake, { recursive: true })).filter((path) => !path.includes('_watermark'));

/** What the lake had when the source was still the one that it knew. */
let before: Version[];
beforeEach(async () => {
  name = `epochs_${++count}`;
  lake = join(folder, 'lake', String(count));
  await createDatabase();
  await sql(`INSERT INTO halls VALUES ('A', 1), ('B', 2), ('C', NULL), ('D', 4)`);
  const projector = start();
  await projector.until('streaming');
  await sql(`UPDATE halls SET seats = 10 WHERE id = 'A'`);
  await sql(`INSERT INTO halls VALUES ('Z', 9); DELETE FROM halls WHERE id = 'Z'`);
  await sql(`INSERT INTO halls VALUES ('Y', 9)`);
  await sql(`DELETE FROM halls WHERE id = 'Y'`);
  await projector.caughtUp();
  await projector.stop();
  before = await historyOf('hall');
  expect(before.map(({ id, seats, closed }) => [id, seats, closed === null])).toEqual([
    ['A', 1, false],
    ['B', 2, true],
    ['C', null, true],
    ['D', 4, true],
    ['A', 10, true],
    ['Y', 9, false],
  ]);
});
afterEach(async () => {
  for (const projector of projectors.splice(0)) await projector.stop();
  await sql(`DROP DATABASE ${name} WITH (FORCE)`, 'postgres');
});

/** What the projector misses: B changes, C goes, E comes; A and D stay as they are. */
const changeRows = () =>
  sql(
    `UPDATE halls SET seats = 20 WHERE id = 'B'; DELETE FROM halls WHERE id = 'C'; INSERT INTO halls VALUES ('E', 5)`,
  );
const rowsNow = () => sql(`INSERT INTO halls VALUES ('A', 10), ('B', 20), ('D', 4), ('E', 5)`);
const dropSlot = () => sql(`SELECT pg_drop_replication_slot('${name}')`);

/** `before`, with B and C closed and B and E opened in one transaction that is later than all. */
function expectResnapshot(after: readonly Version[]): void {
  const opened = after.filter(({ key }) => !before.some((version) => version.key === key));
  const tx = opened[0]!.opened;
  expect(opened.map(({ id, seats, closed, opened }) => [id, seats, closed, opened])).toEqual([
    ['B', 20, null, tx],
    ['E', 5, null, tx],
  ]);
  expect(tx).toBeGreaterThan(before.at(-1)!.key);
  const kept = after.filter(({ key }) => before.some((version) => version.key === key));
  expect(kept).toEqual(before.map((version) => ('BC'.includes(version.id) ? { ...version, closed: tx } : version)));
}

async function expectStopAndHeal(change: string, options: Partial<RunningProjectorOptions> = {}): Promise<void> {
  const files = await filesOfLake();
  const projector = start(options);
  const { error } = await projector.until('park');
  expect(error).toMatchObject({ code: 'source-changed', change });
  expect(await filesOfLake()).toEqual(files);
  void projector.projector.resnapshot();
  await projector.until('streaming');
  await projector.caughtUp();
  expectResnapshot(await historyOf('hall'));
  await goesOn(projector);
}

/** The new epoch is an ordinary one: changes arrive, and the next life goes on. */
async function goesOn(projector: RunningProjector): Promise<void> {
  await sql(`UPDATE halls SET seats = 6 WHERE id = 'E'`);
  await projector.stop();
  const next = start();
  await next.until('streaming');
  await next.caughtUp();
  expect(await openRows('hall')).toEqual(['A 10', 'B 20', 'D 4', 'E 6']);
  await next.stop();
}

describe('a lake whose source', () => {
  it('lost its slot stops, and a resnapshot loses nothing', async () => {
    await dropSlot();
    await changeRows();
    await expectStopAndHeal('slot-missing');
  });

  it('has another slot under the same name stops, and a resnapshot loses nothing', async () => {
    await dropSlot();
    await changeRows();
    await sql(`SELECT pg_create_logical_replication_slot('${name}', 'pgoutput')`);
    await expectStopAndHeal('slot-replaced');
  });

  it('had its slot moved on by somebody else stops, and a resnapshot loses nothing', async () => {
    await changeRows();
    await sql(`SELECT pg_replication_slot_advance('${name}', pg_current_wal_insert_lsn())`);
    await expectStopAndHeal('position-lost');
  });

  it('was made anew in the same server stops, and a resnapshot loses nothing', async () => {
    await sql(`DROP DATABASE ${name} WITH (FORCE)`, 'postgres');
    await createDatabase();
    await rowsNow();
    await expectStopAndHeal('database-replaced');
  });

  it('heals by itself where it is told to', async () => {
    await dropSlot();
    await changeRows();
    const projector = start({ resnapshot: true });
    await projector.until('streaming');
    await projector.caughtUp();
    expectResnapshot(await historyOf('hall'));
  });

  it('was half snapshotted by a life that ended stops, and a resnapshot loses nothing', async () => {
    await dropSlot();
    await changeRows();
    const dying = new HeldSnapshot();
    await dying.projector.until('park');
    void dying.projector.projector.resnapshot();
    await dying.underWay;
    await dying.end();
    await expectStopAndHeal('slot-replaced');
  });
});

/** A projector whose snapshots come to a halt after their first rows. */
class HeldSnapshot {
  readonly projector: RunningProjector;
  private readonly reached = Promise.withResolvers<void>();
  private readonly held = Promise.withResolvers<void>();

  constructor() {
    const [{ resolve }, held] = [this.reached, this.held.promise];
    async function* slowly<T>(chunks: AsyncIterable<T>) {
      for await (const chunk of chunks) {
        yield chunk;
        resolve();
        await held;
      }
    }
    this.projector = start({
      deliver: (transaction) =>
        transaction.header.opens ? { ...transaction, changes: slowly(transaction.changes) } : transaction,
    });
  }

  get underWay(): Promise<void> {
    return this.reached.promise;
  }

  letGo(): void {
    this.held.resolve();
  }

  async end(): Promise<void> {
    const ended = this.projector.stop();
    this.letGo();
    await ended;
  }
}

describe('a resnapshot of a source that is as it was', () => {
  const epochOf = async () => {
    const snapshot = await loadSnapshot(join(lake, 'changelog'), reading);
    return JSON.parse(snapshot!.metadata.configuration['migsbyu.epoch']!) as SourceEpoch;
  };
  const slots = () =>
    sql(`SELECT slot_name, two_phase_at::text FROM pg_replication_slots WHERE database = current_database()`);

  it('keeps the slot, and opens an epoch that it goes on in', async () => {
    const [epoch, slot] = [await epochOf(), await slots()];
    await changeRows();
    const projector = start();
    await projector.until('streaming');
    await projector.projector.resnapshot();
    await projector.caughtUp();
    expectResnapshot(await historyOf('hall'));
    const { identity, consistent_point } = await epochOf();
    expect({ identity, same: consistent_point === epoch.consistent_point }).toEqual({
      ...{ identity: epoch.identity, same: false },
    });
    expect(await slots()).toEqual(slot);
    await goesOn(projector);
  });

  it.each(['called off', 'cut off by the end of its life'])('and is %s leaves the epoch as it was', async (how) => {
    const [epoch, slot] = [await epochOf(), await slots()];
    const held = new HeldSnapshot();
    await held.projector.until('streaming');
    const calling = new AbortController();
    const asked = held.projector.projector.resnapshot(calling.signal);
    asked.catch(() => {});
    await held.underWay;
    await changeRows(); // not in the snapshot
    if (how === 'called off') {
      calling.abort(new Error(how));
      held.letGo();
      await expect(asked).rejects.toThrow(how);
      await held.projector.until('streaming');
    } else await held.end();
    const projector = how === 'called off' ? held.projector : start();
    await projector.caughtUp();
    expect({ epoch: await epochOf(), slots: await slots() }).toEqual({ epoch, slots: slot });
    expectResnapshot(await historyOf('hall'));
    await goesOn(projector);
  });
});

describe('a table that joins the catalog of a lake with history', () => {
  it('stops the projector by its name, and arrives with the rows that it had', async () => {
    await sql(`INSERT INTO rooms VALUES ('R1', 1), ('R2', 2)`);
    await changeRows();
    const projector = start({ catalog: hallsAndRooms });
    const { error } = await projector.until('park');
    expect(error).toMatchObject({ change: 'tables-added', message: expect.stringContaining('rooms') });
    void projector.projector.resnapshot();
    await projector.until('streaming');
    await sql(`UPDATE rooms SET seats = 3 WHERE id = 'R1'`);
    await projector.caughtUp();
    expect(await openRows('room')).toEqual(['R1 3', 'R2 2']);
    expectResnapshot(await historyOf('hall'));
  });

  it('does so also when it only comes back', async () => {
    const heal = async (catalog: Catalog) => {
      const projector = start({ catalog, resnapshot: true });
      await projector.until('streaming');
      await projector.caughtUp();
      await projector.stop();
    };
    await heal(hallsAndRooms);
    const without = start();
    await without.until('streaming');
    await sql(`INSERT INTO rooms VALUES ('R1', 1)`); // seen by no projector
    await without.caughtUp();
    await without.stop();
    const { error } = await start({ catalog: hallsAndRooms }).until('park');
    expect(error).toMatchObject({ change: 'tables-added', message: expect.stringContaining('rooms') });
    await heal(hallsAndRooms);
    expect(await openRows('room')).toEqual(['R1 1']);
  });
});

describe('a lake whose server', () => {
  it('gave the slot up stops, and a resnapshot loses nothing', async () => {
    await server.stop();
    await startServer({ max_slot_wal_keep_size: '1MB', max_wal_size: '32MB', min_wal_size: '32MB' });
    await changeRows();
    for (let i = 0; i < 4; i++) await sql(`INSERT INTO rooms VALUES ('${i}', 1); SELECT pg_switch_wal()`);
    await sql('CHECKPOINT');
    const lost = `SELECT FROM pg_replication_slots WHERE slot_name = '${name}' AND wal_status = 'lost'`;
    await eventually(async () => (await sql(lost)).length === 1);
    await expectStopAndHeal('slot-invalidated');
    await server.stop();
    await startServer();
  });

  it('was restored from an older copy stops, and a resnapshot loses nothing', async () => {
    await server.stop();
    const [data, copy] = [join(folder, 'data'), join(folder, 'copy')];
    execFileSync('cp', ['-a', data, copy]);
    await startServer();
    const projector = start();
    await projector.until('streaming');
    await sql(`INSERT INTO halls SELECT 'X' || i, i FROM generate_series(1, 2000) AS i`);
    await projector.caughtUp();
    await projector.stop();
    before = await historyOf('hall');
    await server.stop();
    rmSync(data, { recursive: true });
    renameSync(copy, data);
    await startServer();
    const parked = start();
    expect((await parked.until('park')).error).toMatchObject({ change: 'position-lost' });
    void parked.projector.resnapshot();
    await parked.until('streaming');
    await parked.caughtUp();
    expect(await openRows('hall')).toEqual(['A 10', 'B 2', 'C null', 'D 4']);
    const after = await historyOf('hall');
    const restored = ({ id }: Version) => id.startsWith('X');
    expect(after.filter(restored).map(({ closed, ...version }) => [version, closed !== null])).toEqual(
      before.filter(restored).map(({ closed: _, ...version }) => [version, true]),
    );
    expect(after.filter((version) => !restored(version))).toEqual(before.filter((version) => !restored(version)));
  });

  it('was promoted stops, and a resnapshot loses nothing', async () => {
    await changeRows();
    await server.stop();
    const data = join(folder, 'data');
    writeFileSync(join(data, 'recovery.signal'), '');
    await startServer({ restore_command: 'false' });
    const recovering = 'SELECT pg_is_in_recovery()::text AS recovering';
    await eventually(async () => (await sql(recovering))[0]!['recovering'] === 'false');
    await expectStopAndHeal('timeline-changed');
  });

  it('was replaced by another one stops, and a resnapshot loses nothing', async () => {
    await server.stop();
    rmSync(join(folder, 'data'), { recursive: true });
    await startServer();
    await createDatabase();
    await rowsNow();
    await expectStopAndHeal('system-replaced');
  });
});
