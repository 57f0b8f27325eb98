import { decodeConsistencyToken } from '#libs/consistency-token';
import { testDatabase, type TestDatabase } from '#libs/test-postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { PrismaClient } from '../generated/prisma/client.js';
import { Rejection } from '../rejection.js';
import { append } from './append.js';
import type { Aggregate, CommandContext, Outcome } from './command.js';
import { CommandExecutor } from './command-executor.js';
import { connect } from './connection.js';
import { forgetOldKeys, idempotencyKey } from './idempotency.js';
import { streamEvents } from './stream-events.js';

/** An aggregate of the tests' own, with a key of two parts: the store knows no table of the product. */
type Account = { owner: string; balance: string } | null;
type AccountEvent =
  | { type: 'AccountOpened'; data: { owner: string; balance: string } }
  | { type: 'Deposited'; data: { balance: string } }
  | { type: 'OwnerChanged'; data: { owner: string } }
  | { type: 'AccountClosed'; data: Record<string, never> };
type AccountCommand =
  | { type: 'OpenAccount'; owner: string }
  | { type: 'Deposit'; amount: number; owner?: string }
  | { type: 'RenameOwner'; owner: string }
  | { type: 'CloseAccount' };

const accounts: Aggregate<Account, AccountCommand, AccountEvent> = {
  table: { name: 'accounts', key: ['bank', 'number'], columns: ['owner', 'balance'] },
  initialState: null,
  row: (account) => account,
  evolve(account, event) {
    if (event.type === 'AccountClosed') return null;
    return { owner: '', balance: '0.00', ...account, ...event.data };
  },
  decide(account, command) {
    if (command.type === 'OpenAccount') {
      if (account) throw new Rejection('already-exists', 'The account is open.', { number: 1 });
      return [{ type: 'AccountOpened', data: { owner: command.owner, balance: '0.00' } }];
    }
    if (!account) throw new Rejection('not-found', 'There is no such account.');
    if (command.type === 'CloseAccount') return [{ type: 'AccountClosed', data: {} }];
    const owner = command.owner;
    const renamed: AccountEvent[] = owner && owner !== account.owner ? [{ type: 'OwnerChanged', data: { owner } }] : [];
    if (command.type === 'RenameOwner') return renamed;
    const balance = (Number(account.balance) + command.amount).toFixed(2);
    return [{ type: 'Deposited', data: { balance } }, ...renamed];
  },
};

let postgres: TestDatabase;
let client: pg.Client;
/** Two pools, two queues: as two processes. */
let databases: [PrismaClient, PrismaClient];
let executors: [CommandExecutor, CommandExecutor];
let number: string;

beforeAll(async () => {
  postgres = await testDatabase();
  client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(`CREATE TABLE accounts (bank text, number text, owner text NOT NULL UNIQUE CHECK (owner <> 'nobody'),
    balance numeric(10,2) NOT NULL, version integer NOT NULL, CONSTRAINT accounts_pkey PRIMARY KEY (bank, number))`);
  databases = [connect(postgres.url, { lockTimeout: 500 }), connect(postgres.url, { lockTimeout: 500 })];
});
beforeEach(() => {
  executors = [new CommandExecutor(databases[0]), new CommandExecutor(databases[1])];
  number = randomUUID();
});
afterAll(async () => {
  await client.end();
  for (const database of databases) await database.$disconnect();
  await postgres.close();
});

const context: CommandContext = { actor: 'ada', correlationId: 'c-1' };

/** The context of a request that is sent with an Idempotency-Key. */
const keyed = (header: string, body: unknown = {}): CommandContext => ({
  ...context,
  idempotency: idempotencyKey({ actor: 'ada', method: 'POST', url: '/v1/accounts', body }, header),
});

const answerOf = ({ state, version }: Outcome<Account, AccountEvent>) => ({
  status: 200,
  headers: { ETag: `"${version}"` },
  body: state,
});

const run = (
  command: AccountCommand,
  { by = 0, as = context, key = ['bank', number] as readonly string[] | (() => readonly string[]) } = {},
) => executors[by]!.execute({ aggregate: accounts, key, command, context: as, answer: answerOf });

const open = (owner = number) => run({ type: 'OpenAccount', owner });

const stream = () => `accounts:bank/${number}`;

const history = async () =>
  (await streamEvents(databases[0], stream())).map(({ version, type, data }) => ({
    version,
    type,
    data,
  }));
const types = async () => (await history()).map(({ type }) => type);

const errorOf = async <E extends Error>(work: Promise<unknown>): Promise<E> => {
  const done = await work.catch((error: E) => error);
  if (done instanceof Error) return done as E;
  throw new Error('It did not fail.');
};

async function row(): Promise<Record<string, unknown> | undefined> {
  return (await client.query('SELECT owner, balance, version FROM accounts WHERE number = $1', [number])).rows[0];
}

const keepAnswer = ({ idempotency }: CommandContext, answer: string) =>
  client.query(`INSERT INTO internal.idempotency (key, request, outcome, answer) VALUES ($1, $2, 'answered', $3)`, [
    idempotency!.key,
    idempotency!.request,
    answer,
  ]);

/** Resolves when a statement of the executors waits for a lock. */
async function someoneWaits(): Promise<void> {
  const waiting = `SELECT FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'`;
  while ((await client.query(waiting, [postgres.name])).rowCount === 0) await sleep(5);
}

const keptKeys = async (key: string): Promise<number> =>
  (await client.query('SELECT FROM internal.idempotency WHERE key = $1', [key])).rowCount!;

describe('a command', () => {
  it('records its event and its row together, and answers', async () => {
    const { answer, replayed, events } = await open('Ada');
    expect(answer).toEqual({ status: 200, headers: { ETag: '"1"' }, body: { owner: 'Ada', balance: '0.00' } });
    expect(replayed).toBe(false);
    expect(events).toEqual([{ type: 'AccountOpened', data: { owner: 'Ada', balance: '0.00' } }]);
    expect(await history()).toEqual([{ version: 1, type: 'AccountOpened', data: { owner: 'Ada', balance: '0.00' } }]);
    expect(await row()).toEqual({ owner: 'Ada', balance: '0.00', version: 1 });
  });

  it('records several events in order, and writes its row once, at the last version', async () => {
    await open();
    const { events } = await run({ type: 'Deposit', amount: 5, owner: `${number}-b` });
    expect(events).toHaveLength(2);
    expect(await types()).toEqual(['AccountOpened', 'Deposited', 'OwnerChanged']);
    expect(await row()).toEqual({ owner: `${number}-b`, balance: '5.00', version: 3 });
  });

  it('removes its row, and the stream goes on counting when it comes back', async () => {
    await open();
    await run({ type: 'CloseAccount' });
    expect(await row()).toBeUndefined();
    const { answer } = await open();
    expect(answer.headers).toEqual({ ETag: '"3"' });
    expect(await row()).toMatchObject({ version: 3 });
  });

  it('keeps text byte for byte, quotes, backslashes and astral characters included', async () => {
    const owner = `${number} O'Neil "\\" {a,b} \n\t 🎓 é e\u0301`;
    await open(owner);
    expect(await row()).toMatchObject({ owner });
    expect((await history())[0]).toMatchObject({ data: { owner } });
  });

  it('says who, why and when, to the microsecond of the server', async () => {
    const as = {
      ...context,
      causationId: 'c-0',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    };
    await run({ type: 'OpenAccount', owner: number }, { as });
    const [event] = await streamEvents(databases[0], stream());
    expect(event!.metadata).toEqual({
      actor: 'ada',
      command: 'OpenAccount',
      command_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      correlation_id: 'c-1',
      causation_id: 'c-0',
      traceparent: as.traceparent,
    });
    const stored = await client.query(
      `SELECT occurred_at = $1::timestamptz AS same FROM domain_events WHERE stream_id = $2`,
      [event!.occurred_at, stream()],
    );
    expect(event!.occurred_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(stored.rows).toEqual([{ same: true }]);
  });

  it('answers with a token of the very transaction that recorded it, below its commit', async () => {
    const { token } = await open();
    const facts = await client.query(
      `SELECT tx_id::text AS xid, lsn <= $2::pg_lsn AND $2::pg_lsn < pg_current_wal_insert_lsn() AS below,
         (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
         (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline, current_database() AS database
       FROM domain_events WHERE stream_id = $1`,
      [stream(), token!.lsn],
    );
    const { system_identifier, timeline, database, xid } = token!;
    expect(facts.rows).toEqual([{ system_identifier, timeline, database, xid, below: true }]);
  });

  it('that changes nothing records nothing, and answers with the token of the last change', async () => {
    const { token } = await open('Grace');
    const { answer, events, token: again } = await run({ type: 'RenameOwner', owner: 'Grace' });
    expect(events).toEqual([]);
    expect(answer.headers).toEqual({ ETag: '"1"' });
    expect(again).toEqual(token);
    expect(await types()).toEqual(['AccountOpened']);
  });

  it('that the rules refuse changes nothing, and tells the token of what it saw', async () => {
    const { token } = await open();
    const refused = await errorOf<Rejection>(open());
    expect(refused).toMatchObject({ code: 'already-exists', details: { number: 1 } });
    expect(decodeConsistencyToken(refused.headers['Consistency-Token']!)).toEqual(token);
    expect(await types()).toEqual(['AccountOpened']);
  });

  it('tries another generated key while the one it got exists', async () => {
    await open();
    const free = randomUUID();
    const keys = [number, number, free];
    const key = () => ['bank', keys.shift()!];
    const { answer } = await run({ type: 'OpenAccount', owner: free }, { key, as: keyed(`generated-${free}`) });
    expect(answer.body).toMatchObject({ owner: free });
    expect(keys).toEqual([]);
  });
});

describe('If-Match', () => {
  it('lets a command pass at the versions it names, or at any version that exists', async () => {
    await open();
    await run({ type: 'Deposit', amount: 1 }, { as: { ...context, ifMatch: [1, 7] } });
    await run({ type: 'Deposit', amount: 1 }, { as: { ...context, ifMatch: '*' } });
    expect(await row()).toMatchObject({ balance: '2.00' });
  });

  it('stops a command at another version, and one that would change nothing too', async () => {
    await open('Edsger');
    const as = { ...context, ifMatch: [2] };
    await expect(run({ type: 'Deposit', amount: 1 }, { as })).rejects.toMatchObject({ code: 'precondition-failed' });
    await expect(run({ type: 'RenameOwner', owner: 'Edsger' }, { as })).rejects.toMatchObject({ status: 412 });
    expect(await types()).toEqual(['AccountOpened']);
  });

  it('stops a command that would create, since nothing is there to match', async () => {
    const as = { ...context, ifMatch: '*' as const };
    await expect(run({ type: 'OpenAccount', owner: number }, { as })).rejects.toMatchObject({ status: 412 });
  });

  it('is ignored where the rules refuse anyway', async () => {
    const as = { ...context, ifMatch: [2] };
    await expect(run({ type: 'CloseAccount' }, { as })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('is not what a key keeps: after a refused condition the same request may succeed', async () => {
    const as = { ...keyed(number), ifMatch: [1] };
    await expect(run({ type: 'Deposit', amount: 1 }, { as })).rejects.toMatchObject({ code: 'not-found' });
    const other = { ...keyed(`${number}-2`), ifMatch: [9] };
    await open();
    await expect(run({ type: 'Deposit', amount: 1 }, { as: other })).rejects.toMatchObject({ status: 412 });
    expect(await keptKeys(other.idempotency!.key)).toBe(0);
  });
});

describe('an Idempotency-Key', () => {
  it('gives the first answer and token again, and runs nothing', async () => {
    const as = keyed(number);
    const first = await run({ type: 'OpenAccount', owner: number }, { as });
    await run({ type: 'Deposit', amount: 3 });
    const second = await run({ type: 'OpenAccount', owner: number }, { as });
    expect(second).toEqual({ ...first, replayed: true, events: [] });
    expect(await types()).toEqual(['AccountOpened', 'Deposited']);
  });

  it('runs a request once that comes sixteen times at once, to one process and to two', async () => {
    await open();
    const as = keyed(number);
    const deposits = Array.from({ length: 16 }, (_, i) => run({ type: 'Deposit', amount: 1 }, { as, by: i % 2 }));
    const results = await Promise.all(deposits);
    expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(results.map(({ answer }) => JSON.stringify(answer))).size).toBe(1);
    expect(await row()).toMatchObject({ balance: '1.00', version: 2 });
  });

  it('creates one thing of generated key out of equal requests that race', async () => {
    const as = keyed(number);
    const owner = number;
    const key = () => ['bank', randomUUID()];
    const creations = Array.from({ length: 8 }, (_, i) => run({ type: 'OpenAccount', owner }, { as, by: i % 2, key }));
    const results = await Promise.all(creations);
    expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
    const created = await client.query('SELECT FROM accounts WHERE owner = $1', [owner]);
    const events = await client.query(`SELECT FROM domain_events WHERE data->>'owner' = $1`, [owner]);
    expect([created.rowCount, events.rowCount]).toEqual([1, 1]);
  });

  it('is refused for another body', async () => {
    await run({ type: 'OpenAccount', owner: number }, { as: keyed(number, { a: 1 }) });
    const reused = run({ type: 'OpenAccount', owner: number }, { as: keyed(number, { a: 2 }) });
    await expect(reused).rejects.toMatchObject({ code: 'idempotency-key-reused', status: 422 });
  });

  it('belongs to one actor, method, path and header', () => {
    const request = { actor: 'ada', method: 'PUT', url: '/v1/a', body: {} };
    const others = [{ actor: 'bob' }, { method: 'PATCH' }, { url: '/v1/b' }].map((other) => ({ ...request, ...other }));
    const keys = [
      ...[request, ...others].map((parts) => idempotencyKey(parts, 'k').key),
      idempotencyKey(request, 'l').key,
    ];
    expect(new Set(keys).size).toBe(5);
    expect(idempotencyKey({ ...request, actor: 'ad', method: 'aPUT' }, 'k').key).not.toBe(keys[0]);
  });

  it('keeps a refusal, which is told again although it would no longer be refused', async () => {
    const as = keyed(number);
    await expect(run({ type: 'CloseAccount' }, { as })).rejects.toMatchObject({ code: 'not-found' });
    await open();
    const again = run({ type: 'CloseAccount' }, { as });
    await expect(again).rejects.toMatchObject({
      code: 'not-found',
      detail: 'There is no such account.',
      headers: { 'Idempotency-Replayed': 'true' },
    });
    expect(await row()).toMatchObject({ version: 1 });
  });

  it('keeps an answer that changed nothing, with the token of its time', async () => {
    await open('Barbara');
    const as = keyed(number);
    const first = await run({ type: 'RenameOwner', owner: 'Barbara' }, { as });
    await run({ type: 'RenameOwner', owner: `${number}-x` });
    expect(await run({ type: 'RenameOwner', owner: 'Barbara' }, { as })).toEqual({ ...first, replayed: true });
    expect(await row()).toMatchObject({ owner: `${number}-x` });
  });

  it('is what a racing equal request meets, before it meets the row', async () => {
    const as = keyed(number);
    const kept = JSON.stringify({ status: 200, body: 'of the other process' });
    await client.query('BEGIN');
    await client.query(`INSERT INTO accounts VALUES ('bank', $1, $1, 0, 1)`, [number]);
    await keepAnswer(as, kept);
    const racing = run({ type: 'OpenAccount', owner: number }, { as });
    await someoneWaits();
    await client.query('COMMIT');
    expect(await racing).toMatchObject({ replayed: true, answer: { body: 'of the other process' } });
  });

  it('is in use while its request is still at work, and the wait for that is bounded', async () => {
    await open();
    const as = keyed(number);
    await client.query('BEGIN');
    await keepAnswer(as, '{}');
    const waiting = run({ type: 'Deposit', amount: 1 }, { as });
    await expect(waiting).rejects.toMatchObject({ code: 'idempotency-key-in-use', status: 409 });
    await client.query('ROLLBACK');
    expect(await types()).toEqual(['AccountOpened']);
    await run({ type: 'Deposit', amount: 1 }, { as });
    expect(await row()).toMatchObject({ balance: '1.00' });
  });

  describe('after a day', () => {
    beforeEach(async () => {
      await client.query('TRUNCATE internal.idempotency, internal.simulations');
      await client.query(
        `INSERT INTO internal.idempotency (key, request, outcome, answer, created_at)
         SELECT gen_random_uuid(), gen_random_uuid(), 'answered', '{}', now() - age
         FROM (VALUES (interval '23 hours'), ('25 hours'), ('2 days'), ('3 days')) AS ages (age)`,
      );
    });
    const kept = async () => (await client.query('SELECT FROM internal.idempotency')).rowCount;

    it('is forgotten, in slices, and not before', async () => {
      expect(await forgetOldKeys(databases[0], 2)).toBe(3);
      expect(await kept()).toBe(1);
    });

    it.each([
      ['running', 3],
      ['cancelled', 1],
    ])('stays while a simulation that broke off since may ask for it: %s', async (state, left) => {
      await client.query(
        `INSERT INTO internal.simulations (id, kind, total, seed, actor, correlation_id, state, progressed_at)
         VALUES (gen_random_uuid(), '', 1, 1, '', '', $1, now() - interval '50 hours')`,
        [state],
      );
      await forgetOldKeys(databases[0]);
      expect(await kept()).toBe(left);
    });
  });
});

describe('commands on one stream', () => {
  it('lose nothing and leave no gap: sixteen at once in two processes', async () => {
    await open();
    await Promise.all(Array.from({ length: 16 }, (_, i) => run({ type: 'Deposit', amount: 1 }, { by: i % 2 })));
    expect((await history()).map(({ version }) => version)).toEqual(Array.from({ length: 17 }, (_, i) => i + 1));
    expect(await row()).toEqual({ owner: number, balance: '16.00', version: 17 });
  });

  it('lose nothing where commands of one and of two events race', async () => {
    await open();
    await Promise.all(
      Array.from({ length: 12 }, (_, i) => {
        const owner = i % 3 ? undefined : `${number}-${i}`;
        return run({ type: 'Deposit', amount: 1, ...(owner && { owner }) }, { by: i % 2 });
      }),
    );
    expect((await history()).map(({ version }) => version)).toEqual(Array.from({ length: 17 }, (_, i) => i + 1));
    expect(await row()).toMatchObject({ balance: '12.00', version: 17 });
  });

  it('are refused as a concurrent change when another holds the stream for too long', async () => {
    await open();
    await client.query('BEGIN');
    await client.query(
      `INSERT INTO domain_events (stream_id, version, type, data, metadata) VALUES ($1, 2, 'x', '{}', '{}')`,
      [stream()],
    );
    await expect(run({ type: 'Deposit', amount: 1 })).rejects.toMatchObject({ code: 'concurrent-change', status: 409 });
    await client.query('ROLLBACK');
  });
});

describe('the events of one command', () => {
  const key = () => keyed(number).idempotency!;
  const deposits = (...balances: string[]) => balances.map((balance) => ({ type: 'Deposited', data: { balance } }));
  const appendOnVersion1 = (events: AccountEvent[]) =>
    append(databases[0], {
      table: accounts.table,
      key: ['bank', number],
      expectedVersion: 1,
      events,
      metadata: { actor: '', command: '', command_id: '', correlation_id: '', causation_id: null, traceparent: null },
      row: { before: { owner: number, balance: '0.00' }, after: { owner: number, balance: '5.00' } },
      idempotency: { ...key(), answer: '{}' },
    });

  it('are written in their order', async () => {
    await open();
    await appendOnVersion1(deposits('1.00', '2.00', '3.00', '5.00') as AccountEvent[]);
    const written = await client.query('SELECT version FROM domain_events WHERE stream_id = $1 ORDER BY sequence', [
      stream(),
    ]);
    expect(written.rows.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5]);
    expect(await row()).toMatchObject({ version: 5 });
  });

  it.each([2, 3])('are written all or none, when version %i is taken meanwhile', async (version) => {
    await open();
    const other = `INSERT INTO domain_events (stream_id, version, type, data, metadata) VALUES ($1, $2, 'Other', '{}', '{}')`;
    await client.query(other, [stream(), version]);
    expect(await appendOnVersion1(deposits('1.00', '5.00') as AccountEvent[])).toBeNull();
    expect(await types()).toEqual(['AccountOpened', 'Other']);
    expect(await row()).toMatchObject({ balance: '0.00', version: 1 });
    expect(await keptKeys(key().key)).toBe(0);
  });
});

describe('a row that somebody changed past the API', () => {
  const outOfStep = { code: 'row-out-of-step', stream: expect.stringContaining('accounts:bank/') };

  it.each([
    ['is gone', 'DELETE FROM accounts WHERE number = $1'],
    ['has another version', 'UPDATE accounts SET version = 9 WHERE number = $1'],
  ])('undoes event and key when it %s', async (_, sql) => {
    await open();
    await client.query(sql, [number]);
    const as = keyed(number);
    await expect(run({ type: 'Deposit', amount: 1, owner: `${number}-b` }, { as })).rejects.toMatchObject(outOfStep);
    await expect(run({ type: 'CloseAccount' })).rejects.toMatchObject(outOfStep);
    expect(await types()).toEqual(['AccountOpened']);
    expect(await keptKeys(as.idempotency!.key)).toBe(0);
  });

  it('undoes the event when it is there before its stream', async () => {
    await client.query(`INSERT INTO accounts VALUES ('bank', $1, $1, 0, 1)`, [number]);
    await expect(open()).rejects.toMatchObject(outOfStep);
    expect(await types()).toEqual([]);
  });
});

describe('a constraint', () => {
  it('that only one may have a value is a refusal, kept like the rules’', async () => {
    await open(`${number}-owner`);
    const [as, key] = [keyed(number), ['bank', randomUUID()]];
    const second = () => run({ type: 'OpenAccount', owner: `${number}-owner` }, { as, key });
    await expect(second()).rejects.toMatchObject({ code: 'already-exists' });
    await expect(second()).rejects.toMatchObject({ headers: { 'Idempotency-Replayed': 'true' } });
    expect(await streamEvents(databases[0], `accounts:bank/${key[1]}`)).toEqual([]);
  });

  it('that the edge should have checked fails without telling the row', async () => {
    const failure = await errorOf<Error>(open('nobody'));
    expect(failure).toMatchObject({ code: 'statement-failed', sqlState: '23514', constraint: 'accounts_owner_check' });
    expect(JSON.stringify([failure.message, failure, failure.cause])).not.toContain(number);
    expect(await types()).toEqual([]);
  });
});

describe('a connection that breaks', () => {
  async function breakWaiting(): Promise<void> {
    await someoneWaits();
    const others = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()`;
    await client.query(others, [postgres.name]);
  }

  it('while the events are under way: they are recorded once', async () => {
    await open();
    await client.query('BEGIN');
    await client.query('LOCK TABLE domain_events IN SHARE MODE');
    const deposit = run({ type: 'Deposit', amount: 1 });
    await breakWaiting();
    await client.query('COMMIT');
    await expect(deposit).resolves.toMatchObject({ replayed: false, events: [{ type: 'Deposited' }] });
    expect(await row()).toMatchObject({ balance: '1.00', version: 2 });
  });

  it('after the commit, before the answer: the command knows its own events, with a key and without', async () => {
    await open();
    for (const as of [context, keyed(number)]) {
      const database = losingAnswers(databases[0]);
      const executor = new CommandExecutor(database);
      const command: AccountCommand = { type: 'Deposit', amount: 1 };
      const key = ['bank', number];
      const result = await executor.execute({ aggregate: accounts, key, command, context: as, answer: answerOf });
      expect(result).toMatchObject({ replayed: false, events: [{ type: 'Deposited' }] });
      expect(result.token).not.toBeNull();
    }
    expect(await types()).toEqual(['AccountOpened', 'Deposited', 'Deposited']);
  });

  it('for good: the service is unavailable, and says so', async () => {
    const executor = new CommandExecutor(connect('postgresql://nobody:x@127.0.0.1:1/none'));
    const command: AccountCommand = { type: 'CloseAccount' };
    const gone = executor.execute({ aggregate: accounts, key: ['bank', number], command, context, answer: answerOf });
    await expect(gone).rejects.toMatchObject({ code: 'unavailable', headers: { 'Retry-After': '1' } });
  });
});

/** The first append takes effect, but its answer never arrives. */
function losingAnswers(database: PrismaClient): PrismaClient {
  let lost = false;
  return new Proxy(database, {
    get(target, name) {
      if (name !== '$queryRawUnsafe') return Reflect.get(target, name);
      return async (sql: string, ...values: unknown[]) => {
        const result = await target.$queryRawUnsafe(sql, ...values);
        if (lost || !sql.startsWith('WITH')) return result;
        lost = true;
        throw new Error('Connection terminated unexpectedly');
      };
    },
  });
}
