/**
 * Values of the lake in the words of the source. A verification compares texts, the lake's value printed as Postgres
 * prints it with what the source says, and shares no rule with the typing that made the value: what a fold misreads, as
 * DuckDB reads '1.5' as SMALLINT 2, prints as something else.
 */
import type { ColumnType } from '#libs/catalog';

/** An SQL expression for the text of `value`, an expression of the type; NULL for NULL. Sessions run in UTC. */
export const printedSql = (value: string, type: ColumnType): string =>
  type === 'boolean' ? `CASE ${value} WHEN true THEN 't' WHEN false THEN 'f' END` : `${value}::VARCHAR`;

/**
 * An SQL expression that is equal for two texts that mean one value of the type, in which a source may have declared the
 * column in another way: a number with other zeros, a boolean or a time kept as text. Any other text stands for itself.
 */
export function plainSql(text: string, type: ColumnType): string {
  switch (type) {
    case 'text':
    case 'date':
      return text;
    case 'boolean':
      return `CASE ${text} WHEN 'true' THEN 't' WHEN 'false' THEN 'f' ELSE ${text} END`;
    case 'timestamptz':
      return `replace(regexp_replace(${text}, '([.][0-9]*?)0+[+]00$', '\\1+00'), '.+00', '+00')`;
    default:
      return plainNumberSql(text);
  }
}

/** No zeros in front, none behind, no sign of zero. */
function plainNumberSql(text: string): string {
  const digits = `regexp_replace(${text}, '^(-?)0*([0-9]*)(?:[.]0*|([.][0-9]*[1-9])0*)?$', '\\1\\2\\3')`;
  return `CASE WHEN regexp_full_match(${text}, '-?(0+[.]?0*|[.]0+)') THEN '0' ELSE ${digits} END`;
}

/** Whether two texts mean one value: NULL is like NULL alone. Cheap where the texts are equal, as they mostly are. */
export const sameSql = (one: string, other: string, type: ColumnType): string =>
  `(${one} IS NOT DISTINCT FROM ${other} OR coalesce(${plainSql(one, type)} = ${plainSql(other, type)}, false))`;
