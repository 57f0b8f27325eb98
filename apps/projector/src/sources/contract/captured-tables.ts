import type { Catalog, Column } from '#libs/catalog';

const column = (name: string, type: Column['type'], nullable = false): Column => ({
  name,
  type,
  nullable,
  label: name,
  description: name,
});

/** A catalog of no product: a single key, a composite key, and events. */
export const campus: Catalog = {
  name: 'campus',
  tables: [
    {
      table: 'buildings',
      name: 'building',
      kind: 'dimension',
      key: ['id'],
      columns: [column('id', 'integer'), column('name', 'text'), column('plan', 'text', true)],
      label: 'Buildings',
      description: 'Buildings',
    },
    {
      table: 'rooms',
      name: 'room',
      kind: 'relationship',
      key: ['building', 'number'],
      columns: [column('building', 'text'), column('number', 'integer'), column('seats', 'smallint', true)],
      label: 'Rooms',
      description: 'Rooms',
    },
  ],
  events: { table: 'happenings', key: ['stream_id', 'version'] },
};

/** Its tables; in the publication there is one that the catalog does not list, and beside it one that is in neither. */
export const campusTables = (publication: string): string => `
  CREATE TABLE buildings (id int PRIMARY KEY, name text NOT NULL, plan text);
  CREATE TABLE rooms (number int, building text, seats smallint, PRIMARY KEY (number, building));
  CREATE TABLE happenings (stream_id text, version int, data text, PRIMARY KEY (stream_id, version));
  CREATE TABLE unlisted (id int PRIMARY KEY, note text);
  CREATE TABLE unpublished (id int PRIMARY KEY, note text);
  ALTER TABLE buildings ALTER plan SET STORAGE EXTERNAL, REPLICA IDENTITY FULL;
  ALTER TABLE rooms REPLICA IDENTITY FULL;
  CREATE PUBLICATION ${publication} FOR TABLE buildings, rooms, happenings, unlisted;
`;
