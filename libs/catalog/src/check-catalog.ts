import { surrogateKey, type Catalog, type Table } from './catalog.js';
import { shapeProblems } from './catalog-shape.js';
import { parameterNames } from './parameter-names.js';

/** A catalog that the engine cannot run on. `problems` are sentences that say what to change. */
export class InvalidCatalog extends Error {
  readonly code = 'invalid-catalog';
  constructor(
    readonly catalog: string,
    readonly problems: readonly string[],
  ) {
    super(`The catalog ${catalog} cannot be used:\n${problems.map((problem) => `- ${problem}`).join('\n')}`);
    this.name = 'InvalidCatalog';
  }
}

/**
 * Names that a version row, a change or the SQL of versions uses itself, and the one that no JavaScript object can have
 * as a field: assigning it would lose the value.
 */
const reserved = new Set(
  `position tx_position effective_at op key before after actor command correlation_id stray raw state texts key_texts key_hash state_hash known
   opened_tx closed_tx valid_from valid_to is_current __proto__`.split(/\s+/),
);

const parameters: readonly string[] = parameterNames;

/** Returns the catalog itself, which may come from a module without types. @throws InvalidCatalog naming every problem. */
export function checkCatalog(catalog: Catalog): Catalog {
  const misshapen = shapeProblems(catalog);
  if (misshapen.length > 0) throw new InvalidCatalog(String(catalog?.name ?? 'without a name'), misshapen);
  const problems = [
    ...repeated(catalog.tables.map((table) => table.table)).map((name) => `table ${name} is listed twice`),
    ...repeated(catalog.tables.map((table) => table.name)).map((name) => `row name ${name} is used by two tables`),
    ...catalog.tables
      .filter(({ name }) => catalog.tables.some(({ table }) => table === name))
      .map(({ name }) => `row name ${name} is a table's name as well; operations are named after both`),
    ...catalog.tables.flatMap((table) => problemsOf(table).map((problem) => `${table.table}: ${problem}`)),
  ];
  if (problems.length > 0) throw new InvalidCatalog(catalog.name, problems);
  return catalog;
}

function problemsOf(table: Table): string[] {
  const columns = table.columns.map((column) => column.name);
  const missing = table.key.filter((name) => !columns.includes(name));
  const names = [table.table, table.name, ...columns];
  return [
    ...(table.key.length === 0 ? ['it has no key; captured tables need a primary key'] : []),
    ...missing.map((name) => `key column ${name} is not among its columns`),
    ...repeated(columns).map((name) => `column ${name} is listed twice`),
    ...columns
      .filter((name) => reserved.has(name) || name === surrogateKey(table))
      .map((name) => `column name ${name} belongs to the engine; rename the column`),
    ...columns
      .filter((name) => parameters.includes(name))
      .map(
        (name) =>
          `column name ${name} is a parameter of every list, so that no filter could name the column; rename it`,
      ),
    ...columns
      .filter((name) => table.untracked?.includes(name))
      .map((name) => `column ${name} is tracked and untracked at once`),
    ...table.columns
      .filter((column) => column.nullable && table.key.includes(column.name))
      .map((column) => `key column ${column.name} cannot be nullable`),
    ...names
      .filter((name) => !/^[a-z_][a-z0-9_]{0,62}$/.test(name))
      .map((name) => `name ${JSON.stringify(name)} is no lower-case identifier of at most 63 characters`),
    ...table.columns.flatMap(({ name, type }) => numericProblem(name, type)),
  ];
}

function numericProblem(name: string, type: string): string[] {
  const numeric = /^numeric\((\d+),(\d+)\)$/.exec(type);
  if (!numeric) return [];
  const [precision, scale] = [Number(numeric[1]), Number(numeric[2])];
  const fits = precision >= 1 && precision <= 38 && scale <= precision;
  return fits ? [] : [`column ${name}: ${type} is outside numeric(1..38, 0..precision)`];
}

const repeated = (names: readonly string[]): string[] => [
  ...new Set(names.filter((name, i) => names.indexOf(name) !== i)),
];
