import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeRecord,
  type DebeziumRecord,
  type JsonRow,
  type JsonValue,
  type TextRecord,
  type TopicRecord,
} from '#libs/debezium';
import { RecordChanges } from './record-changes.js';

const placeholder = '__migsbyu_unavailable_value_8f1d2c6b';
const source = {
  ...{ version: '3.7.0.Final', connector: 'postgresql', name: 'migsbyu', ts_ms: 1795524350055, snapshot: 'false' },
  ...{ db: 'farm', sequence: '["28906000","28906064"]', ts_us: 1795524350055230, ts_ns: 1795524350055230000 },
  ...{ schema: 'public', table: 'fields', txId: 756, lsn: 28906064, xmin: null, origin: null, origin_lsn: null },
};
const transaction = { id: '756:28906064', total_order: 1, data_collection_order: 1 };
const clock = { ts_ms: 1795524350449, ts_us: 1795524350449184, ts_ns: 1795524350449184000 };

interface Said {
  readonly op?: string;
  readonly before?: JsonRow | null;
  readonly after?: JsonRow | null;
  readonly source?: object;
}

/** As Connect writes it. */
const written = ({ op = 'c', before = null, after = null, source: more }: Said): string =>
  JSON.stringify({ before, after, source: { ...source, ...more }, transaction, op, ...clock });
const at = (value: string): TopicRecord => ({ offset: 7, key: '{"id":1}', value });

function changesOf(types: Readonly<Record<string, string>>, events?: string): RecordChanges {
  const changes = new RecordChanges(new Map([['fields', ['id']]]), events);
  changes.learn({ columns: { fields: { id: 'int8', ...types } }, enums: ['mood'] });
  return changes;
}

type Reading = (changes: RecordChanges, one: TopicRecord) => DebeziumRecord | TextRecord;
const byLayout: Reading = (changes, one) => changes.read(one);
const theLongWay: Reading = (_changes, one) => decodeRecord(one);

/** What comes of it, or why nothing does. */
function told(changes: RecordChanges, one: TopicRecord, read: Reading): { type: string; what: unknown } {
  let type = 'refused';
  try {
    const record = read(changes, one);
    ({ type } = record);
    if (record.type !== 'row' && record.type !== 'texts') return { type, what: record };
    const { snapshot, xid, lsn, committedAt, schema, table, op, key } = record;
    return {
      type,
      what: { snapshot, xid, lsn, committedAt, schema, table, op, key, change: changes.changeOf(record) },
    };
  } catch (error) {
    return { type, what: (error as Error).message };
  }
}

/** Whether `second` is read by the layout that `first` shows; the same comes of it by both ways. */
function both(types: Readonly<Record<string, string>>, first: string, second: string, events?: string): boolean {
  const [one, other] = [changesOf(types, events), changesOf(types, events)];
  told(one, at(first), byLayout);
  const { type, what } = told(one, at(second), byLayout);
  expect(what).toEqual(told(other, at(second), theLongWay).what);
  return type === 'texts';
}

/** Jackson's escapes: capital letters, and pairs of surrogates, too. */
const asJackson = (json: string) =>
  json
    .replace(/(?<!\\)((?:\\\\)*)\\u[0-9a-f]{4}/g, (escape) =>
      escape.replace(/u(.*)/, (_, hex) => `u${hex.toUpperCase()}`),
    )
    .replace(/[\ud800-\udfff]/g, (half) => `\\u${half.charCodeAt(0).toString(16).toUpperCase()}`);

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({
    unit: fc.constantFrom('"', '\\', '/', '\n', '\u0001', '\u2028', 'ü', '💥', ',', '"source":{', '}', 'null'),
  }),
);
const values: Readonly<Record<string, fc.Arbitrary<JsonValue>>> = {
  text,
  mood: text,
  jsonb: fc.json(),
  int4: fc.integer(),
  oid: fc.nat().map(String),
  bool: fc.boolean(),
  numeric: fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number.toFixed(3)),
    fc.constantFrom('NAN', 'POSITIVE_INFINITY', '-0.00', '1E+5', `1.${'0'.repeat(1048)}`),
  ),
  date: fc.constantFrom(
    '1815-12-10Z',
    '1599-12-31Z',
    '0000-01-01Z',
    '-0043-03-15Z',
    '+12345-01-01Z',
    '+5877611-06-21Z',
  ),
  timestamptz: fc.constantFrom('2024-01-02T01:04:05.678900Z', '2024-01-02T01:04:05Z', '-infinity'),
  float8: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(1e300, 1e-7, 'NaN')),
  bytea: fc.constantFrom('', '00ff', Buffer.from(placeholder).toString('hex')),
  _text: fc.array(fc.option(text)),
  point: fc.constant({ x: 1, y: 2, wkb: '', srid: null }),
  xml: fc.constant(placeholder),
};
const rowOf = (types: Readonly<Record<string, string>>): fc.Arbitrary<JsonRow> =>
  fc.record({
    id: fc.maxSafeInteger() as fc.Arbitrary<JsonValue>,
    ...Object.fromEntries(Object.entries(types).map(([name, type]) => [name, fc.option(values[type]!)])),
  });
const records = fc
  .dictionary(
    text.filter((name) => name !== 'id' && name !== '__proto__'),
    fc.constantFrom(...Object.keys(values)),
    { noNullPrototype: true, maxKeys: 4 },
  )
  .chain((types) => fc.tuple(fc.constant(types), fc.array(rowOf(types), { minLength: 3, maxLength: 3 })));

describe('a row that is read by the layout of its table', () => {
  it('is what the long way tells, letter by letter, whatever its values and the names of its columns', () => {
    let laidOut = 0;
    fc.assert(
      fc.property(records, fc.constantFrom('c', 'u', 'd', 'r'), fc.boolean(), ([types, rows], op, jackson) => {
        const images =
          op === 'd' ? { before: rows[1]! } : op === 'u' ? { before: rows[1]!, after: rows[2]! } : { after: rows[1]! };
        const record = written({ op, ...images });
        if (both(types, written({ after: rows[0]! }), jackson ? asJackson(record) : record)) laidOut++;
      }),
      { numRuns: 300 },
    );
    expect(laidOut).toBeGreaterThan(30);
  });

  const plain = { name: 'text', sown: 'date', acres: 'numeric', owner: 'mood', dry: 'bool', at: 'timestamptz' };
  const row = {
    id: 1,
    name: 'a',
    sown: '2024-05-06Z',
    acres: '1.50',
    owner: null,
    dry: true,
    at: '2024-05-06T07:08:09Z',
  };
  const usual = written({ after: row });
  const isLaidOut = (said: Said | string, events?: string) =>
    both(plain, usual, typeof said === 'string' ? said : written({ after: row, ...said }), events);

  it.each<[string, Said]>([
    ['was inserted', {}],
    ['was changed', { op: 'u', before: { ...row, name: 'ü "b"\n' } }],
    ['was changed, and is not known as it was', { op: 'u' }],
    ['was deleted', { op: 'd', before: row, after: null }],
    ['has only NULLs beside its key', { after: { ...row, name: null, sown: null, acres: null, dry: null, at: null } }],
    ['has a whole number in a text', { after: { ...row, name: '7' } }],
    ['begins a snapshot', { op: 'r', source: { snapshot: 'first', txId: null } }],
    ['is another of a snapshot', { op: 'r', source: { snapshot: 'last_in_data_collection' } }],
  ])('%s', (_what, said) => {
    expect(isLaidOut(said)).toBe(true);
  });

  it('keeps whole numbers that JavaScript would round', () => {
    expect(isLaidOut(usual.replace('"id":1', '"id":9007199254740993'))).toBe(true);
  });

  it.each<[string, Said]>([
    ['has another column', { after: { ...row, more: null } }],
    ['has a column less', { after: { ...row, at: undefined } as unknown as JsonRow }],
    ['has its columns in another order', { after: Object.fromEntries(Object.entries(row).reverse()) }],
    ['has no key', { after: { ...row, id: null } }],
    ['left a value as it was', { op: 'u', before: row, after: { ...row, name: placeholder } }],
    [
      'left bytes as they were',
      { op: 'u', before: row, after: { ...row, at: Buffer.from(placeholder).toString('hex') } },
    ],
    ['has a character that is escaped', { after: { ...row, name: '\u0001' } }],
    [
      'has a date that may be another',
      { op: 'r', after: { ...row, sown: '0044-03-15Z' }, source: { snapshot: 'true' } },
    ],
    ['has a long value', { after: { ...row, name: 'x'.repeat(70_000) } }],
    ['is of another schema', { source: { schema: 'private' } }],
    ['is of a table that was not seen', { source: { table: 'others' } }],
    ['is of an incremental snapshot', { op: 'r', source: { snapshot: 'incremental' } }],
    ['has no transaction', { source: { txId: null } }],
    ['has an LSN that JavaScript would round', { source: { lsn: 2 ** 53 } }],
    ['is an insert of a row that was there', { before: row }],
    ['is a delete of a row that is there', { op: 'd', before: row }],
    ['is missing', { after: null }],
    ['is a truncate', { op: 't', after: null }],
  ])('is read the long way where it %s', (_what, said) => {
    expect(isLaidOut(said)).toBe(false);
  });

  it('is read the long way where something stands between its rows and their end', () => {
    expect(isLaidOut(usual.replace(',"source"', ',"more":7,"source"'))).toBe(false);
  });

  it('is of an event its key, as it was', () => {
    expect(isLaidOut({ op: 'u', before: row }, 'fields')).toBe(false);
    expect(isLaidOut({}, 'fields')).toBe(true);
  });

  it('is told by its new types as soon as they are known', () => {
    const changes = changesOf({ sown: 'text' });
    const one = at(written({ after: { id: 1, sown: '2024-05-06Z' } }));
    const after = () => (told(changes, one, byLayout).what as { change: { after: string } }).change.after;
    expect([after(), after()]).toEqual(Array(2).fill('{"id":"1","sown":"2024-05-06Z"}'));
    changes.learn({ columns: { fields: { id: 'int8', sown: 'date' } }, enums: [] });
    expect([after(), after()]).toEqual(Array(2).fill('{"id":"1","sown":"2024-05-06"}'));
  });

  it('is followed through a change of the columns', () => {
    const changes = changesOf({ a: 'text', b: 'text' });
    const rows: JsonRow[] = [
      { id: 1, a: 'x' },
      { id: 1, a: 'y' },
      { id: 1, a: 'x', b: null },
      { id: 2, a: 'x', b: 'y' },
    ];
    const typeOf = (after: JsonRow) => told(changes, at(written({ after })), byLayout).type;
    expect(rows.map(typeOf)).toEqual(['row', 'texts', 'row', 'texts']);
  });
});
