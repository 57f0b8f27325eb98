/** The product's own catalog, beside a table that makes it as rich in kinds as the others. */
import type { Table } from '#libs/catalog';
import { university } from '#libs/university';
import { madeUp, type MadeUpTable } from './made-up.js';
import { loans } from './museum.js';
import { counters, lakeNames, type World } from './world.js';

const strings = ['4F1A09C3BE', 'A/B', 'ÄÖ"💥', '', `o'x\n`];

/** What is not tracked becomes so in the other catalog. Of keys that are numbers or days there are none. */
const ofProduct = (table: Table): MadeUpTable => ({
  table,
  keys: strings.map((text) => table.key.map(() => text)),
  more: table.untracked ?? [],
});

export const students: World = madeUp({
  ...{ name: 'university', early: university.tables.map(ofProduct), late: [loans] },
  events: university.events!.table,
  kinds: lakeNames(counters, loans.table, university.tables[0]!),
});
