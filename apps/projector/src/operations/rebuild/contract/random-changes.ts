/** Histories of any catalog's tables from a seed: texts as Postgres prints them, odd ones among them. */
import type { Column, ColumnType, Table } from '#libs/catalog';
import { truncated, type ChangeOf } from '#libs/test-lake';

export type Random = (below: number) => number;

/** Equal seeds give equal numbers. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Per type: texts that it holds, two of which make keys, and texts that Postgres may print and it does not hold. */
const texts: Readonly<Record<string, { typable: readonly string[]; odd: readonly string[] }>> = {
  text: { typable: ['a', 'b', '', 'ü"\\\u0001', "o'clock"], odd: [] },
  boolean: { typable: ['t', 'f'], odd: [] },
  smallint: { typable: ['0', '-32768', '32767'], odd: ['40000'] },
  integer: { typable: ['1', '2', '-2147483648'], odd: ['1.5'] },
  bigint: { typable: ['9223372036854775807', '-1'], odd: ['9223372036854775808'] },
  date: { typable: ['2024-02-29', '0001-01-01', '9999-12-31'], odd: ['infinity', '0044-03-15 BC'] },
  timestamptz: { typable: ['2024-02-29 23:59:59.999999+00', '0001-01-01 00:00:00+00'], odd: ['-infinity'] },
  numeric: { typable: ['1.50', '-9.99', '0'], odd: ['NaN', 'Infinity'] },
};

const textsOf = (type: ColumnType) => texts[type.startsWith('numeric') ? 'numeric' : type]!;

const anyOf = <Value>(values: readonly Value[], random: Random): Value => values[random(values.length)]!;

/** Keys are few, so that rows change, go and return; each is typable, since Postgres' own keys are. */
const keyText = ({ type }: Column, random: Random): string => textsOf(type).typable[random(2)]!;

function stateText({ type }: Column, random: Random): string | null {
  const { typable, odd } = textsOf(type);
  const chance = random(30);
  if (chance === 0) return odd.length > 0 ? anyOf(odd, random) : null;
  return chance < 6 ? null : anyOf(typable, random);
}

function changeOf(table: Table, random: Random): ChangeOf {
  const row = Object.fromEntries(
    table.columns.map((column) => [
      column.name,
      (table.key.includes(column.name) ? keyText : stateText)(column, random),
    ]),
  );
  const key = JSON.stringify(table.key.map((name) => row[name]));
  const about = { table: table.table, key };
  return random(5) === 0 ? { ...about, op: 'd' } : { ...about, op: anyOf(['c', 'u'] as const, random), after: row };
}

/** Transactions of one to twelve changes of any of the tables; one in twenty truncates a table among them. */
export function randomTransactions(tables: readonly Table[], count: number, random: Random): ChangeOf[][] {
  return Array.from({ length: count }, () => {
    const changes = Array.from({ length: 1 + random(12) }, () => changeOf(anyOf(tables, random), random));
    return random(20) === 0 ? [...changes, truncated(anyOf(tables, random).table), ...changes.slice(0, 2)] : changes;
  });
}
