import { decodeConsistencyToken } from '#libs/consistency-token';
import { university } from '#libs/university';
import { createService } from '#libs/service';
import { testDatabase, type TestDatabase } from '#libs/test-postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import pg from 'pg';
import { CommandApiModule } from '../command-api.module.js';
import { DatabaseIndicator } from '../database-indicator.js';
import { studentList } from './student-row.js';

let postgres: TestDatabase;
let client: pg.Client;
let app: NestFastifyApplication;

const serviceOn = (url: string) =>
  createService({
    name: 'command-api',
    title: 'Commands',
    description: 'Under test.',
    module: CommandApiModule.of({ DATABASE_URL: url, POOL_SIZE: 4 }),
    config: { PORT: 0, HOST: '127.0.0.1', LOG_LEVEL: 'silent' },
    readiness: [DatabaseIndicator],
  });

beforeAll(async () => {
  postgres = await testDatabase();
  client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  app = await serviceOn(postgres.url);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
});
afterAll(async () => {
  await app.close();
  await client.end();
  await postgres.close();
});
beforeEach(async () => {
  await client.query('TRUNCATE students, domain_events, internal.idempotency');
});

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Headers = Record<string, string>;

const send = (method: Method, url: string, body?: unknown, headers: Headers = {}) =>
  app.inject({
    method,
    url,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
type Answer = Awaited<ReturnType<typeof send>>;

const ada = {
  id: 'ADA1',
  first_name: 'Ada',
  last_name: 'Lovelace',
  gender: 'female',
  address: '12 St James Square',
  date_of_birth: '2004-12-10',
  major: 'Mathematics',
  year_of_study: 2,
  gpa: 3.9,
  enrollment_status: 'full-time',
};
const least = { first_name: 'Bo', last_name: 'Li', date_of_birth: '2005-01-31', year_of_study: 1 };

const register = (body: object = ada, headers: Headers = {}) => send('POST', '/v1/students', body, headers);

/** Type and data of a student's events, in order. */
async function events(id = 'ADA1'): Promise<unknown[]> {
  const sql = 'SELECT type, data FROM domain_events WHERE stream_id = $1 ORDER BY version';
  return (await client.query(sql, [`students:${id}`])).rows.map(({ type, data }) => [type, data]);
}

async function row(id = 'ADA1'): Promise<unknown> {
  const sql = `SELECT id, first_name, last_name, gender, address, date_of_birth::text, major, year_of_study, gpa::text,
    enrollment_status, version FROM students WHERE id = $1`;
  return (await client.query(sql, [id])).rows[0];
}

const count = async (table: string): Promise<number> =>
  Number((await client.query(`SELECT count(*) FROM ${table}`)).rows[0].count);

const expectProblem = (
  answer: Answer,
  status: number,
  code: string,
  errors?: readonly Record<string, unknown>[],
  more: object = {},
) => {
  expect({ http: answer.statusCode, ...answer.json() }).toMatchObject({
    http: status,
    status,
    code,
    type: `/problems/${code}`,
    ...(errors && { errors }),
    ...more,
  });
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
};

describe('registering a student', () => {
  it('answers with the student, its address and version, and stores event and row', async () => {
    const answer = await register();
    expect([answer.statusCode, answer.json()]).toEqual([201, ada]);
    expect(answer.headers).toMatchObject({ location: '/v1/students/ADA1', etag: '"1"' });
    const { id: _id, ...record } = ada;
    expect(await events()).toEqual([['StudentRegistered', { ...record, gpa: '3.90' }]]);
    expect(await row()).toEqual({ ...ada, gpa: '3.90', version: 1 });
  });

  it('hands out a token of the transaction that stored it', async () => {
    const token = decodeConsistencyToken(String((await register()).headers['consistency-token']));
    const { rows } = await client.query('SELECT tx_id::text, lsn::text FROM domain_events');
    expect(token).toMatchObject({ xid: rows[0].tx_id, lsn: rows[0].lsn, database: postgres.name });
  });

  it('takes null and the default for what is absent, and makes an id', async () => {
    const answer = await register(least);
    const student = answer.json<{ id: string }>();
    expect(student.id).toMatch(/^[0-9A-F]{10}$/);
    expect(answer.headers['location']).toBe(`/v1/students/${student.id}`);
    const absent = { gender: null, address: null, major: null, gpa: null, enrollment_status: 'full-time' };
    expect(student).toEqual({ id: student.id, ...least, ...absent });
    expect(await row(student.id)).toEqual({ id: student.id, ...least, ...absent, version: 1 });
  });

  it('records who asked, and why', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const headers = { 'x-actor': 'registrar', 'x-correlation-id': 'c-1', 'x-causation-id': 'form-7', traceparent };
    await register(ada, headers);
    await register({ ...ada, id: 'B' }, { 'x-actor': Buffer.from('Zoë').toString('latin1'), traceparent: 'none' });
    await register({ ...ada, id: 'C' });
    const { rows } = await client.query('SELECT metadata FROM domain_events ORDER BY stream_id');
    expect(rows.map(({ metadata }) => metadata)).toEqual([
      {
        actor: 'registrar',
        command: 'RegisterStudent',
        command_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        correlation_id: 'c-1',
        causation_id: 'form-7',
        traceparent,
      },
      expect.objectContaining({ actor: 'Zoë', causation_id: null, traceparent: null }),
      expect.objectContaining({ actor: 'anonymous', correlation_id: expect.stringMatching(/^[0-9a-f-]{36}$/) }),
    ]);
  });

  it('is refused where the id is taken, and changes nothing', async () => {
    await register();
    expectProblem(await register({ ...ada, first_name: 'Eve' }), 409, 'already-exists');
    expect(await events()).toHaveLength(1);
    expect(await row()).toMatchObject({ first_name: 'Ada', version: 1 });
  });

  it('lists everything that is wrong with the body', async () => {
    const body = {
      id: 'ada',
      first_name: '',
      gender: 'a\0b',
      address: 5,
      date_of_birth: '2003-02-29',
      major: null,
      year_of_study: 7,
      gpa: 3.555,
      enrollment_status: 'never',
    };
    expectProblem(await register(body), 422, 'invalid');
    const { errors } = (await register(body)).json<{ errors: { pointer: string; code: string; wanted: string }[] }>();
    expect(errors.map(({ pointer, code, wanted }) => [pointer, code, wanted]).sort()).toEqual([
      ['/address', 'wrong-type', 'text, 1 to 1000 characters or null'],
      ['/date_of_birth', 'out-of-range', 'text: a day from 0001-01-01 to 9999-12-31, written YYYY-MM-DD'],
      ['/enrollment_status', 'not-a-choice', 'one of full-time, part-time'],
      ['/first_name', 'wrong-length', 'text, 1 to 200 characters'],
      ['/gender', 'nul-character', 'text without U+0000'],
      [
        '/gpa',
        'out-of-range',
        'a decimal of at most 1 digits before and 2 after the point, at least 0, at most 4 or null',
      ],
      ['/id', 'wrong-format', 'text, 1 to 10 upper-case letters or digits'],
      ['/last_name', 'missing', 'text, 1 to 200 characters'],
      ['/year_of_study', 'out-of-range', 'a whole number, at least 1, at most 6'],
    ]);
    expect(await count('domain_events')).toBe(0);
  });

  it.each([
    ['gpa', '4.01', 'out-of-range'],
    ['gpa', '-0.01', 'out-of-range'],
    ['gpa', '1e-7', 'out-of-range'],
    ['gpa', '1e400', 'not-exact'],
    ['gpa', '3.9000000000000000001', 'not-exact'],
    ['gpa', '"3.9"', 'wrong-type'],
    ['gpa', 'true', 'wrong-type'],
    ['year_of_study', '2.5', 'wrong-type'],
    ['year_of_study', '"2"', 'wrong-type'],
    ['year_of_study', 'null', 'null'],
    ['date_of_birth', '"10.12.2004"', 'wrong-type'],
    ['date_of_birth', '"0000-01-01"', 'out-of-range'],
    ['first_name', '"\\ud83d"', 'lone-surrogate'],
    ['first_name', 'null', 'null'],
    ['enrollment_status', 'null', 'null'],
    ['id', 'null', 'null'],
    ['id', '""', 'wrong-format'],
  ])('refuses %s = %s as %s', async (field, value, code) => {
    const { [field as 'gpa']: _replaced, ...others } = ada;
    const body = `{"${field}":${value},${JSON.stringify(others).slice(1)}`;
    expectProblem(await send('POST', '/v1/students', body), 422, 'invalid', [{ pointer: `/${field}`, code }]);
    expect(await count('students')).toBe(0);
  });

  it.each([
    [3.9, '3.90'],
    [4, '4.00'],
    [0, '0.00'],
    [0.07, '0.07'],
  ])('keeps the gpa %s as %s', async (gpa, text) => {
    expect((await register({ ...ada, gpa })).json()).toMatchObject({ gpa });
    expect(await row()).toMatchObject({ gpa: text });
    expect((await send('GET', '/v1/students/ADA1')).json()).toMatchObject({ gpa });
  });

  it.each([' spaces \t', "O'Hara; DROP TABLE students", '𝒜da 李', '\u0001', '"\\', '‮'])(
    'keeps the text %j',
    async (text) => {
      expect((await register({ ...ada, first_name: text })).json()).toMatchObject({ first_name: text });
      expect(await row()).toMatchObject({ first_name: text });
      expect(await events()).toEqual([['StudentRegistered', expect.objectContaining({ first_name: text })]]);
    },
  );

  it.each(['0001-01-01', '9999-12-31', '2004-02-29', '1582-10-10'])('keeps the day %s', async (day) => {
    await register({ ...ada, date_of_birth: day });
    expect(await row()).toMatchObject({ date_of_birth: day });
    expect((await send('GET', '/v1/students/ADA1')).json()).toMatchObject({ date_of_birth: day });
  });

  it('refuses unknown fields, unreadable bodies and other media types', async () => {
    expectProblem(await register({ ...ada, nickname: 'Countess' }), 400, 'unknown-field', [{ pointer: '/nickname' }]);
    expectProblem(await send('POST', '/v1/students', '{'), 400, 'malformed');
    expectProblem(await send('POST', '/v1/students'), 400, 'malformed');
    expectProblem(await send('POST', '/v1/students', [ada]), 422, 'invalid', [{ pointer: '' }]);
    const xml = { 'content-type': 'application/xml' };
    expectProblem(await send('POST', '/v1/students', '<a/>', xml), 415, 'unsupported-media-type');
    expectProblem(await send('POST', '/v1/students?dry_run=1', ada), 400, 'unknown-parameter');
    expect(await count('domain_events')).toBe(0);
  });

  it.each([
    ['x-actor', ''],
    ['x-actor', 'x'.repeat(201)],
    ['idempotency-key', 'x'.repeat(256)],
    ['x-causation-id', 'x'.repeat(129)],
  ])('refuses the header %s when it cannot be kept', async (header, value) => {
    const answer = await register(ada, { [header]: value });
    expectProblem(answer, 422, 'invalid', [
      { header: expect.any(String), got: value.slice(0, 200) + (value.length > 200 ? '…' : '') },
    ]);
    expect(await count('students')).toBe(0);
  });
});

describe('reading a student', () => {
  it('answers with what was stored, and its version', async () => {
    await register();
    const answer = await send('GET', '/v1/students/ADA1');
    expect([answer.statusCode, answer.headers['etag'], answer.json()]).toEqual([200, '"1"', ada]);
    expect(Object.keys(answer.json())).toEqual(studentList.fields.map(({ name }) => name));
  });

  it('sends nothing that the client has already', async () => {
    await register();
    const answer = await send('GET', '/v1/students/ADA1', undefined, { 'if-none-match': '"0", W/"1"' });
    expect([answer.statusCode, answer.body, answer.headers['etag']]).toEqual([304, '', '"1"']);
    expect((await send('GET', '/v1/students/ADA1', undefined, { 'if-none-match': '"2"' })).statusCode).toBe(200);
  });

  it('does not find whom nobody registered', async () => {
    expectProblem(await send('GET', '/v1/students/NOBODY'), 404, 'not-found');
    expectProblem(await send('GET', '/v1/students/%00'), 422, 'invalid', [{ parameter: 'id' }]);
    expectProblem(await send('GET', "/v1/students/'%20OR%201=1"), 404, 'not-found');
  });
});

describe('replacing a student', () => {
  it('tells one event for each fact that changed, and writes the row once', async () => {
    await register();
    const { gpa: _gpa, address: _address, ...body } = { ...ada, last_name: 'King', year_of_study: 3 };
    const answer = await send('PUT', '/v1/students/ADA1', body);
    expect([answer.statusCode, answer.headers['etag'], answer.json()]).toEqual([
      200,
      '"5"',
      { ...body, gpa: null, address: null },
    ]);
    expect((await events()).slice(1)).toEqual([
      ['StudentRenamed', { last_name: 'King' }],
      ['StudentMoved', { address: null }],
      ['YearOfStudyChanged', { year_of_study: 3 }],
      ['GpaChanged', { gpa: null }],
    ]);
    expect(await row()).toEqual({ ...body, gpa: null, address: null, version: 5 });
    const { rows } = await client.query(
      `SELECT DISTINCT metadata->>'command' AS command FROM domain_events WHERE version > 1`,
    );
    expect(rows).toEqual([{ command: 'ChangeStudent' }]);
  });

  it('changes nothing where nothing differs, and answers with the last token', async () => {
    const registered = await register();
    const answer = await send('PUT', '/v1/students/ADA1', ada);
    expect([answer.statusCode, answer.headers['etag'], answer.json()]).toEqual([200, '"1"', ada]);
    expect(answer.headers['consistency-token']).toBe(registered.headers['consistency-token']);
    expect(await events()).toHaveLength(1);
  });

  it('is refused where there is nobody, or the body names somebody else', async () => {
    expectProblem(await send('PUT', '/v1/students/ADA1', ada), 404, 'not-found');
    await register();
    const error = { pointer: '/id', code: 'not-changeable', got: 'EVE' };
    expectProblem(await send('PUT', '/v1/students/ADA1', { ...ada, id: 'EVE' }), 422, 'invalid', [error]);
    expectProblem(await send('PUT', '/v1/students/ADA1', { gpa: 1 }), 422, 'invalid');
    expect(await row()).toMatchObject({ gpa: '3.90', version: 1 });
  });
});

describe('changing a student', () => {
  it.each(['application/merge-patch+json', 'application/json'])('changes what came, by %s', async (type) => {
    await register();
    const answer = await send('PATCH', '/v1/students/ADA1', { gpa: 3.95, major: null }, { 'content-type': type });
    const changed = { ...ada, gpa: 3.95, major: null };
    expect([answer.statusCode, answer.headers['etag'], answer.json()]).toEqual([200, '"3"', changed]);
    expect((await events()).slice(1)).toEqual([
      ['MajorDeclared', { major: null }],
      ['GpaChanged', { gpa: '3.95' }],
    ]);
    expect(await row()).toEqual({ ...changed, gpa: '3.95', version: 3 });
  });

  it('changes nothing by an empty patch, or by the same values', async () => {
    await register();
    for (const patch of [{}, { gpa: 3.9 }, ada])
      expect((await send('PATCH', '/v1/students/ADA1', patch)).headers['etag']).toBe('"1"');
    expect(await events()).toHaveLength(1);
  });

  it('refuses to clear what must be there', async () => {
    await register();
    const patch = { first_name: null, enrollment_status: null, date_of_birth: null, gender: null };
    const wanted = ['/first_name', '/enrollment_status', '/date_of_birth'].map((pointer) => ({
      pointer,
      code: 'null',
    }));
    const answer = await send('PATCH', '/v1/students/ADA1', patch);
    expectProblem(answer, 422, 'invalid');
    expect(answer.json().errors).toEqual(expect.arrayContaining(wanted.map((error) => expect.objectContaining(error))));
    expect(answer.json().errors).toHaveLength(3);
    expect(await events()).toHaveLength(1);
  });

  it('is refused where there is nobody', async () => {
    expectProblem(await send('PATCH', '/v1/students/ADA1', { gpa: 1 }), 404, 'not-found');
  });
});

describe('removing a student', () => {
  it('takes the row, keeps the events, and is refused the second time', async () => {
    await register();
    const answer = await send('DELETE', '/v1/students/ADA1');
    expect([answer.statusCode, answer.body]).toEqual([204, '']);
    const token = decodeConsistencyToken(String(answer.headers['consistency-token']));
    const written = `SELECT tx_id::text AS xid FROM domain_events WHERE type = 'StudentRemoved'`;
    expect((await client.query(written)).rows).toEqual([{ xid: token.xid }]);
    expect(await row()).toBeUndefined();
    expect((await events())[1]).toEqual(['StudentRemoved', {}]);
    expectProblem(await send('DELETE', '/v1/students/ADA1'), 404, 'not-found');
    expectProblem(await send('GET', '/v1/students/ADA1'), 404, 'not-found');
  });

  it('lets the student come back under a version that was never seen', async () => {
    await register();
    await send('DELETE', '/v1/students/ADA1');
    expect((await register()).headers['etag']).toBe('"3"');
    expect(await row()).toMatchObject({ version: 3 });
  });
});

describe('a condition', () => {
  it.each(['"1"', '"0", "1"', '*', 'W/"1", "1"'])('If-Match: %s lets the present version change', async (tag) => {
    await register();
    const answer = await send('PATCH', '/v1/students/ADA1', { gpa: 1 }, { 'if-match': tag });
    expect([answer.statusCode, answer.headers['etag']]).toEqual([200, '"2"']);
  });

  it.each(['"2"', 'W/"1"', '"one"', '"01"'])('If-Match: %s refuses everything at version 1', async (tag) => {
    await register();
    const headers = { 'if-match': tag };
    expectProblem(await send('PATCH', '/v1/students/ADA1', { gpa: 1 }, headers), 412, 'precondition-failed');
    expectProblem(await send('PUT', '/v1/students/ADA1', { ...ada, gpa: 1 }, headers), 412, 'precondition-failed');
    expectProblem(await send('DELETE', '/v1/students/ADA1', undefined, headers), 412, 'precondition-failed');
    expect(await row()).toMatchObject({ gpa: '3.90', version: 1 });
  });

  it('that is no entity tag is refused', async () => {
    await register();
    const answer = await send('DELETE', '/v1/students/ADA1', undefined, { 'if-match': '1' });
    expectProblem(answer, 422, 'invalid', [{ header: 'If-Match', got: '1' }]);
  });
});

describe('an Idempotency-Key', () => {
  const key = { 'idempotency-key': 'k-1' };

  it('gives the first answer again: status, body, ETag, Location and token', async () => {
    const first = await register(least, key);
    const again = await register(least, key);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    const told = ({ statusCode, headers: { etag, location, 'consistency-token': token }, body }: Answer) => [
      statusCode,
      etag,
      location,
      token,
      body,
    ];
    expect(told(again)).toEqual(told(first));
    expect([await count('students'), await count('domain_events')]).toEqual([1, 1]);
  });

  it('works for every write, and keeps the first answer though the student changed since', async () => {
    await register();
    const patched = await send('PATCH', '/v1/students/ADA1', { gpa: 1 }, key);
    const put = await send('PUT', '/v1/students/ADA1', { ...ada, gpa: 2 }, key);
    const deleted = await send('DELETE', '/v1/students/ADA1', undefined, key);
    const again = [
      await send('PATCH', '/v1/students/ADA1', { gpa: 1 }, key),
      await send('PUT', '/v1/students/ADA1', { ...ada, gpa: 2 }, key),
      await send('DELETE', '/v1/students/ADA1', undefined, key),
    ];
    const told = ({ statusCode, headers, body }: Answer) => [statusCode, headers['etag'], body];
    expect(again.map(told)).toEqual([patched, put, deleted].map(told));
    expect(again.map(({ headers }) => headers['idempotency-replayed'])).toEqual(['true', 'true', 'true']);
    expect(await events()).toHaveLength(4);
  });

  it('gives a refusal of the rules again, even if it would not be refused now', async () => {
    expectProblem(await send('DELETE', '/v1/students/ADA1', undefined, key), 404, 'not-found');
    await register();
    const again = await send('DELETE', '/v1/students/ADA1', undefined, key);
    expectProblem(again, 404, 'not-found');
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(await row()).toMatchObject({ id: 'ADA1', version: 1 });
  });

  it('belongs to one body', async () => {
    await register(ada, key);
    expectProblem(await register({ ...ada, gpa: 1 }, key), 422, 'idempotency-key-reused');
    expect(await events()).toHaveLength(1);
  });

  it('is of one actor, method and path', async () => {
    await register(ada, key);
    expect((await register({ ...ada, id: 'B' }, { ...key, 'x-actor': 'eve' })).statusCode).toBe(201);
    expect((await send('PUT', '/v1/students/ADA1', { ...ada, gpa: 1 }, key)).statusCode).toBe(200);
    expect((await send('PUT', '/v1/students/B', { ...ada, id: 'B', gpa: 2 }, key)).statusCode).toBe(200);
    expect(await row('B')).toMatchObject({ gpa: '2.00' });
  });

  it('keeps no failed condition', async () => {
    await register();
    const refused = await send('DELETE', '/v1/students/ADA1', undefined, { ...key, 'if-match': '"9"' });
    expectProblem(refused, 412, 'precondition-failed');
    expect((await send('DELETE', '/v1/students/ADA1', undefined, { ...key, 'if-match': '"1"' })).statusCode).toBe(204);
  });

  it('runs racing equal requests once', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => register(least, key)));
    expect(new Set(answers.map(({ statusCode, body }) => `${statusCode} ${body}`)).size).toBe(1);
    expect([await count('students'), await count('domain_events')]).toEqual([1, 1]);
  });
});

describe('listing students', () => {
  const people = [
    { ...least, id: 'A', last_name: 'McKay', gpa: 3.5, major: 'CS' },
    { ...least, id: 'B', last_name: 'Mc_Coy', gpa: 3.95, major: 'Math' },
    { ...least, id: 'C', last_name: 'Doe', gpa: null, major: null },
    { ...least, id: 'D', last_name: 'Éa', gpa: 2, major: 'CS', date_of_birth: '2004-02-29' },
  ];
  beforeEach(async () => {
    for (const person of people) await register(person);
  });

  const list = async (query: string) => (await send('GET', `/v1/students?${query}`)).json();
  const ids = async (query: string) => (await list(query)).data.map(({ id }: { id: string }) => id);

  it('shows all in the order of the key', async () => {
    const body = await list('');
    expect(body.data[0]).toEqual((await send('GET', '/v1/students/A')).json());
    expect([body.data.map(({ id }: { id: string }) => id), body.page]).toEqual([
      ['A', 'B', 'C', 'D'],
      { next_cursor: null },
    ]);
  });

  it.each([
    ['gpa[gte]=3.5', ['A', 'B']],
    ['gpa=3.50', ['A']],
    ['gpa[is_null]=true', ['C']],
    ['gpa[ne]=2', ['A', 'B']],
    ['major[in]=CS,Math&gpa[lt]=3.9', ['A', 'D']],
    ['last_name[contains]=c_', ['B']],
    ['last_name[starts_with]=Mc', ['A', 'B']],
    ['last_name=%C3%89a', ['D']],
    ['date_of_birth[lte]=2004-02-29', ['D']],
    ['sort=-gpa,id', ['B', 'A', 'D', 'C']],
    ['sort=last_name', ['C', 'A', 'B', 'D']],
    ['skip=1&limit=2', ['B', 'C']],
  ])('%s gives %j', async (query, expected) => {
    expect(await ids(query)).toEqual(expected);
  });

  it('goes through pages by cursor and link, and counts all rows', async () => {
    const first = await send('GET', '/v1/students?sort=-gpa&limit=3&count=true');
    expect(first.json().page).toEqual({ next_cursor: expect.any(String), total: 4 });
    const [, link] = /^<(.+)>; rel="next"$/.exec(String(first.headers['link']))!;
    const second = await send('GET', link!);
    expect(second.json()).toMatchObject({ data: [{ id: 'C' }], page: { next_cursor: null, total: 4 } });
    expect(second.headers['link']).toBeUndefined();
  });

  it('answers with the fields that were asked for', async () => {
    expect((await list('fields=gpa,id&limit=1')).data).toEqual([{ id: 'A', gpa: 3.5 }]);
  });

  it('refuses what it does not know, and a cursor of another list', async () => {
    const get = (query: string) => send('GET', `/v1/students?${query}`);
    expectProblem(await get('shoe_size=42'), 400, 'unknown-parameter', [{ parameter: 'shoe_size' }]);
    expectProblem(await get('gpa[gte]=good'), 422, 'invalid', [{ parameter: 'gpa[gte]', got: 'good' }]);
    expectProblem(await get('limit=1001'), 422, 'invalid', [{ parameter: 'limit' }]);
    const { next_cursor } = (await list('limit=1')).page;
    expectProblem(await get(`limit=1&gpa=2&cursor=${next_cursor}`), 400, 'cursor-mismatch');
  });

  it('lists the fields of the catalog', () => {
    const table = university.tables.find((candidate) => candidate.table === 'students')!;
    const shape = (fields: readonly { name: string; type: string; nullable?: boolean }[]) =>
      fields.map(({ name, type, nullable = false }) => ({ name, type, nullable }));
    expect(shape(studentList.fields)).toEqual(shape(table.columns));
    expect(studentList.key).toEqual(table.key);
  });
});

describe("a student's events", () => {
  it('tell what happened, by whom and why, after the student is gone too', async () => {
    await register(ada, { 'x-actor': 'registrar', 'x-correlation-id': 'c-1' });
    await send('PATCH', '/v1/students/ADA1', { gpa: 4 }, { 'x-actor': 'dean' });
    await send('DELETE', '/v1/students/ADA1');
    const answer = await send('GET', '/v1/students/ADA1/events');
    const { data, page } = answer.json();
    expect([answer.statusCode, page]).toEqual([200, { next_cursor: null }]);
    expect(data.map(({ version, type, data: facts }: Record<string, unknown>) => [version, type, facts])).toEqual([
      [1, 'StudentRegistered', expect.objectContaining({ gpa: '3.90' })],
      [2, 'GpaChanged', { gpa: '4.00' }],
      [3, 'StudentRemoved', {}],
    ]);
    expect(data[0]).toMatchObject({
      schema_version: 1,
      occurred_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      metadata: { actor: 'registrar', command: 'RegisterStudent', correlation_id: 'c-1' },
    });
  });

  it('come in pages', async () => {
    await register();
    for (const gpa of [1, 2, 3]) await send('PATCH', '/v1/students/ADA1', { gpa });
    const versions = async (query: string) => {
      const { data, page } = (await send('GET', `/v1/students/ADA1/events?${query}`)).json();
      return [data.map(({ version }: { version: number }) => version), page.next_cursor];
    };
    expect(await versions('limit=3')).toEqual([[1, 2, 3], '3']);
    expect(await versions('limit=3&cursor=3')).toEqual([[4], null]);
    expect(await versions('cursor=9')).toEqual([[], null]);
    for (const query of ['limit=0', 'limit=1001', 'cursor=x'])
      expectProblem(await send('GET', `/v1/students/ADA1/events?${query}`), 422, 'invalid');
    expectProblem(await send('GET', '/v1/students/ADA1/events?after=1'), 400, 'unknown-parameter');
  });

  it('are not there where nobody ever was', async () => {
    expectProblem(await send('GET', '/v1/students/NOBODY/events'), 404, 'not-found');
  });
});

describe('a row that somebody changed past the API', () => {
  it('is not overwritten when its version tells so: nothing is stored, and the client learns no more', async () => {
    await register();
    await client.query(`UPDATE students SET version = 7 WHERE id = 'ADA1'`);
    const answer = await send('PATCH', '/v1/students/ADA1', { gpa: 1 });
    expectProblem(answer, 500, 'internal');
    expect(answer.body).not.toMatch(/students|SELECT/);
    expect(await events()).toHaveLength(1);
  });
});

describe('without a database', () => {
  it('is not ready, and refuses reads and writes as unavailable', async () => {
    const away = await serviceOn('postgresql://nobody:secret@127.0.0.1:1/none');
    await away.init();
    await away.getHttpAdapter().getInstance().ready();
    const ready = await away.inject({ method: 'GET', url: '/health/ready' });
    expect([ready.statusCode, ready.json()]).toMatchObject([
      503,
      { code: 'unavailable', checks: [{ name: 'database', status: 'down' }] },
    ]);
    for (const request of [
      { method: 'GET', url: '/v1/students/ADA1' },
      { method: 'GET', url: '/v1/students' },
      { method: 'GET', url: '/v1/students/ADA1/events' },
      { method: 'POST', url: '/v1/students', payload: ada },
    ] as const) {
      const answer = await away.inject(request);
      expectProblem(answer, 503, 'unavailable');
      expect(answer.headers['retry-after']).toBe('1');
      expect(answer.body).not.toMatch(/secret|127\.0\.0\.1/);
    }
    await away.close();
  });

  it('is ready with it', async () => {
    expect((await send('GET', '/health/ready')).json()).toEqual({
      status: 'ready',
      checks: [{ name: 'database', status: 'up' }],
    });
  });
});
