import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { decodeRecord as decode, isUnavailable } from './record.js';

const decodeRecord = (key: string, value: string | null) => decode({ offset: 7, key, value });

const source = {
  ...{ snapshot: 'false', txId: 756, lsn: 28906064, ts_us: 1795524350055230, ts_ns: 1795524350055230000 },
  ...{ schema: 'public', table: 'buildings' },
};
const row = (fields: object) => JSON.stringify({ before: null, after: null, source, op: 'c', ...fields });

describe('a record of the topic', () => {
  it('is a mark of a transaction: its xid and its own LSN', () => {
    const mark = (status: string) => decodeRecord('', JSON.stringify({ status, id: '756:28906912', event_count: 2 }));
    expect(mark('BEGIN')).toEqual({ type: 'begin', xid: '756', lsn: 28906912 });
    expect(mark('END')).toEqual({ type: 'end', xid: '756', lsn: 28906912 });
  });

  it('is a row, with the microsecond of its commit', () => {
    expect(decodeRecord('{"id":1}', row({ after: { id: 1, name: 'a' } }))).toEqual({
      ...{ type: 'row', snapshot: null, xid: '756', lsn: 28906064, committedAt: 1795524350055230n },
      ...{ schema: 'public', table: 'buildings', op: 'c', key: '{"id":1}', before: null, after: { id: 1, name: 'a' } },
    });
  });

  it('keeps a whole number that JavaScript would round as its digits', () => {
    const text = row({ after: { id: 1, deep: [[7]] } }).replace('"id":1', '"id":9007199254740993');
    expect(decodeRecord('', text)).toMatchObject({ after: { id: '9007199254740993', deep: [[7]] } });
  });

  it.each([
    ['first', 'first'],
    ['first_in_data_collection', 'more'],
    ['true', 'more'],
    ['last', 'more'],
  ])('of a snapshot that is marked %s is its %s', (snapshot, place) => {
    expect(decodeRecord('', row({ op: 'r', after: { id: 1 }, source: { ...source, snapshot } }))).toMatchObject({
      snapshot: place,
    });
  });

  it('is a message with its text, unless a transaction holds it back', () => {
    const message = { prefix: 'migsbyu', content: Buffer.from('ü').toString('hex') };
    const told = { op: 'm', message };
    expect(decodeRecord('', row(told))).toEqual({ type: 'message', lsn: 28906064, prefix: 'migsbyu', content: 'ü' });
    expect(decodeRecord('', row({ ...told, transaction: { id: '1:2' } }))).toEqual({ type: 'other' });
  });

  it('is nothing to read where it is a tombstone', () => {
    expect(decodeRecord('', null)).toEqual({ type: 'other' });
  });

  it.each([
    ['no JSON', 'nonsense', 'it is no JSON'],
    ['no object', '7', 'it is no JSON object'],
    ['a mark without an LSN', '{"status":"END","id":"756"}', 'a transaction marker without <xid>:<lsn>'],
    ['a mark that neither begins nor ends', '{"status":"ABORT","id":"756:9"}', 'of status "ABORT"'],
    ['a change that schemas are wrapped around', '{"schema":{},"payload":{}}', 'it is no change, no message'],
    ['a message without content', row({ op: 'm' }), 'a message without its content'],
    ['a row of nowhere', row({ source: { ...source, table: undefined }, after: {} }), 'its source lacks'],
    ['a row without LSN', row({ source: { ...source, lsn: '7' }, after: {} }), 'its source lacks'],
    ['a streamed row without xid', row({ source: { ...source, txId: null }, after: {} }), 'its source lacks'],
    ['an insert without a row', row({ before: {} }), 'operation "c" without the row'],
    ['a delete without a row', row({ op: 'd', after: {} }), 'operation "d" without the row'],
    ['a row that is a list', row({ op: 'u', before: {}, after: [] }), 'operation "u" without the row'],
    ['an unknown operation', row({ op: 'x' }), 'operation "x" is unknown'],
    ['an incremental snapshot', row({ source: { ...source, snapshot: 'incremental' } }), 'incremental snapshot'],
  ])('is refused with a sentence where it is %s', (_name, text, sentence) => {
    expect(() => decodeRecord('', text)).toThrow(sentence);
    expect(() => decodeRecord('', text)).toThrow('the topic at offset 7 cannot be read');
  });

  it('has the mark of an absent value that the connector is told to set', () => {
    const settings = readFileSync(new URL('../../../deploy/debezium/connector.json', import.meta.url), 'utf8');
    expect(isUnavailable(JSON.parse(settings)['unavailable.value.placeholder'])).toBe(true);
  });
});
