/**
 * The lake's tables are as the catalog entry in their metadata says, which a projector of another build may have put
 * there. Answers have the columns of this build's entry, where the two can be reconciled.
 */
import { catalogHash, keyColumns, surrogateKey, type Table } from '#libs/catalog';
import { duckdbType, identifier } from '#libs/scd2';
import { LakeUnavailable } from './lake-unavailable.js';

/** This build cannot answer from the lake's versions of a table. */
export class CatalogDrift extends LakeUnavailable {
  override readonly code = 'catalog-drift';
  constructor(
    readonly table: string,
    readonly difference: string,
  ) {
    super(
      `catalog-drift: ${table} cannot be answered: ${difference}. Deploy the projector and the query API of one catalog; the projector then rebuilds the table.`,
    );
  }
}

/** How the lake's entry of a table differs from this build's; `answerable`: all the same, its versions can be shown. */
export interface Drift {
  readonly difference: string;
  readonly answerable: boolean;
}

/** null where nothing differs that versions are made of. `lake` null: the lake has no such table yet. */
export function driftOf(table: Table, lake: Table | null): Drift | null {
  if (!lake) return { difference: 'the lake has no versions of it yet', answerable: false };
  if (catalogHash(table) === catalogHash(lake)) return null;
  const clash = keyClash(table, lake) ?? typeClash(table, lake);
  if (clash) return { difference: clash, answerable: false };
  const missing = namesBeside(table, lake).map((name) => `the lake does not have ${name} yet, it reads null`);
  const unknown = namesBeside(lake, table).map((name) => `the lake has ${name}, which is not shown`);
  const renamed = table.name === lake.name ? [] : [`in the lake it is called ${lake.name}`];
  return {
    difference: [...missing, ...unknown, ...renamed].join('; ') || 'the columns have another order',
    answerable: true,
  };
}

const namesBeside = (table: Table, other: Table): string[] =>
  table.columns.map(({ name }) => name).filter((name) => !other.columns.some((column) => column.name === name));

function keyClash(table: Table, lake: Table): string | null {
  const [wanted, got] = [table, lake].map((of) =>
    keyColumns(of)
      .map(({ name, type }) => `${name} ${type}`)
      .join(', '),
  );
  return wanted === got ? null : `its key is (${wanted}) here and (${got}) in the lake`;
}

function typeClash(table: Table, lake: Table): string | null {
  for (const { name, type } of table.columns) {
    const column = lake.columns.find((one) => one.name === name);
    if (column && column.type !== type) return `${name} is ${type} here and ${column.type} in the lake`;
  }
  return null;
}

/** A relation of the lake's version columns and `is_current`, as this build's. @throws CatalogDrift */
export function asAnswered(table: Table, lake: Table | null, relation: (lake: Table) => string): string {
  const drift = driftOf(table, lake);
  if (drift && !drift.answerable) throw new CatalogDrift(table.table, drift.difference);
  if (!drift) return `(${relation(table)})`;
  const has = new Set(lake!.columns.map(({ name }) => name));
  const columns = table.columns.map(({ name, type }) =>
    has.has(name) ? identifier(name) : `NULL::${duckdbType(type)} AS ${identifier(name)}`,
  );
  const key = `${identifier(surrogateKey(lake!))} AS ${identifier(surrogateKey(table))}`;
  const interval = 'valid_from, valid_to, opened_tx, closed_tx, actor, command, is_current';
  return `(SELECT ${[key, ...columns].join(', ')}, ${interval} FROM (${relation(lake!)}))`;
}
