import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connect, disconnect } from '#libs/postgres-replication';
import { emptyDatabase } from '#libs/test-postgres';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { CampusDatabase, eventually } from './contract/campus-database.js';
import { changeSourceContract } from './contract/change-source.contract.js';
import { RecordingReceiver } from './contract/recording-receiver.js';

const openCampus = async () => CampusDatabase.open(await emptyDatabase());

changeSourceContract('slot', async () => {
  const database = await openCampus();
  return {
    databaseUrl: database.url,
    source: (catalog) => database.source(catalog && { catalog }),
    dispose: () => database.close(),
  };
});

let database: CampusDatabase;
beforeEach(async () => {
  database = await openCampus();
});
afterEach(() => database.close());

const insert = (id: number) => database.run(`INSERT INTO buildings VALUES (${id}, 'a')`);
const streaming = async (receiver = new RecordingReceiver(), options = {}) => {
  const source = database.source(options);
  await source.start(null, receiver);
  return { receiver, source };
};

describe('a slot is acknowledged', () => {
  it('exactly up to the end of the last durable commit while another is in flight', async () => {
    const { receiver, source } = await streaming();
    source.durable(receiver.position.commitLsn);
    await insert(1);
    await insert(2);
    await insert(3);
    const [, , second] = await receiver.first(4);
    source.durable(second!.end.commitLsn);
    await eventually(async () => (await database.confirmed()) === second!.end.commitLsn);
    // progress past it is announced, and keepalives come, and neither moves the slot
    const seen = receiver.progresses.length;
    await receiver.until(() => receiver.progresses.length >= seen + 3);
    await source.stop();
    expect(await database.confirmed()).toBe(second!.end.commitLsn);
  });

  it('nowhere before anything is durable', async () => {
    const { receiver, source } = await streaming();
    await insert(1);
    await receiver.first(2);
    await receiver.until(() => receiver.progresses.length >= 3);
    await source.stop();
    expect(await database.confirmed()).toBe(receiver.transactions[0]!.end.commitLsn);
  });

  it('up to the end of the log while nothing captured is written', async () => {
    const { receiver, source } = await streaming();
    source.durable(receiver.position.commitLsn);
    await database.run(`INSERT INTO unpublished SELECT i FROM generate_series(1, 20000) AS i`);
    await database.run(`INSERT INTO unlisted SELECT i FROM generate_series(1, 20000) AS i`);
    const end = await database.logEnd();
    await eventually(async () => (await database.confirmed()) >= end);
    expect(receiver.transactions).toHaveLength(1);
  });

  it('also where the snapshot was durable before its delivery had settled', async () => {
    const source = database.source();
    await source.start(null, new RecordingReceiver({ accept: ({ end }) => source.durable(end.commitLsn) }));
    await database.run(`INSERT INTO unpublished VALUES (1)`);
    const end = await database.logEnd();
    await eventually(async () => (await database.confirmed()) >= end);
    expect(await database.confirmed()).toBeGreaterThanOrEqual(end);
  });

  it('no further than the progress that the receiver keeps', async () => {
    const kept: (() => void)[] = [];
    const receiver = new RecordingReceiver({ keep: () => new Promise<void>((done) => kept.push(done)) });
    const { source } = await streaming(receiver);
    source.durable(receiver.position.commitLsn);
    await database.run(`INSERT INTO unpublished VALUES (1)`);
    const end = await database.logEnd();
    const progress = await receiver.until(() => receiver.progresses.find(({ lsn }) => lsn >= end));
    await receiver.until(() => receiver.progresses.length > receiver.progresses.indexOf(progress) + 2);
    expect(await database.confirmed()).toBe(receiver.position.commitLsn);
    kept[receiver.progresses.indexOf(progress)]!();
    await eventually(async () => (await database.confirmed()) >= end);
  });
});

describe('a receiver that withholds', () => {
  it('holds the socket back, so that a transaction of any size passes through bounded memory', async () => {
    const release = Promise.withResolvers<void>();
    const receiver = new RecordingReceiver({
      take: ([change]) => (change!.op === 'c' ? release.promise : undefined),
    });
    await streaming(receiver, { buffered: 100_000 });
    await database.run(`INSERT INTO buildings SELECT i, repeat('x', 1000) FROM generate_series(1, 30000) AS i`);
    const sent = async () =>
      (
        await database.run(`SELECT wait_event FROM pg_stat_replication AS r
      JOIN pg_stat_activity AS a USING (pid) JOIN pg_replication_slots AS s ON s.active_pid = a.pid
      WHERE slot_name = '${database.slot}' AND wait_event = 'WalSenderWriteData'`)
      ).length === 1;
    await eventually(sent);
    release.resolve();
    const [, transaction] = await receiver.first(2);
    expect(transaction!.changes).toHaveLength(30_000);
  });

  it('gets chunks of about a megabyte where rows are large', async () => {
    const { receiver } = await streaming();
    await database.run(`INSERT INTO buildings SELECT i, repeat('x', 100000) FROM generate_series(1, 40) AS i`);
    expect((await receiver.first(2))[1]!.chunks).toEqual([11, 11, 11, 7]);
  });
});

describe('two sources of one slot', () => {
  it('take turns: the second is told, and goes on where the first stopped', async () => {
    const { receiver, source } = await streaming();
    const second = database.source({ patience: 100 });
    const standby = new RecordingReceiver();
    const inUse = expect.objectContaining({ code: 'slot-in-use', slot: database.slot });
    await expect(second.start(null, standby)).rejects.toEqual(inUse);
    await expect(second.start(receiver.position, standby)).rejects.toEqual(inUse);
    await insert(1);
    await receiver.first(2);
    await source.stop();
    await insert(2);
    await second.start(receiver.position, standby);
    expect((await standby.first(1))[0]!.changes[0]!.key).toBe('["2"]');
  });

  it('do not take the slot from each other during a snapshot', async () => {
    const [reading, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const receiver = new RecordingReceiver({
      take() {
        reading.resolve();
        return release.promise;
      },
    });
    const started = streaming(receiver);
    await reading.promise;
    const second = database.source({ patience: 100 });
    await expect(second.start(null, new RecordingReceiver())).rejects.toMatchObject({ code: 'slot-in-use' });
    release.resolve();
    await started;
    await insert(1);
    await receiver.first(2);
  });

  it('respect a reader of another kind', async () => {
    const { receiver, source } = await streaming();
    await source.stop();
    const foreign = await connect({ databaseUrl: database.url }, 'replication');
    const reading = foreign.query(
      `START_REPLICATION SLOT ${database.slot} LOGICAL 0/0 (proto_version '1', publication_names '${database.slot}')`,
    );
    reading.catch(() => {});
    const active = `SELECT FROM pg_replication_slots WHERE slot_name = '${database.slot}' AND active`;
    await eventually(async () => (await database.run(active)).length === 1);
    const waiting = database.source({ patience: 100 });
    const standby = new RecordingReceiver();
    const inUse = { code: 'slot-in-use' };
    await expect(waiting.start(receiver.position, standby)).rejects.toMatchObject(inUse);
    await expect(waiting.start(null, standby)).rejects.toMatchObject(inUse);
    await disconnect(foreign);
    await database.source().start(receiver.position, standby);
  });
});

/** A process of its own that reads the slot, says each key that it got, and never says that anything is durable. */
function reader(): ChildProcess {
  const module = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const script = `
    const { PostgresSlotSource } = await import(${module('./postgres-slot.ts')});
    const { campus } = await import(${module('./contract/captured-tables.ts')});
    const { RecordingReceiver } = await import(${module('./contract/recording-receiver.ts')});
    const receiver = new RecordingReceiver({ accept: (tx) => void process.send({ opens: tx.header.opens, commitLsn: tx.end.commitLsn }) });
    const name = ${JSON.stringify(database.slot)};
    const source = new PostgresSlotSource({ databaseUrl: ${JSON.stringify(database.url)}, slot: name, publication: name, catalog: campus });
    await source.start(null, receiver);`;
  const hooks = new URL('../../../../tools/run-typescript.mjs', import.meta.url).href;
  return spawn(process.execPath, ['--import', hooks, '--input-type=module', '-e', script], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

describe('a killed reader', () => {
  it('loses nothing of what it had not made durable', async () => {
    const child = reader();
    const [{ opens, commitLsn }] = await once(child, 'message');
    await insert(1);
    await once(child, 'message');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await insert(2);
    const receiver = new RecordingReceiver();
    await database.source().start({ epoch: opens, commitLsn }, receiver);
    const transactions = await receiver.first(2);
    expect(transactions.map(({ changes }) => changes[0]!.key)).toEqual(['["1"]', '["2"]']);
  });
});

describe('a cut connection', () => {
  const cutStream = () =>
    database.run(
      `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${database.slot}'`,
    );

  it('brings the transaction that was under way again, whole, and what was accepted not again', async () => {
    const interruptions: Error[] = [];
    let cutAt = 5;
    const receiver = new RecordingReceiver({
      take: async ([change]) => {
        if (change!.op === 'c' && change!.table === 'buildings' && --cutAt === 0) await cutStream();
      },
    });
    const { source } = await streaming(receiver, { interrupted: (error: Error) => interruptions.push(error) });
    await database.run(`INSERT INTO rooms VALUES (1, 'before')`);
    await receiver.first(2);
    await database.run(`INSERT INTO buildings SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) AS i`);
    const [, , transaction] = await receiver.first(3);
    expect(transaction!.changes).toHaveLength(20_000);
    expect(receiver.cut).toHaveLength(1);
    expect(interruptions).toHaveLength(1);
    await database.run(`INSERT INTO rooms VALUES (1, 'after')`);
    expect((await receiver.first(4))[3]!.changes[0]!.key).toBe('["after","1"]');
    source.durable(receiver.position.commitLsn);
    await eventually(async () => (await database.confirmed()) >= receiver.position.commitLsn);
  });

  it('acknowledges nothing that was accepted but not durable', async () => {
    const { receiver, source } = await streaming();
    source.durable(receiver.position.commitLsn);
    await insert(1);
    await receiver.first(2);
    await cutStream();
    await insert(2);
    await receiver.first(3);
    await source.stop();
    expect(await database.confirmed()).toBeLessThan(receiver.transactions[1]!.end.commitLsn);
  });

  it('of the ordinary connection is mended too', async () => {
    const { receiver } = await streaming();
    await database.run(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    await insert(1);
    await receiver.first(2);
    const seen = receiver.progresses.length;
    await receiver.until(() => receiver.progresses.length > seen + 1);
    expect(receiver.failures).toEqual([]);
  });
});

describe('a change that cannot be told', () => {
  it('is an error that names the column, never a NULL', async () => {
    await database.run(`ALTER TABLE happenings ALTER data SET STORAGE EXTERNAL`);
    await database.run(`INSERT INTO happenings VALUES ('a', 1, repeat('x', 100000))`);
    const { receiver } = await streaming();
    await database.run(`UPDATE happenings SET version = 2`);
    await database.run(`UPDATE happenings SET stream_id = stream_id`);
    expect(await receiver.failure()).toMatchObject({
      code: 'unchanged-value-unknown',
      table: 'happenings',
      column: 'data',
    });
    expect(receiver.transactions).toHaveLength(1);
  });
});

describe('a snapshot', () => {
  it('that waits for a running transaction can be stopped, and leaves no slot', async () => {
    await database.run('BEGIN');
    await database.run('SELECT pg_current_xact_id()');
    const source = database.source();
    const starting = source.start(null, new RecordingReceiver()).catch((error: unknown) => error);
    const slots = `SELECT active_pid FROM pg_replication_slots WHERE slot_name = '${database.slot}'`;
    await eventually(async () => (await database.run(slots)).length === 1);
    await source.stop();
    expect(await starting).toMatchObject({ code: 'source-stopped' });
    await eventually(async () => (await database.run(slots)).length === 0);
    await database.run('ROLLBACK');
  });

  it('is read again when a table was rewritten under it', async () => {
    await database.run(`INSERT INTO buildings SELECT i, 'a' FROM generate_series(1, 100) AS i`);
    const receiver = new RecordingReceiver();
    const starting = database.source().start(null, receiver);
    // each rewrite that falls between the slot's start and the reader's lock would show an empty table
    for (let length = 1; length <= 40; length++)
      await database.run(`ALTER TABLE buildings ALTER name TYPE varchar USING left(name, ${length})`);
    await starting;
    expect(receiver.transactions[0]!.changes.filter(({ op }) => op === 'r')).toHaveLength(100);
  });
});

describe('a database that is not ready', () => {
  it('is told apart by what is wrong with it, all at once, with what to do', async () => {
    await database.run(
      `ALTER PUBLICATION ${database.slot} DROP TABLE rooms; ALTER TABLE buildings REPLICA IDENTITY DEFAULT`,
    );
    await database.run(
      `ALTER TABLE happenings DROP CONSTRAINT happenings_pkey; ALTER PUBLICATION ${database.slot} SET (publish = 'insert')`,
    );
    const failure = await database
      .source()
      .start(null, new RecordingReceiver())
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'source-not-ready' });
    expect((failure as { problems: { problem: string }[] }).problems.map(({ problem }) => problem)).toEqual([
      'publication-operations',
      'table-unpublished',
      'replica-identity',
      'primary-key',
    ]);
    expect((failure as Error).message).toContain('ALTER TABLE buildings REPLICA IDENTITY FULL.');
  });

  it.each([
    ['publication-missing', (name: string) => `DROP PUBLICATION ${name}`],
    [
      'row-filter',
      (name: string) => `ALTER PUBLICATION ${name} SET TABLE buildings, rooms WHERE (number > 1), happenings`,
    ],
    [
      'column-unpublished',
      (name: string) => `ALTER PUBLICATION ${name} SET TABLE buildings, rooms, happenings (stream_id)`,
    ],
    ['table-missing', () => `ALTER TABLE rooms RENAME TO chambers`],
    ['replica-identity', () => `ALTER TABLE happenings REPLICA IDENTITY NOTHING`],
  ])('is refused: %s', async (problem, break_) => {
    await database.run(break_(database.slot));
    await expect(database.source().start(null, new RecordingReceiver())).rejects.toMatchObject({
      code: 'source-not-ready',
      problems: expect.arrayContaining([expect.objectContaining({ problem })]),
    });
  });
});
