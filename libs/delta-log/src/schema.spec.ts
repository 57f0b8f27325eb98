import { expect, it } from '@jest/globals';
import { type DeltaField, fieldsOf, schemaString } from './schema.js';

it('a schema is text that says the same fields again', () => {
  const fields: DeltaField[] = [
    { name: 'id', type: 'long', nullable: false },
    { name: 'gpa', type: 'decimal(3,2)', nullable: true },
  ];
  const text = schemaString(fields);
  expect(text).toBe(
    '{"type":"struct","fields":[{"name":"id","type":"long","nullable":false,"metadata":{}},' +
      '{"name":"gpa","type":"decimal(3,2)","nullable":true,"metadata":{}}]}',
  );
  expect(fieldsOf({ schemaString: text })).toEqual(fields);
});
