/** What a catalog is, checked by value: a module that is loaded at the start has no types. */
import { z } from 'zod';
import type { Catalog, ColumnType } from './catalog.js';

const plainTypes = ['text', 'boolean', 'smallint', 'integer', 'bigint', 'date', 'timestamptz'];

const isColumnType = (type: unknown): type is ColumnType =>
  typeof type === 'string' && (plainTypes.includes(type) || /^numeric\(\d{1,4},\d{1,4}\)$/.test(type));

const text = z.string({ error: 'a text' });
const flag = z.boolean({ error: 'true or false' }).optional();
const names = z.array(text, { error: 'a list of names' });

const column = z.object(
  {
    name: text,
    type: z.custom<ColumnType>(isColumnType, { error: `one of ${plainTypes.join(', ')}, numeric(precision,scale)` }),
    nullable: flag,
    label: text,
    description: text,
    pii: flag,
    example: z.union([z.string(), z.number(), z.boolean()], { error: 'a text, a number or a boolean' }).optional(),
  },
  { error: 'a column' },
);

const table = z.object(
  {
    table: text,
    name: text,
    kind: z.enum(['dimension', 'relationship'], { error: 'dimension or relationship' }),
    key: names,
    columns: z.array(column, { error: 'a list of columns' }),
    untracked: names.optional(),
    label: text,
    description: text,
  },
  { error: 'a table' },
);

const events = z.object({ table: text, key: names }, { error: 'a table of events' });

const catalogShape: z.ZodType<unknown, Catalog> = z.object(
  {
    name: text,
    tables: z.array(table, { error: 'a list of tables' }).min(1, { error: 'at least one table' }),
    events: events.optional(),
  },
  { error: 'an object with name and tables' },
);

/** A sentence for each place where `value` is no `Catalog`. */
export function shapeProblems(value: unknown): string[] {
  const { error } = catalogShape.safeParse(value);
  return (error?.issues ?? []).map(({ path, message }) => {
    const place = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
    return `${place.slice(1) || 'the catalog'} is ${shown(at(value, path))}; wanted is ${message}`;
  });
}

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((whole, step) => (whole as Record<PropertyKey, unknown>)[step], value);

const shown = (value: unknown): string =>
  value === undefined ? 'missing' : (JSON.stringify(value) ?? typeof value).slice(0, 80);
