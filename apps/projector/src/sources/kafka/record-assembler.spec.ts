import { describe, expect, it } from '@jest/globals';
import type { DebeziumRecord, RowRecord } from '#libs/debezium';
import type { TransactionDelivery } from '../transaction-delivery.js';
import { RecordAssembler } from './record-assembler.js';
import { RecordChanges } from './record-changes.js';

const row = (xid: number, lsn: number, id: number, more: Partial<RowRecord> = {}): RowRecord => ({
  ...{ type: 'row', snapshot: null, xid: String(xid), lsn, committedAt: BigInt(xid), schema: 'public' },
  ...{ table: 'fields', op: 'c', key: `{"id":${id}}`, before: null, after: { id } },
  ...more,
});
const begin = (xid: number): DebeziumRecord => ({ type: 'begin', xid: String(xid), lsn: 1 });
const end = (xid: number, lsn: number): DebeziumRecord => ({ type: 'end', xid: String(xid), lsn });

/** What comes out: of each transaction its xid, its keys in order, its end, or that it was cut. */
async function assembled(records: readonly DebeziumRecord[], { items = 100, ended = 0 } = {}): Promise<unknown[]> {
  const handed: TransactionDelivery[] = [];
  const changes = new RecordChanges(new Map([['fields', ['id']]]), undefined);
  changes.learn({ columns: { fields: { id: 'int4' } }, enums: [] });
  const options = { limits: { items, bytes: 1e9 }, pressure: { add: () => {}, release: () => {} } };
  const assembler = new RecordAssembler(changes, { ...options, handOut: (one) => void handed.push(one) }, ended);
  records.forEach((record, offset) => assembler.take(record, offset, 1));
  assembler.cut(new Error('over'));
  return Promise.all(handed.map(outcome));
}

async function outcome(transaction: TransactionDelivery): Promise<unknown> {
  const keys: unknown[] = [];
  try {
    for await (const chunk of transaction.changes) keys.push(...chunk.map(({ key }) => JSON.parse(key!)[0]));
    return [transaction.header.txId, keys, await transaction.end];
  } catch {
    return [transaction.header.txId, 'cut'];
  }
}
const whole = (xid: number, keys: readonly number[], commitLsn: number, offset: number) => [
  String(xid),
  keys.map(String),
  { commitLsn, committedAt: BigInt(xid), sourceOffset: offset + 1 },
];

describe('records of a topic', () => {
  it('are a transaction from its rows to its END, which says where to go on', async () => {
    const records = [begin(7), row(7, 10, 1), row(7, 20, 2), end(7, 30), begin(8), row(8, 40, 3), end(8, 50)];
    expect(await assembled(records)).toEqual([whole(7, [1, 2], 30, 3), whole(8, [3], 50, 6)]);
  });

  it('are nothing where no table of the catalog is concerned', async () => {
    const other = row(7, 10, 1, { table: 'others' });
    expect(await assembled([begin(7), other, row(7, 11, 1, { schema: 'private' }), end(7, 30)])).toEqual([]);
  });

  it('that come twice inside a transaction are taken once, several of one LSN each once', async () => {
    const rows = [
      row(7, 10, 1),
      row(7, 20, 2),
      row(7, 20, 3),
      row(7, 20, 3, { op: 'd', before: { id: 3 }, after: null }),
    ];
    expect(await assembled([begin(7), ...rows, ...rows, row(7, 30, 4), end(7, 40)])).toEqual([
      whole(7, [1, 2, 3, 3, 4], 40, 10),
    ]);
  });

  it('that come again from further back bring the one under way again, whole', async () => {
    const first = [begin(7), row(7, 10, 1), end(7, 30)];
    const second = [begin(8), row(8, 40, 2), row(8, 41, 3)];
    expect(await assembled([...first, ...second, ...first, ...second, end(8, 50)], { items: 1 })).toEqual([
      whole(7, [1], 30, 2),
      ['8', 'cut'],
      ['7', 'cut'],
      whole(8, [2, 3], 50, 12),
    ]);
  });

  it('of a transaction that the lake has are dropped, also where only its rest comes', async () => {
    const records = [row(7, 20, 2), end(7, 30), begin(8), row(8, 15, 3), end(8, 50)];
    expect(await assembled(records, { ended: 30 })).toEqual([whole(8, [3], 50, 4)]);
  });

  it('of a transaction without END are cut when the source stops', async () => {
    expect(await assembled([begin(7), row(7, 10, 1), row(7, 20, 2)], { items: 1 })).toEqual([['7', 'cut']]);
  });

  const other = (xid: number, lsn: number) => row(xid, lsn, 9, { table: 'others' });
  it('that come again from transactions in which nothing is captured are as good as any', async () => {
    const first = [begin(7), row(7, 10, 1), end(7, 30), begin(8), other(8, 35), end(8, 36)];
    const last = [begin(9), row(9, 40, 2), end(9, 50)];
    expect(await assembled([...first, ...last.slice(0, 2), ...first.slice(3), ...last])).toEqual([
      whole(7, [1], 30, 2),
      whole(9, [2], 50, 13),
    ]);
  });

  it.each([
    ['a transaction never begins', [row(7, 10, 1), end(7, 30)], '7 ends, and never began'],
    ['BEGIN is another one’s', [begin(6), row(7, 10, 1), end(7, 30)], '7 ends, and never began'],
    ['END is missing', [begin(7), row(7, 10, 1), begin(8), row(8, 40, 2), end(8, 50)], '8 ends, and 7 was broken off'],
    [
      'END is missing before one without captured rows',
      [begin(7), row(7, 10, 1), begin(8), end(8, 50)],
      '8 ends inside',
    ],
    [
      'another writer is ahead of the first',
      [begin(7), row(7, 10, 1), begin(8), row(8, 40, 2), row(7, 20, 3), row(8, 41, 4), end(7, 30)],
      '7 ends inside of 8',
    ],
    [
      'the rows were broken off by another writer’s',
      [begin(7), row(7, 10, 1), other(8, 40), end(7, 30)],
      '7 ends, and was broken off before',
    ],
  ])('stop the source by name where %s', async (_where, records, sentence) => {
    const assembling = assembled([begin(5), row(5, 1, 5), end(5, 5), ...records]);
    await expect(assembling).rejects.toMatchObject({ change: 'transaction-incomplete' });
    await expect(assembling).rejects.toThrow(sentence);
  });

  it('of another snapshot stop the source by name', async () => {
    await expect(assembled([row(7, 10, 1, { snapshot: 'first' })])).rejects.toMatchObject({ change: 'slot-replaced' });
  });
});
