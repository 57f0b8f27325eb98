import { expect, it } from '@jest/globals';
import { type DeltaField, schemaString } from './schema.js';

it('a schema is text in the form of the protocol', () => {
  const fields: DeltaField[] = [
    { name: 'id', type: 'long', nullable: false },
    { name: 'gpa', type: 'decimal(3,2)', nullable: true },
  ];
  expect(schemaString(fields)).toBe(
    '{"type":"struct","fields":[{"name":"id","type":"long","nullable":false,"metadata":{}},' +
      '{"name":"gpa","type":"decimal(3,2)","nullable":true,"metadata":{}}]}',
  );
});
