import { createHash } from 'node:crypto';
import type { Table } from './catalog.js';

/** Changes exactly when the versions that a table would fold to could change: names, key and types, no labels. */
export function catalogHash(table: Table): string {
  const shape = [table.table, table.name, table.kind, table.key, table.columns.map(({ name, type }) => [name, type])];
  return createHash('sha256').update(JSON.stringify(shape)).digest('hex');
}
