import { describe, expect, it } from '@jest/globals';
import { unchanged, type Relation } from '#libs/postgres-replication';
import { changesOf } from './row-changes.js';

const keys = new Map([['rooms', ['building', 'number']]]);
const relation: Relation = {
  oid: 1,
  schema: 'public',
  name: 'rooms',
  columns: ['number', 'building', 'plan'],
  identity: [0, 1],
};
const whole = (...values: (string | null)[]) => ({ whole: true, values });

describe('changes of a row', () => {
  it('have keys in the order of the catalog, as JSON', () => {
    const [change] = changesOf({ type: 'insert', relation, row: ['7', 'B"1', null] }, keys);
    expect(change!.key).toBe('["B\\"1","7"]');
  });

  it('take a value that was not sent from the old row', () => {
    const [change] = changesOf(
      { type: 'update', relation, old: whole('7', 'B', 'plan'), row: ['7', 'B', unchanged] },
      keys,
    );
    expect(change!.after).toEqual({ number: '7', building: 'B', plan: 'plan' });
  });

  it('take it from an old key only where that holds it', () => {
    const old = { whole: false, values: ['7', 'B', null] };
    const [removal, creation] = changesOf({ type: 'update', relation, old, row: ['8', unchanged, 'new'] }, keys);
    expect(removal).toEqual({ table: 'rooms', op: 'd', key: '["B","7"]', before: { number: '7', building: 'B' } });
    expect(creation!.after).toEqual({ number: '8', building: 'B', plan: 'new' });
    expect(() => changesOf({ type: 'update', relation, old, row: ['8', 'B', unchanged] }, keys)).toThrow(
      expect.objectContaining({ code: 'unchanged-value-unknown', table: 'rooms', column: 'plan' }),
    );
  });

  it('name a missing key column', () => {
    const { columns, ...rest } = relation;
    const narrow = { ...rest, columns: columns.slice(0, 1) };
    expect(() => changesOf({ type: 'insert', relation: narrow, row: ['7'] }, keys)).toThrow(
      expect.objectContaining({ code: 'key-incomplete', table: 'rooms', column: 'building' }),
    );
    expect(() => changesOf({ type: 'insert', relation, row: ['7', null, null] }, keys)).toThrow(
      expect.objectContaining({ code: 'key-incomplete', column: 'building' }),
    );
  });
});
