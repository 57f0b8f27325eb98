/**
 * The one rule that makes every version, as one SQL fragment: visible before ∪ changes → steps.
 *
 * Each change is read under its typed key. The last change of a key in a transaction is its state after it; a truncate is
 * a change of every key that has a state. Per key, the states in order, the visible one first, are compared with the one
 * before: equal means nothing happened. What is left closes its predecessor and, unless absent, opens. Fold and refresh
 * run the same text on different relations, which is why a fold changes no answer.
 */
import { keyColumns, stateColumns, type Table } from '#libs/catalog';
import { lacksColumnSql, type ColumnsSince } from './seen-columns.js';
import { identifier, literal, typedSql } from './typing.js';
import { list, packed, stateList, statesOfVersions } from './version.js';

export interface BatchSource {
  /** Whole transactions of one table: position, tx_position, effective_at, op, key, after, actor, command. */
  readonly changes: string;
  /** Also of the columns that the changes bring. */
  readonly since: ColumnsSince;
  /** Whether `changes` went through `keysOfText` already. */
  readonly keyed?: boolean;
  /** Version rows that were open in the files. */
  readonly open: string;
  /** States that are no version rows of `open`: the open quarantine and, in a reader, its tail. */
  readonly rest: string;
  /** The positions in `open` and `rest` that are not visible any more (column position). */
  readonly closing?: string;
  /** Whether the changes hold a truncate: only then are the untouched keys read as well. */
  readonly truncated: boolean;
}

/**
 * A query for the states that the changes touch: every visible one (`known`; `closed_tx` and `valid_to` set if they closed
 * it) and every new version or quarantine interval (not `known`).
 *
 * Each window has its order: of two without one, above each other, DuckDB 1.5.5 gives 2048 rows twice where 51 200 to
 * 53 248 go through them (docs/adr/0012).
 */
export function stepsSql(table: Table, source: BatchSource): string {
  const identity = `${list(keyColumns(table))}, stray`;
  const order = `(PARTITION BY ${identity} ORDER BY opened_tx)`;
  return `WITH ${keyedSql(table, source)},
${beforeSql(table, source)},
${appliedSql(table, source)},
${statesSql(table, source)},
scd2_timeline AS (
  SELECT ${stateList(table)}, true AS known FROM scd2_before
  UNION ALL SELECT ${stateList(table)}, false FROM scd2_states),
scd2_changed AS (  -- its own level: a window must not see the no-ops that QUALIFY drops
  SELECT * FROM scd2_timeline QUALIFY state IS DISTINCT FROM lag(state) OVER ${order})
SELECT ${stateList(table)}, known, lead(opened_tx) OVER ${order} AS closed_tx, lead(valid_from) OVER ${order} AS valid_to
FROM scd2_changed QUALIFY state IS NOT NULL`;
}

/** Typed keys of the key's JSON text, and `stray`: a key that does not type stands for itself and makes no version. */
export function keysOfText(table: Table, relation: string): string {
  const keys = keyColumns(table);
  const typed = keys.map(({ name, type }, i) => `${typedSql(`key_texts[${i + 1}]`, type)} AS ${identifier(name)}`);
  const untypable = keys.map(({ name }) => `${identifier(name)} IS NULL`).join(' OR ');
  return `SELECT *, CASE WHEN ${untypable} THEN key END AS stray
  FROM (SELECT * EXCLUDE (key_texts), ${typed.join(', ')}
        FROM (SELECT *, ${keyTextsSql(table)} AS key_texts FROM ${relation}))`;
}

function keyedSql(table: Table, { changes, keyed }: BatchSource): string {
  const rows = `(SELECT * FROM scd2_changes WHERE op <> 't')`;
  const keys = keyed ? `, ${list(keyColumns(table))}, stray` : '';
  return `scd2_changes AS (SELECT position, tx_position, effective_at, op, key, after, actor, command${keys} FROM ${changes}),
scd2_keyed AS (${keyed ? `SELECT * FROM ${rows}` : keysOfText(table, rows)}),
scd2_touched AS (SELECT DISTINCT ${list(keyColumns(table))}, stray FROM scd2_keyed)`;
}

/** What is visible before the changes. Rows of files always have typed keys; in `rest` a key may be stray, hence NULL. */
function beforeSql(table: Table, { open, rest, closing, truncated }: BatchSource): string {
  const same = [...table.key, 'stray'].map(identifier).map((name) => `r.${name} IS NOT DISTINCT FROM t.${name}`);
  const ofOpen = truncated ? '' : ` SEMI JOIN scd2_touched USING (${list(keyColumns(table))})`;
  const ofRest = truncated ? '' : ` SEMI JOIN scd2_touched AS t ON ${same.join(' AND ')}`;
  return `scd2_before AS (
  SELECT * FROM (
    ${statesOfVersions(table, open)}${ofOpen}
    UNION ALL SELECT ${stateList(table, 'r.')} FROM ${rest} AS r${ofRest})${
      closing ? `\n  ANTI JOIN ${closing} USING (position)` : ''
    })`;
}

/** A truncate applies to every key that has a state; the first one after each state is enough, so that the work is linear. */
function appliedSql(table: Table, { truncated }: BatchSource): string {
  const keys = keyColumns(table);
  const fields = `position, tx_position, effective_at, op, key, after, actor, command, ${list(keys)}, stray`;
  const states = `SELECT position, key, ${list(keys)}, stray FROM scd2_keyed
        UNION ALL SELECT position, NULL, ${list(keys)}, stray FROM scd2_before`;
  const truncates = `
  UNION ALL
  SELECT DISTINCT t.position, t.tx_position, t.effective_at, t.op, e.key, NULL, t.actor, t.command, ${list(keys, 'e.')}, e.stray
  FROM (${states}) AS e
  ASOF JOIN (SELECT * FROM scd2_changes WHERE op = 't') AS t ON e.position < t.position`;
  return `scd2_applied AS (
  SELECT ${fields} FROM scd2_keyed${truncated ? truncates : ''}),
scd2_last AS (  -- packed, because arg_max skips a NULL: a delete would lose to the row before it
  SELECT ${list(keys)}, stray, tx_position, any_value(effective_at) AS effective_at, max(position) AS position,
         unnest(arg_max(struct_pack(op := op, key := key, after := after, actor := actor, command := command), position))
  FROM scd2_applied GROUP BY ${list(keys)}, stray, tx_position)`;
}

/** The list of the key's texts in the column `key`. */
const keyTextsSql = ({ key }: Table): string =>
  `json_extract_string(key, [${key.map((_, i) => `'$[${i}]'`).join(', ')}])`;

/** A struct of the state's texts in the column `after`; NULL where `after` is. One look at the text for all of them. */
function stateTextsSql(table: Table): string {
  const texts = Object.fromEntries(stateColumns(table).map(({ name }) => [name, 'VARCHAR']));
  return stateColumns(table).length > 0 ? `json_transform(after, ${literal(JSON.stringify(texts))})` : 'NULL';
}

/**
 * The states after the last changes: absent after a delete or a truncate; unknown, with the texts of the tracked columns,
 * where something does not type, or a change misses its row or a column, which is no NULL.
 */
function statesSql(table: Table, { since }: BatchSource): string {
  const columns = stateColumns(table).map((column) => ({ ...column, text: `scd2_texts.${identifier(column.name)}` }));
  const typed = columns.map(({ name, type, text }) => `, ${typedSql(text, type)} AS ${identifier(name)}`).join('');
  const untyped = columns
    .filter(({ type }) => type !== 'text')
    .map(({ name, text }) => `(${identifier(name)} IS NULL AND ${text} IS NOT NULL)`);
  const lacked = columns.map(({ name, text }) => lacksColumnSql(name, text, since)).filter((sql) => sql !== null);
  const lost = [...untyped, ...lacked].map((sql) => ` OR ${sql}`).join('');
  const texts = columns.map(({ name, text }) => `${identifier(name)} := ${text}`).join(', ');
  const raw = texts ? `to_json(struct_pack(${texts}))::VARCHAR` : `'{}'`;
  return `scd2_states AS (
  SELECT ${list(keyColumns(table))}, stray, key, position, tx_position AS opened_tx, effective_at AS valid_from, actor, command,
         CASE WHEN op IN ('d', 't') THEN NULL
              WHEN stray IS NOT NULL OR after IS NULL${lost} THEN ${packed(table, raw, () => 'NULL')}
              ELSE ${packed(table, 'NULL', ({ name }) => identifier(name))} END AS state
  FROM (SELECT *${typed} FROM (SELECT *, ${stateTextsSql(table)} AS scd2_texts FROM scd2_last)))`;
}
