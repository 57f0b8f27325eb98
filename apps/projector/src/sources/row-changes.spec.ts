import { describe, expect, it } from '@jest/globals';
import { Tuple, type OldRow, type Relation } from '#libs/postgres-replication';
import { RowChanges, type Change } from './row-changes.js';

const changes = new RowChanges(new Map([['rooms', ['building', 'number']]]));
const relation: Relation = {
  oid: 1,
  schema: 'public',
  name: 'rooms',
  columns: ['number', 'building', 'plan'],
  identity: [0, 1],
};

const unchanged = Symbol('unchanged');
type Value = string | null | typeof unchanged;

/** Old and new row lie in one message. */
function rows(of: Relation, ...tuples: readonly Value[][]): Tuple[] {
  const parts = tuples.flatMap((values) => [
    Buffer.from([0, values.length]),
    ...values.map((value) => {
      if (value === null) return Buffer.from('n');
      if (value === unchanged) return Buffer.from('u');
      const length = Buffer.alloc(4);
      length.writeUInt32BE(Buffer.byteLength(value));
      return Buffer.concat([Buffer.from('t'), length, Buffer.from(value)]);
    }),
  ]);
  const bytes = Buffer.concat(parts);
  let at = 0;
  return tuples.map(() => {
    const tuple = new Tuple();
    at = tuple.read(bytes, at, of);
    return tuple;
  });
}

const read = (text?: string | null) => (text == null ? null : (JSON.parse(text) as unknown));
const withRows = ({ before, after, ...change }: Change) => ({ ...change, before: read(before), after: read(after) });

function insert(values: Value[], of = relation) {
  return changes.of({ type: 'insert', relation: of, row: rows(of, values)[0]! }).map(withRows);
}

function update(whole: boolean, before: Value[], after: Value[]) {
  const [old, row] = rows(relation, before, after);
  return changes.of({ type: 'update', relation, old: { whole, row: old! }, row: row! }).map(withRows);
}

function remove(whole: boolean, before: Value[]) {
  const old: OldRow = { whole, row: rows(relation, before)[0]! };
  return changes.of({ type: 'delete', relation, old }).map(withRows);
}

describe('changes of a row', () => {
  it('have keys in the order of the catalog, as JSON', () => {
    expect(insert(['7', 'B"1', null])).toEqual([
      {
        ...{ table: 'rooms', op: 'c', key: '["B\\"1","7"]', before: null },
        after: { number: '7', building: 'B"1', plan: null },
      },
    ]);
  });

  it('keep what each row was until the next message', () => {
    expect(update(true, ['7', 'B', 'old'], ['7', 'B', 'new'])).toEqual([
      {
        ...{ table: 'rooms', op: 'u', key: '["B","7"]' },
        before: { number: '7', building: 'B', plan: 'old' },
        after: { number: '7', building: 'B', plan: 'new' },
      },
    ]);
    expect(remove(true, ['7', 'B', 'new'])).toEqual([
      {
        ...{ table: 'rooms', op: 'd', key: '["B","7"]', after: null },
        before: { number: '7', building: 'B', plan: 'new' },
      },
    ]);
  });

  it('have the old key alone where the old row is not whole', () => {
    expect(remove(false, ['7', 'B', null])[0]!.before).toEqual({ number: '7', building: 'B' });
  });

  it.each(['plan', 'plän "\n', 'x'.repeat(100_000), '', null])(
    'take a value that was not sent from the old row: %.20j',
    (plan) => {
      const [change] = update(true, ['7', 'B', plan], ['7', 'B', unchanged]);
      expect(change!.after).toEqual({ number: '7', building: 'B', plan });
    },
  );

  it('take it from an old key only where that holds it', () => {
    const [removal, creation] = update(false, ['7', 'B', null], ['8', unchanged, 'new']);
    expect(removal).toEqual({
      ...{ table: 'rooms', op: 'd', key: '["B","7"]', after: null },
      before: { number: '7', building: 'B' },
    });
    expect(creation!.after).toEqual({ number: '8', building: 'B', plan: 'new' });
    const unknown = expect.objectContaining({ code: 'unchanged-value-unknown', table: 'rooms', column: 'plan' });
    expect(() => update(false, ['7', 'B', null], ['8', 'B', unchanged])).toThrow(unknown);
    expect(() => insert(['7', 'B', unchanged])).toThrow(unknown);
    expect(() => remove(true, ['7', 'B', unchanged])).toThrow(unknown);
  });

  it('name a missing key column', () => {
    const narrow = { ...relation, columns: relation.columns.slice(0, 1) };
    expect(() => insert(['7'], narrow)).toThrow(
      expect.objectContaining({ code: 'key-incomplete', table: 'rooms', column: 'building' }),
    );
    expect(() => insert(['7', null, null])).toThrow(
      expect.objectContaining({ code: 'key-incomplete', column: 'building' }),
    );
  });
});
