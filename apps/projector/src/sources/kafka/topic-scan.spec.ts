import { describe, expect, it } from '@jest/globals';
import { SnapshotScan } from './topic-scan.js';

const source = { txId: 5, ts_us: 1000, schema: 'public', table: 'fields' };
const row = (snapshot: string, lsn = 100) => ({ op: 'r', after: { id: 1 }, source: { ...source, snapshot, lsn } });
const begin = { status: 'BEGIN', id: '5:120' };
const said = {
  ...{ time: '2000', system_identifier: '77', timeline: 1, database: 'campus', database_oid: '16384' },
  ...{ columns: { fields: { id: 'int4' } }, enums: null },
};
const message = (prefix = 'migsbyu') => ({
  op: 'm',
  message: { prefix, content: Buffer.from(JSON.stringify(said)).toString('hex') },
  source: { ...source, snapshot: 'false', lsn: 130 },
});

function scan(records: readonly object[], { cleaned = false, from = 0 } = {}) {
  const scanning = new SnapshotScan(cleaned);
  for (const [i, record] of records.entries()) {
    const found = scanning.take({ offset: from + i, key: '', value: JSON.stringify(record) });
    if (found) return found;
  }
  return null;
}

describe('a scan of a topic', () => {
  it('finds the snapshot’s rows, where it was taken, and who the server is', () => {
    expect(scan([row('first'), row('true'), row('last'), begin, message('other'), message()])).toEqual({
      ...{ from: 0, to: 3, lsn: 100, takenAt: 1000n },
      server: expect.objectContaining({ systemIdentifier: '77', databaseOid: '16384', time: 2000n, enums: [] }),
    });
  });

  it('takes an only row, which is marked as the last, for a snapshot', () => {
    expect(scan([row('last'), message()])).toMatchObject({ from: 0, to: 1, lsn: 100 });
  });

  it.each([
    ['at the same place', [row('first'), row('true'), row('first'), row('last'), message()]],
    ['elsewhere', [row('first'), row('true'), row('first', 200), row('last', 200), message()]],
    ['elsewhere, with an only row', [row('last'), row('last', 200), message()]],
  ])('stops by name at a snapshot that began again %s: Connect was killed in the one before', (_where, records) => {
    expect(() => scan(records)).toThrow(
      expect.objectContaining({ change: 'snapshot-unfinished', message: expect.stringContaining('at offset 0') }),
    );
  });

  it('takes a stream without rows before it for the snapshot of empty tables, at that place', () => {
    expect(scan([begin, message()], { from: 7 })).toMatchObject({ from: 7, to: 7, lsn: 120, takenAt: 2000n });
    expect(scan([message()])).toMatchObject({ from: 0, to: 0, lsn: 130 });
  });

  it('waits for the message', () => {
    expect(scan([row('first'), row('last'), begin])).toBeNull();
  });

  it.each([
    ['inside of a snapshot', [row('true'), message()]],
    ['behind it', [begin, message()]],
  ])('stops by name where a cleaned topic begins %s', (_where, records) => {
    expect(() => scan(records, { cleaned: true, from: 40 })).toThrow(
      expect.objectContaining({ change: 'position-lost' }),
    );
  });
});
