import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseLsn, type Row } from '#libs/change-event';
import type { Catalog } from '#libs/catalog';
import pg from 'pg';
import type { ChangeSource } from '../change-source.js';
import { campus } from './captured-tables.js';
import { RecordingReceiver, type Recorded, type RecordedChange } from './recording-receiver.js';

/** What the contract needs to know of an adapter. */
export interface ContractSubject {
  /** Of a database that has `campusTables`, and is this test's own. */
  readonly databaseUrl: string;
  /** A source on it, of `campus` if no other catalog is given; each one reads from where the one before stopped. */
  source(catalog?: Catalog): ChangeSource;
  dispose(): Promise<void>;
}

/** The most changes that a chunk may have. */
const LARGEST_CHUNK = 1000;

const row = (id: number, name: string, plan: string | null = null) => ({ id: String(id), name, plan });

/** What every adapter of the port must do. Call it in a spec of the adapter's own. */
export function changeSourceContract(
  adapter: string,
  open: () => Promise<ContractSubject>,
  /** Columns of `everyType` whose values the adapter's snapshot refuses: they are NULL in it. */
  { lostBySnapshot = [] }: { lostBySnapshot?: readonly (keyof typeof everyText)[] } = {},
): void {
  let subject: ContractSubject;
  let client: pg.Client;
  let sources: ChangeSource[];

  const run = (sql: string) => client.query(sql);
  const started = async (
    receiver: RecordingReceiver,
    from: Parameters<ChangeSource['start']>[0] = null,
    { catalog, ...options }: { catalog?: Catalog; resnapshot?: boolean } = {},
  ) => {
    const source = subject.source(catalog);
    sources.push(source);
    await source.start(from, receiver, options);
    return source;
  };
  /** A started source after its snapshot, and what came since. */
  const streaming = async (catalog?: Catalog) => {
    const receiver = new RecordingReceiver();
    const source = await started(receiver, null, { catalog });
    const since = async (count: number) => (await receiver.first(1 + count)).slice(1);
    return { receiver, source, since };
  };

  beforeEach(async () => {
    sources = [];
    subject = await open();
    client = new pg.Client({ connectionString: subject.databaseUrl });
    await client.connect();
  });
  afterEach(async () => {
    await Promise.all(sources.map((source) => source.stop()));
    await client.end();
    await subject.dispose();
  });

  describe(`${adapter}: a snapshot`, () => {
    it('opens an epoch with a truncate and the rows of each captured table', async () => {
      await run(`INSERT INTO rooms VALUES (7, 'B/1', NULL); INSERT INTO buildings VALUES (1, 'Main'), (2, 'Annex')`);
      await run(`INSERT INTO happenings VALUES ('buildings:1', 1, 'built'); INSERT INTO unlisted VALUES (1)`);
      const before = BigInt(Date.now() - 60_000) * 1000n;
      const { receiver } = await streaming();
      const [{ header, changes, end }] = receiver.transactions as [Recorded];
      expect(header.opens).toMatchObject({
        timeline: 1,
        tables: ['buildings', 'happenings', 'rooms'],
        consistent_point: expect.stringMatching(/^[\dA-F]+\/[\dA-F]+$/),
      });
      expect(end.commitLsn).toBe(parseLsn(header.opens!.consistent_point));
      expect(end.committedAt).toBeGreaterThan(before);
      expect(changes.map(({ ordinal }) => ordinal)).toEqual(changes.map((_, i) => i));
      expect(changes.map(({ ordinal: _, ...change }) => change)).toEqual([
        { table: 'buildings', op: 't', key: null },
        { table: 'buildings', op: 'r', key: '["1"]', after: row(1, 'Main') },
        { table: 'buildings', op: 'r', key: '["2"]', after: row(2, 'Annex') },
        { table: 'rooms', op: 't', key: null },
        { table: 'rooms', op: 'r', key: '["B/1","7"]', after: { number: '7', building: 'B/1', seats: null } },
        { table: 'happenings', op: 't', key: null },
        {
          table: 'happenings',
          op: 'r',
          key: '["buildings:1","1"]',
          after: { stream_id: 'buildings:1', version: '1', data: 'built' },
        },
      ]);
    });

    it('is read in chunks', async () => {
      await run(`INSERT INTO buildings SELECT i, 'b' FROM generate_series(1, 2500) AS i`);
      const { receiver } = await streaming();
      expect(Math.max(...receiver.transactions[0]!.chunks)).toBe(LARGEST_CHUNK);
      expect(receiver.transactions[0]!.changes).toHaveLength(2503);
    });

    it('loses and doubles nothing that is written meanwhile', async () => {
      await run(`INSERT INTO buildings SELECT i, '0' FROM generate_series(1, 3000) AS i`);
      const writers = [1, 2].map((writer) => countUp(subject.databaseUrl, writer));
      await Promise.all(writers.map((writer) => writer.writing));
      const receiver = new RecordingReceiver({
        take: ([change]) => (change!.op === 'r' ? writers[0]!.another() : undefined),
      });
      await started(receiver);
      await writers[0]!.another();
      for (const writer of writers) await writer.stop();
      await run(`INSERT INTO buildings VALUES (0, 'last')`);
      await receiver.until(() => receiver.transactions.at(-1)?.changes.at(-1)?.key === '["0"]');
      // an update of a row that the replay has not seen, or an insert of one that it has, would throw
      const replayed = replay(receiver.transactions).get('buildings')!;
      const { rows } = await run('SELECT id::text, name, plan FROM buildings');
      expect(replayed).toEqual(new Map(rows.map((found) => [JSON.stringify([found.id]), found])));
    });

    it('starts again after one that was not taken to its end', async () => {
      await run(`INSERT INTO buildings VALUES (1, 'Main')`);
      const refusing = new RecordingReceiver({
        accept: () => {
          throw new Error('the disk is full');
        },
      });
      await expect(started(refusing)).rejects.toThrow('the disk is full');
      await sources.at(-1)!.stop();
      await run(`INSERT INTO buildings VALUES (2, 'Annex')`);
      const { receiver } = await streaming();
      await receiver.until(() => replay(receiver.transactions).get('buildings')?.size === 2);
    });

    it('opens another epoch when it is asked for', async () => {
      const { receiver, source } = await streaming();
      await source.stop();
      await run(`INSERT INTO buildings VALUES (1, 'Main')`);
      const again = new RecordingReceiver();
      await source.start(receiver.position, again, { resnapshot: true });
      expect(again.position.epoch).not.toEqual(receiver.position.epoch);
      expect(again.transactions[0]!.changes.map(({ op }) => op)).toEqual(['t', 'r', 't', 't']);
    });
  });

  describe(`${adapter}: transactions`, () => {
    it('come whole and in the order of their commits', async () => {
      const { since } = await streaming();
      const other = new pg.Client({ connectionString: subject.databaseUrl });
      await other.connect();
      await other.query(`BEGIN; INSERT INTO buildings VALUES (1, 'begun first')`);
      await run(`BEGIN; INSERT INTO buildings VALUES (2, 'x'); INSERT INTO rooms VALUES (1, 'a', 3); COMMIT`);
      await other.query(`INSERT INTO happenings VALUES ('buildings:1', 1, 'built'); COMMIT`);
      await other.end();
      const transactions = await since(2);
      expect(transactions.map(({ changes }) => changes.map(({ ordinal, table }) => [ordinal, table]))).toEqual([
        [
          [0, 'buildings'],
          [1, 'rooms'],
        ],
        [
          [0, 'buildings'],
          [1, 'happenings'],
        ],
      ]);
      const [first, second] = transactions.map(({ end }) => end);
      expect(second!.commitLsn).toBeGreaterThan(first!.commitLsn);
      expect(second!.committedAt).toBeGreaterThan(first!.committedAt);
    });

    it('carry the low 32 bits of their id, and end and time of their commit', async () => {
      const { since } = await streaming();
      const clock = async () =>
        BigInt((await run(`SELECT (extract(epoch FROM now()) * 1000000)::bigint AS now`)).rows[0].now);
      const earlier = await clock();
      const [{ xid }] = (await run(`INSERT INTO buildings VALUES (1, 'x') RETURNING pg_current_xact_id() AS xid`)).rows;
      const [{ lsn }] = (await run('SELECT pg_current_wal_insert_lsn() AS lsn')).rows;
      const later = await clock();
      const [{ header, end }] = (await since(1)) as [Recorded];
      expect(header).toEqual({ txId: String(BigInt(xid) & 0xffff_ffffn) });
      expect(end.commitLsn).toBeLessThanOrEqual(parseLsn(lsn));
      expect(end.committedAt).toBeGreaterThan(earlier);
      expect(end.committedAt).toBeLessThan(later);
    });

    it('hide what was rolled back, to a savepoint or wholly', async () => {
      const { since } = await streaming();
      await run(`BEGIN; INSERT INTO buildings VALUES (1, 'gone'); ROLLBACK`);
      await run(`BEGIN; INSERT INTO buildings VALUES (2, 'kept'); SAVEPOINT s; INSERT INTO buildings VALUES (3, 'gone');
        ROLLBACK TO s; INSERT INTO buildings VALUES (4, 'kept'); COMMIT`);
      const [transaction] = await since(1);
      expect(transaction!.changes).toEqual([
        { ordinal: 0, table: 'buildings', op: 'c', key: '["2"]', after: row(2, 'kept') },
        { ordinal: 1, table: 'buildings', op: 'c', key: '["4"]', after: row(4, 'kept') },
      ]);
    });

    it('without a captured change are not delivered', async () => {
      const { since } = await streaming();
      await run(`INSERT INTO unlisted VALUES (1); INSERT INTO unpublished VALUES (1)`);
      await run(`SELECT pg_logical_emit_message(true, 'prefix', 'content')`);
      await run(`BEGIN; INSERT INTO unlisted VALUES (2); INSERT INTO buildings VALUES (1, 'x'); COMMIT`);
      const [transaction] = await since(1);
      expect(transaction!.changes).toEqual([
        { ordinal: 0, table: 'buildings', op: 'c', key: '["1"]', after: row(1, 'x') },
      ]);
    });

    it('of another replication origin are delivered', async () => {
      const { since } = await streaming();
      await run(`SELECT pg_replication_origin_create('${new URL(subject.databaseUrl).pathname.slice(1)}')`);
      await run(`SELECT pg_replication_origin_session_setup('${new URL(subject.databaseUrl).pathname.slice(1)}')`);
      await run(`INSERT INTO buildings VALUES (1, 'from afar')`);
      await run(`SELECT pg_replication_origin_session_reset()`);
      await run(`SELECT pg_replication_origin_drop('${new URL(subject.databaseUrl).pathname.slice(1)}')`);
      expect((await since(1))[0]!.changes[0]!.after).toEqual(row(1, 'from afar'));
    });

    it('of 100 000 rows come in chunks, no more of them than the receiver takes', async () => {
      const receiver = new RecordingReceiver({ take: () => new Promise<void>((done) => setImmediate(done)) });
      await started(receiver);
      await run(`INSERT INTO buildings SELECT i, 'b' FROM generate_series(1, 100000) AS i`);
      const { changes, chunks } = (await receiver.first(2))[1]!;
      expect(Math.max(...chunks)).toBeLessThanOrEqual(LARGEST_CHUNK);
      expect(chunks.length).toBeGreaterThanOrEqual(100);
      expect(changes.every(({ ordinal, key }, i) => ordinal === i && key === `["${i + 1}"]`)).toBe(true);
      expect(changes).toHaveLength(100_000);
    });
  });

  describe(`${adapter}: a change`, () => {
    it('has the whole row before and after', async () => {
      await run(`INSERT INTO buildings VALUES (1, 'Main'), (2, 'Annex')`);
      const { since } = await streaming();
      await run(`UPDATE buildings SET name = 'Hall' WHERE id = 1; DELETE FROM buildings WHERE id = 2`);
      expect((await since(1))[0]!.changes).toEqual([
        { ordinal: 0, table: 'buildings', op: 'u', key: '["1"]', before: row(1, 'Main'), after: row(1, 'Hall') },
        { ordinal: 1, table: 'buildings', op: 'd', key: '["2"]', before: row(2, 'Annex') },
      ]);
    });

    it('of a key is a delete and a create', async () => {
      await run(`INSERT INTO rooms VALUES (7, 'B', 30)`);
      const { since } = await streaming();
      await run(`UPDATE rooms SET number = 8, seats = 31`);
      const [before, after] = [
        { number: '7', building: 'B', seats: '30' },
        { number: '8', building: 'B', seats: '31' },
      ];
      expect((await since(1))[0]!.changes).toEqual([
        { ordinal: 0, table: 'rooms', op: 'd', key: '["B","7"]', before },
        { ordinal: 1, table: 'rooms', op: 'c', key: '["B","8"]', after },
      ]);
    });

    it('by TRUNCATE has no key, and is one for each captured table', async () => {
      await run(`INSERT INTO buildings VALUES (1, 'Main')`);
      const { since } = await streaming();
      await run(`BEGIN; TRUNCATE buildings, unlisted, rooms; INSERT INTO buildings VALUES (2, 'Annex'); COMMIT`);
      const [{ changes }] = (await since(1)) as [Recorded];
      expect(changes.slice(0, 2).sort((a, b) => a.table.localeCompare(b.table))).toEqual([
        { ordinal: expect.any(Number), table: 'buildings', op: 't', key: null },
        { ordinal: expect.any(Number), table: 'rooms', op: 't', key: null },
      ]);
      expect(changes[2]).toEqual({ ordinal: 2, table: 'buildings', op: 'c', key: '["2"]', after: row(2, 'Annex') });
    });

    it('of a table whose old rows are not written has the old key alone', async () => {
      await run(`INSERT INTO happenings VALUES ('a', 1, 'x'), ('b', 1, 'y')`);
      const { since } = await streaming();
      await run(`UPDATE happenings SET data = 'z' WHERE stream_id = 'a'`);
      await run(`DELETE FROM happenings WHERE stream_id = 'b'`);
      const [[update], [removal]] = (await since(2)).map(({ changes }) => changes) as [
        RecordedChange[],
        RecordedChange[],
      ];
      expect(update).toEqual({
        ordinal: 0,
        table: 'happenings',
        op: 'u',
        key: '["a","1"]',
        after: { stream_id: 'a', version: '1', data: 'z' },
      });
      expect(removal!.before).toEqual({ stream_id: 'b', version: '1' });
    });

    it('keeps a large value that an update did not touch', async () => {
      const plan = 'plän\n'.repeat(20_000);
      await client.query('INSERT INTO buildings VALUES (1, $1, $2)', ['Main', plan]);
      const { since } = await streaming();
      await run(`UPDATE buildings SET name = 'Hall'; UPDATE buildings SET id = 2`);
      const [update, removal, creation] = (await since(1))[0]!.changes;
      expect([update!.before!['plan'], update!.after!['plan']]).toEqual([plan, plan]);
      expect([removal!.before!['plan'], creation!.after!['plan']]).toEqual([plan, plan]);
    });

    it('has the same texts from the snapshot as from the log, whatever the database is set to', async () => {
      const name = new URL(subject.databaseUrl).pathname.slice(1);
      await run(`ALTER DATABASE ${name} SET datestyle = 'German'; ALTER DATABASE ${name} SET timezone = 'Asia/Tokyo'`);
      await run(
        `ALTER DATABASE ${name} SET bytea_output = 'escape'; ALTER DATABASE ${name} SET extra_float_digits = -5`,
      );
      await run(
        `ALTER DATABASE ${name} SET intervalstyle = 'iso_8601'; ALTER DATABASE ${name} SET search_path = rooms`,
      );
      await run(everyType);
      for (const column of lostBySnapshot) await run(`UPDATE buildings SET ${column} = NULL`);
      const { receiver, since } = await streaming();
      const found = lostBySnapshot.map((column) => `, ${column} = '${everyText[column]}'`).join('');
      await run(`UPDATE buildings SET name = 'again'${found}`);
      const [change] = (await since(1))[0]!.changes;
      const { name: _, ...snapshotted } = receiver.transactions[0]!.changes[1]!.after!;
      const lost = Object.fromEntries(lostBySnapshot.map((column) => [column, null]));
      expect(snapshotted).toEqual({ ...everyText, ...lost });
      expect(change!.before).toEqual({ ...everyText, ...lost, name: 'N' });
      expect(change!.after).toEqual({ ...everyText, name: 'again' });
    });

    it('shows a column from the moment that it exists, and no longer than it does', async () => {
      const { since } = await streaming();
      await run(`INSERT INTO rooms VALUES (1, 'B'); ALTER TABLE rooms ADD floor int; UPDATE rooms SET floor = 2`);
      await run(`ALTER TABLE rooms DROP seats; UPDATE rooms SET floor = 3`);
      const [added, dropped] = await since(2);
      expect(added!.changes.map(({ after }) => after)).toEqual([
        { number: '1', building: 'B', seats: null },
        { number: '1', building: 'B', seats: null, floor: '2' },
      ]);
      expect(dropped!.changes[0]!.after).toEqual({ number: '1', building: 'B', floor: '3' });
    });
  });

  describe(`${adapter}: going on`, () => {
    const insert = (id: number) =>
      run(`INSERT INTO buildings VALUES (${id}, 'a'); INSERT INTO buildings VALUES (-${id}, 'b')`);
    const keys = (transactions: readonly Recorded[]) =>
      transactions.map(({ changes }) => changes.map(({ key }) => JSON.parse(key!)[0]));

    it('brings again, whole, what was accepted but is not in the lake', async () => {
      const { receiver, source, since } = await streaming();
      await insert(1);
      await since(1);
      const lake = receiver.position;
      source.durable(lake.commitLsn);
      await insert(2);
      await insert(3);
      await since(3);
      await source.stop();
      const again = new RecordingReceiver();
      await started(again, lake);
      await insert(4);
      expect(keys(await again.first(3))).toEqual([
        ['2', '-2'],
        ['3', '-3'],
        ['4', '-4'],
      ]);
    });

    it('does not bring again what the lake has, though nobody said so', async () => {
      const { receiver, source, since } = await streaming();
      await insert(1);
      await since(1);
      await source.stop();
      await insert(2);
      const again = new RecordingReceiver();
      await started(again, receiver.position);
      expect(keys(await again.first(1))).toEqual([['2', '-2']]);
    });

    it('is possible with the same source after it was stopped', async () => {
      const { receiver, source } = await streaming();
      await source.stop();
      await insert(1);
      const again = new RecordingReceiver();
      await source.start(receiver.position, again);
      expect(keys(await again.first(1))).toEqual([['1', '-1']]);
    });

    it('stops by name where tables are captured that its snapshot does not cover, until there is another one', async () => {
      const rooms = { name: 'campus', tables: campus.tables.slice(1) };
      await run(`INSERT INTO buildings VALUES (1, 'there before')`);
      const { receiver: narrow, source } = await streaming(rooms);
      await source.stop();
      const going = started(new RecordingReceiver(), narrow.position);
      await expect(going).rejects.toMatchObject({ code: 'source-changed', change: 'tables-added' });
      await expect(going).rejects.toThrow('The catalog captures buildings, happenings, but');
      const whole = new RecordingReceiver();
      await started(whole, narrow.position, { resnapshot: true });
      expect(whole.transactions[0]!.changes.map(({ op, table }) => `${op} ${table}`)).toContain('r buildings');
    });

    it('stops where the epoch does not say what it covers, as in a lake older than that', async () => {
      const { receiver, source } = await streaming();
      await source.stop();
      const { tables: _, ...epoch } = receiver.position.epoch;
      const going = started(new RecordingReceiver(), { ...receiver.position, epoch });
      await expect(going).rejects.toMatchObject({ change: 'tables-added' });
      await expect(going).rejects.toThrow('buildings, happenings, rooms');
    });

    it('goes on where a table is captured no more', async () => {
      const { receiver, source } = await streaming();
      await source.stop();
      await insert(1);
      const again = new RecordingReceiver();
      const catalog = { name: 'campus', tables: campus.tables.slice(0, 1) };
      await started(again, receiver.position, { catalog });
      expect(keys(await again.first(1))).toEqual([['1', '-1']]);
    });

    it('delivers nothing after stop, and cuts what is under way', async () => {
      const taken = Promise.withResolvers<void>();
      const receiver = new RecordingReceiver({
        take: ([change]) => (change!.op === 'c' ? taken.resolve() : undefined),
      });
      const source = await started(receiver);
      await run(
        `BEGIN; INSERT INTO buildings SELECT i, repeat('x', 1000) FROM generate_series(1, 100000) AS i; COMMIT`,
      );
      await taken.promise;
      await source.stop();
      expect(receiver.cut).toEqual([{ txId: expect.any(String), changes: expect.any(Number) }]);
      expect(receiver.cut[0]!.changes).toBeLessThan(100_000);
      expect(receiver.transactions).toHaveLength(1);
      expect(receiver.failures).toEqual([]);
      const again = new RecordingReceiver();
      await started(again, receiver.position);
      expect((await again.first(1))[0]!.changes).toHaveLength(100_000);
    });

    it('ends with the error of a receiver that refuses', async () => {
      const receiver = new RecordingReceiver({
        accept({ header }) {
          if (!header.opens) throw new Error('the disk is full');
        },
      });
      await started(receiver);
      await insert(1);
      await insert(2);
      expect((await receiver.failure()).message).toBe('the disk is full');
      expect(receiver.transactions).toHaveLength(1);
    });
  });

  describe(`${adapter}: progress`, () => {
    it('comes after everything that was committed before its time', async () => {
      const { receiver, since } = await streaming();
      await run(`INSERT INTO buildings VALUES (1, 'x')`);
      const [{ end }] = (await since(1)) as [Recorded];
      const progress = await receiver.until(() => receiver.progresses.find(({ lsn }) => lsn >= end.commitLsn));
      expect(progress.sourceTime).toBeGreaterThan(end.committedAt);
      const then = receiver.log.lastIndexOf('transaction');
      expect(receiver.log.indexOf('progress', then)).toBeGreaterThan(then);
    });

    it('waits for a delivery under way', async () => {
      const [held, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const receiver = new RecordingReceiver({
        accept({ header }) {
          if (header.opens) return;
          held.resolve();
          return release.promise;
        },
      });
      await started(receiver);
      await run(`INSERT INTO buildings VALUES (1, 'x')`);
      const { lsn } = (await run('SELECT pg_current_wal_insert_lsn() AS lsn')).rows[0];
      await held.promise;
      const early = receiver.progresses.length;
      await new Promise((done) => setTimeout(done, 300)); // several intervals, in which none may come
      expect(receiver.progresses).toHaveLength(early);
      release.resolve();
      await receiver.until(() => receiver.progresses.some((progress) => progress.lsn >= parseLsn(lsn)));
    });

    it('goes on where nothing is captured, and where nothing happens', async () => {
      const { receiver } = await streaming();
      await run(`INSERT INTO unpublished VALUES (1)`);
      const [{ lsn, now }] = (
        await run(
          `SELECT pg_current_wal_insert_lsn() AS lsn, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now`,
        )
      ).rows;
      const later = (progress: { sourceTime: bigint }) => progress.sourceTime > BigInt(now);
      const first = await receiver.until(() => receiver.progresses.find(later));
      expect(first.lsn).toBeGreaterThanOrEqual(parseLsn(lsn));
      await receiver.until(() => receiver.progresses.filter(later).length >= 3);
      expect(receiver.transactions).toHaveLength(1);
    });
  });
}

const everyType = `
  ALTER TABLE buildings ADD a date, ADD b timestamptz, ADD c bytea, ADD d numeric, ADD e float8, ADD f interval, ADD g bool,
    ADD h jsonb, ADD i text, ADD j text[], ADD k regclass, ADD l date, ADD m numeric, ADD n timestamptz;
  INSERT INTO buildings VALUES (1, 'N', NULL, '2004-02-29', '2026-01-01 00:00:00.123456+09', '\\xdeadbeef', 1.50, 0.1,
    '1 day 02:03', true, '{"a": 1}', E'tab\\there \\\\ new\\nline \\\\N ü 🎓', '{a,NULL,"b c"}', 'pg_class',
    '0044-03-15 BC', 'NaN', 'infinity')`;

const everyText = {
  id: '1',
  plan: null,
  a: '2004-02-29',
  b: '2025-12-31 15:00:00.123456+00',
  c: '\\xdeadbeef',
  d: '1.50',
  e: '0.1',
  f: '1 day 02:03:00',
  g: 't',
  h: '{"a": 1}',
  i: 'tab\there \\ new\nline \\N ü 🎓',
  j: '{a,NULL,"b c"}',
  k: 'pg_class',
  l: '0044-03-15 BC',
  m: 'NaN',
  n: 'infinity',
};

/** Changes rows one by one on a connection of its own until it is stopped. */
export function countUp(databaseUrl: string, writer: number) {
  let [stopped, count] = [false, 0];
  let waiting: (() => void)[] = [];
  const first = Promise.withResolvers<void>();
  const writing = (async () => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    for (; !stopped; count++) {
      const id = (count % 1500) * 2 + writer;
      await client.query(`UPDATE buildings SET name = '${count}' WHERE id = ${id}`);
      await client.query(`INSERT INTO buildings VALUES (${10_000 + count * 2 + writer}, 'new')`);
      await client.query(`DELETE FROM buildings WHERE id = ${10_000 + (count - 20) * 2 + writer}`);
      first.resolve();
      for (const wake of waiting.splice(0)) wake();
    }
    await client.end();
  })();
  return {
    writing: first.promise,
    another: () => new Promise<void>((done) => (waiting = [...waiting, done])),
    async stop() {
      stopped = true;
      await writing;
    },
  };
}

type Rows = Map<string, Row>;

/** The tables that the changes make. Throws at a change that does not fit the row before it. */
export function replay(transactions: readonly Recorded[]): Map<string, Rows> {
  const tables = new Map<string, Rows>();
  for (const { changes } of transactions) for (const change of changes) apply(tables, change);
  return tables;
}

function apply(tables: Map<string, Rows>, { table, op, key, before, after }: RecordedChange): void {
  const rows = tables.get(table) ?? new Map();
  tables.set(table, rows);
  if (op === 't') return rows.clear();
  const known = rows.has(key!);
  if (known !== (op === 'u' || op === 'd')) throw new Error(`${op} of ${key}, which was ${known ? '' : 'not '}there`);
  if (before) expect(before).toEqual(rows.get(key!));
  if (after) rows.set(key!, after);
  else rows.delete(key!);
}
