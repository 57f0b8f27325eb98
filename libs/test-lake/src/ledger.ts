import { checkCatalog, type Catalog, type Column, type Table } from '#libs/catalog';

const text = { label: 'x', description: 'x' };
const id: Column = { name: 'id', type: 'text', ...text };

const accounts: Table = {
  ...{ table: 'accounts', name: 'account', kind: 'dimension', key: ['id'], ...text },
  columns: [id, { name: 'balance', type: 'integer', nullable: true, ...text }],
};

const notes: Table = {
  ...{ table: 'notes', name: 'note', kind: 'dimension', key: ['id'], ...text },
  columns: [id, { name: 'body', type: 'text', nullable: true, ...text }],
};

/** A catalog for tests: accounts with a balance, notes with a body, and events that say who changed them. */
export const ledger: Catalog = checkCatalog({
  name: 'ledger',
  tables: [accounts, notes],
  events: { table: 'domain_events', key: ['stream_id', 'version'] },
});
