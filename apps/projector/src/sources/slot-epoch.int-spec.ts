import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { formatLsn } from '#libs/change-event';
import { connect, createSlot, disconnect } from '#libs/postgres-replication';
import { emptyDatabase } from '#libs/test-postgres';
import type { LakePosition } from './change-source.js';
import { CampusDatabase, eventually } from './contract/campus-database.js';
import { campusTables } from './contract/captured-tables.js';
import { RecordingReceiver } from './contract/recording-receiver.js';
import type { PostgresSlotSource } from './postgres-slot.js';

let database: CampusDatabase;
let source: PostgresSlotSource;
let receiver: RecordingReceiver;
/** What the lake has on disk: a snapshot and one transaction. */
let lake: LakePosition;

beforeEach(async () => {
  database = await CampusDatabase.open(await emptyDatabase());
  receiver = new RecordingReceiver();
  source = database.source({ patience: 30_000 });
  await source.start(null, receiver);
  await database.run(`INSERT INTO buildings VALUES (1, 'Main')`);
  await receiver.first(2);
  source.durable(receiver.position.commitLsn);
  lake = receiver.position;
});
afterEach(() => database.close());

const dropSlot = () => database.run(`SELECT pg_drop_replication_slot('${database.slot}')`);
const createAnew = async () => {
  const client = await connect({ databaseUrl: database.url }, 'replication');
  await createSlot(client, database.slot);
  await disconnect(client);
};
const goingOn = (from: LakePosition = lake) => database.source().start(from, new RecordingReceiver());
const changed = (change: string) => ({ code: 'source-changed', change });
const insert = (id: number) => database.run(`INSERT INTO buildings VALUES (${id}, 'x')`);
const advance = () =>
  database.run(`SELECT pg_replication_slot_advance('${database.slot}', pg_current_wal_insert_lsn())`);

describe('a lake goes on from a slot', () => {
  beforeEach(() => source.stop());

  it('that is gone: never', async () => {
    await dropSlot();
    await expect(goingOn()).rejects.toMatchObject(changed('slot-missing'));
  });

  it('that was made anew under the same name: never', async () => {
    await dropSlot();
    await insert(2);
    await createAnew();
    await expect(goingOn()).rejects.toMatchObject(changed('slot-replaced'));
  });

  it('that was made anew by other means: never', async () => {
    await dropSlot();
    await database.run(`SELECT pg_create_logical_replication_slot('${database.slot}', 'pgoutput')`);
    await expect(goingOn()).rejects.toMatchObject(changed('slot-replaced'));
  });

  it('of another name: never', async () => {
    const other = database.source({ slot: `${database.slot}_other` });
    await other.start(null, new RecordingReceiver());
    await other.stop();
    await expect(other.start(lake, new RecordingReceiver())).rejects.toMatchObject(changed('slot-replaced'));
    await database.run(`SELECT pg_drop_replication_slot('${database.slot}_other')`);
  });

  it('in a database that was made anew under the same name: never', async () => {
    await dropSlot();
    await recreateDatabase();
    await expect(goingOn()).rejects.toMatchObject(changed('database-replaced'));
    await createAnew();
    await expect(goingOn()).rejects.toMatchObject(changed('database-replaced'));
  });

  it.each([
    ['system-replaced', { system_identifier: '1' }],
    ['timeline-changed', { timeline: 2 }],
    ['database-replaced', { database: 'other' }],
    ['adapter-changed', { adapter: 'kafka' as const }],
  ])('of another epoch: never (%s)', async (change, other) => {
    await expect(goingOn({ ...lake, epoch: { ...lake.epoch, ...other } })).rejects.toMatchObject(changed(change));
  });

  it('that somebody moved past what the lake knows: never', async () => {
    await insert(2);
    await advance();
    await expect(goingOn({ ...lake, completeLsn: lake.commitLsn })).rejects.toMatchObject(changed('position-lost'));
  });

  it('of a server whose log ends before the lake: never', async () => {
    const ahead = (await database.logEnd()) + 2 ** 30;
    const from = { ...lake, commitLsn: ahead, completeLsn: ahead };
    await expect(goingOn(from)).rejects.toMatchObject(changed('position-lost'));
  });

  it('that it was acknowledged on as far as it knows: yes', async () => {
    await database.run(`INSERT INTO unpublished VALUES (1)`);
    await advance();
    const again = new RecordingReceiver();
    await database.source().start({ ...lake, completeLsn: await database.confirmed() }, again);
    await insert(2);
    expect((await again.first(1))[0]!.changes[0]!.key).toBe('["2"]');
  });

  it('with a new snapshot after any of that', async () => {
    await dropSlot();
    await insert(2);
    const again = new RecordingReceiver();
    await database.source().start(lake, again, { resnapshot: true });
    expect(again.transactions[0]!.changes.filter(({ op }) => op === 'r')).toHaveLength(2);
    expect(again.position.epoch.identity).toContain(`/${database.slot}@${formatLsn(again.position.commitLsn)}`);
  });

  it('that was idle, with the progress that it kept', async () => {
    const progress = new RecordingReceiver();
    const idle = database.source();
    await idle.start(lake, progress);
    await database.run(`INSERT INTO unpublished VALUES (1)`);
    const end = await database.logEnd();
    await eventually(async () => (await database.confirmed()) >= end);
    await idle.stop();
    await expect(goingOn({ ...lake, completeLsn: progress.progresses.at(-1)!.lsn })).resolves.toBeUndefined();
  });
});

describe('a reconnect', () => {
  /** Does it while the source is held off by a lock on its slot. */
  const whileAway = async (work: () => Promise<unknown>) => {
    const locks = (granted: boolean) => `FROM pg_locks WHERE locktype = 'advisory' AND granted = ${granted}
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    const holder = await connect({ databaseUrl: database.url });
    const held = holder.query(`SELECT pg_advisory_lock(hashtext('replication slot'), hashtext('${database.slot}'))`);
    await eventually(async () => (await database.run(`SELECT ${locks(false)}`)).length === 1);
    await database.run(`SELECT pg_terminate_backend(pid) ${locks(true)}`);
    await held;
    const idle = `SELECT FROM pg_replication_slots WHERE slot_name = '${database.slot}' AND NOT active`;
    await eventually(async () => (await database.run(idle)).length === 1);
    await work();
    await disconnect(holder);
  };

  it('does not go on with a slot that was made anew', async () => {
    await whileAway(async () => {
      await dropSlot();
      await createAnew();
    });
    expect(await receiver.failure()).toMatchObject(changed('slot-replaced'));
  });

  it('does not go on without the slot', async () => {
    await whileAway(dropSlot);
    expect(await receiver.failure()).toMatchObject(changed('slot-missing'));
  });

  it('does not go on where somebody moved the slot past what was accepted', async () => {
    await whileAway(async () => {
      await insert(2);
      await advance();
    });
    expect(await receiver.failure()).toMatchObject(changed('position-lost'));
    expect(receiver.transactions).toHaveLength(2);
  });

  it('goes on where nothing has changed', async () => {
    await whileAway(() => insert(2));
    expect((await receiver.first(3))[2]!.changes[0]!.key).toBe('["2"]');
  });
});

async function recreateDatabase(): Promise<void> {
  await database.client.end();
  const url = new URL(database.url);
  url.pathname = '/postgres';
  const admin = await connect({ databaseUrl: url.href });
  await admin.query(`DROP DATABASE ${database.slot} WITH (FORCE)`);
  await admin.query(`CREATE DATABASE ${database.slot} TEMPLATE template0`);
  await disconnect(admin);
  await database.connect();
  await database.run(campusTables(database.slot));
}
