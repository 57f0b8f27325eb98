/** The versions of each table as OpenAPI schemas, so that a generated client knows every column. */
import type { Catalog, Table } from '#libs/catalog';
import { valueSchema, type Schema } from '../values/value-codec.js';
import { versionFields, type VersionField } from './version-fields.js';

/** `course_section` → `CourseSection`. */
export const pascalCase = (name: string): string =>
  name.replace(/(?:^|_+)([a-z0-9]?)/g, (_, letter: string) => letter.toUpperCase());

export const schemaRef = (name: string): { $ref: string } => ({ $ref: `#/components/schemas/${name}` });

/** Names of the schemas of a table. */
export function schemaNames({ name }: Table) {
  const version = `${pascalCase(name)}Version`;
  return { version, part: `${version}Part`, answer: `${version}Answer`, list: `${version}List` };
}

export const exampleVersion = (table: Table): Record<string, unknown> =>
  Object.fromEntries(versionFields(table).map(({ name, example }) => [name, example ?? null]));

export const exampleAsOf = { position: 4712, time: '2026-03-01T08:00:00.123456Z', final: true };

/** Everything that the operations on versions refer to. */
export function versionSchemas(catalog: Catalog): Record<string, Schema> {
  return { AsOf: asOfSchema, Page: pageSchema, ...Object.assign({}, ...catalog.tables.map(tableSchemas)) };
}

function tableSchemas(table: Table): Record<string, Schema> {
  const names = schemaNames(table);
  const fields = versionFields(table);
  const properties = Object.fromEntries(fields.map((field) => [field.name, fieldSchema(field)]));
  const example = exampleVersion(table);
  return {
    [names.version]: object(properties, `A version of a ${table.name}.`, { example }),
    [names.part]: {
      type: 'object',
      description: `A version of a ${table.name}: all fields, or those that \`fields\` names.`,
      properties,
      example,
    },
    [names.answer]: object({ data: schemaRef(names.version), as_of: schemaRef('AsOf') }),
    [names.list]: object({
      data: { type: 'array', items: schemaRef(names.part) },
      page: schemaRef('Page'),
      as_of: schemaRef('AsOf'),
    }),
  };
}

function fieldSchema({ shown, nullable, description, example }: VersionField): Schema {
  const schema = valueSchema(shown);
  return {
    ...schema,
    ...(nullable && { type: [schema['type'], 'null'] }),
    description,
    ...(example !== undefined && { example }),
  };
}

const object = (properties: Record<string, unknown>, description?: string, more: Schema = {}): Schema => ({
  type: 'object',
  ...(description && { description }),
  properties,
  required: Object.keys(properties),
  ...more,
});

const asOfSchema = object(
  {
    position: { ...valueSchema('position'), description: 'Last position of the transaction up to which it is true.' },
    time: {
      type: ['string', 'null'],
      format: 'date-time',
      description: 'When that transaction became effective; null before the first one.',
    },
    final: { type: 'boolean', description: 'Whether nothing that is still to come can change the answer.' },
  },
  'The state that the answer is read from.',
  { example: exampleAsOf },
);

const pageSchema: Schema = {
  type: 'object',
  properties: {
    next_cursor: { type: ['string', 'null'], description: 'Leads to the next page; null on the last one.' },
    total: { type: 'integer', minimum: 0, description: 'All rows of the list; with `count=true` alone.' },
  },
  required: ['next_cursor'],
  example: { next_cursor: null },
};
