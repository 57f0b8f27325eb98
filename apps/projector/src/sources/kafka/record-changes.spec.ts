import { describe, expect, it } from '@jest/globals';
import type { RowRecord } from '#libs/debezium';
import { RecordChanges } from './record-changes.js';

const columns = { fields: { id: 'int4', sown: 'date', tags: '_text' } };
const record = (op: 'r' | 'c', after: RowRecord['after']) =>
  ({ table: 'fields', op, before: null, after }) as unknown as RowRecord;

function changes() {
  const made = new RecordChanges(new Map([['fields', ['id']]]), undefined);
  made.learn({ columns, enums: [] });
  return made;
}

describe('a row of the topic', () => {
  it('is refused by column and key where a snapshot’s date may be another one, and read where the log tells it', () => {
    const after = { id: 7, sown: '0044-03-15Z', tags: null };
    expect(() => changes().changeOf(record('r', after))).toThrow(
      /^Column sown of fields cannot be read, at {"id":7}.*then resnapshot/,
    );
    expect(changes().changeOf(record('c', after)).after).toBe('{"id":"7","sown":"0044-03-15","tags":null}');
  });

  it('has columns named in which a rare value comes like another one', () => {
    const made = new RecordChanges(new Map([['fields', ['id']]]), undefined);
    made.learn({ columns: { fields: { id: 'int4', at: 'time', tags: '_text' }, others: { at: 'time' } }, enums: [] });
    expect(made.alike).toEqual(['fields.at (24:00:00 comes as 00:00:00)', 'fields.tags (its first index comes as 1)']);
  });

  it('is refused where an array holds arrays', () => {
    expect(() => changes().changeOf(record('c', { id: 7, sown: null, tags: [null, null] }))).toThrow(
      expect.objectContaining({ code: 'value-untold', table: 'fields', column: 'tags' }),
    );
  });

  it('is not waited for where a captured column has a type of which values are not told', () => {
    const learn = (table: string) => () =>
      changes().learn({ columns: { [table]: { id: 'int4', at: 'timetz', bits: 'varbit' } }, enums: [] });
    expect(learn('fields')).toThrow(/every value of fields\.at \(timetz\), fields\.bits \(varbit\) from others/);
    expect(learn('unlisted')).not.toThrow();
  });
});
