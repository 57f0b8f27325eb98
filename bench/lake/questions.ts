/** What versions are asked for, by the read side's own code, and the same of one sorted file. */
import type { Table } from '#libs/catalog';
import { historyListSpec, versionFields, versionListSpec } from '../../apps/query-api/src/dimensions/version-fields.js';
import { listVersions, oneVersion, versionHistory } from '../../apps/query-api/src/dimensions/version-answers.js';
import { readVersion } from '../../apps/query-api/src/dimensions/version-query.js';
import type { Reader } from '../../apps/query-api/src/follower/reader.js';

/** Of what is asked: a key, and a transaction's last position. */
export interface Asked {
  readonly key: string;
  readonly position: number;
}

export interface Question {
  readonly name: string;
  /** Times what the one file takes, or milliseconds; empty: none. */
  readonly aim: string;
  readonly runs: number;
  /** Resolves with something that must be equal for both. */
  readonly lake: (asked: Asked) => Promise<unknown>;
  /** What the one file is asked, and what of its rows must be equal. */
  readonly file: { readonly sql: (asked: Asked, file: string) => string; readonly answer: (rows: Rows) => unknown };
}

type Rows = readonly Readonly<Record<string, unknown>>[];

const page = 100;
const noRequest = { parameters: [], path: {}, token: undefined };

export function questions(reader: Reader, table: Table): Question[] {
  const key = table.key[0]!;
  const fields = versionFields(table)
    .map(({ name }) => (name === 'is_current' ? 'closed_tx IS NULL AS is_current' : `"${name}"`))
    .join(', ');
  const inForce = ({ position }: Asked) =>
    `opened_tx <= ${position} AND (closed_tx IS NULL OR closed_tx > ${position})`;
  const count = 'count(*)::INTEGER AS count';
  const groups = 'major, count(*)::INTEGER AS count, sum(gpa)::VARCHAR AS sum';
  const keysOf = (rows: Rows) => rows.map((row) => [row[key], Number(row['opened_tx'])]);
  const asOf = (select: string) => (asked: Asked) =>
    reader.read((session) =>
      session.rows(`SELECT ${select.replace('FROM', `FROM ${session.asOf(table, asked.position)}`)}`),
    );
  return [
    {
      ...{ name: 'as-of count', aim: '0.4', runs: 7 },
      lake: asOf(`${count} FROM`),
      file: { sql: (asked, file) => `SELECT ${count} FROM ${file} WHERE ${inForce(asked)}`, answer: (rows) => rows },
    },
    {
      ...{ name: 'as-of group-by', aim: '0.4', runs: 7 },
      lake: asOf(`${groups} FROM GROUP BY major ORDER BY major`),
      file: {
        sql: (asked, file) => `SELECT ${groups} FROM ${file} WHERE ${inForce(asked)} GROUP BY major ORDER BY major`,
        answer: (rows) => rows,
      },
    },
    {
      ...{ name: 'point as of', aim: '1.0', runs: 40 },
      lake: ({ key: text, position }) =>
        reader.read(async (session) => {
          const row = await readVersion(session, { position, effectiveAt: null, final: true }, table, [text]);
          return keysOf(row ? [row] : []);
        }),
      file: {
        sql: (asked, file) => `SELECT ${fields} FROM ${file} WHERE "${key}" = '${asked.key}' AND ${inForce(asked)}`,
        answer: keysOf,
      },
    },
    {
      ...{ name: 'point as of, as answered', aim: '', runs: 40 },
      lake: async ({ key: text, position }) => {
        const parameters = [['as_of', String(position)]] as const;
        const { value } = await oneVersion(reader, table, { ...noRequest, parameters, path: { [key]: text } });
        return keysOf([value]);
      },
      file: {
        sql: (asked, file) => `SELECT ${fields} FROM ${file} WHERE "${key}" = '${asked.key}' AND ${inForce(asked)}`,
        answer: keysOf,
      },
    },
    {
      ...{ name: 'history of a key', aim: '1.7', runs: 40 },
      lake: async ({ key: text }) => {
        const request = { ...noRequest, path: { [key]: text } };
        return keysOf((await versionHistory(reader, table, historyListSpec(table), request)).value.data);
      },
      file: {
        sql: (asked, file) =>
          `SELECT ${fields} FROM ${file} WHERE "${key}" = '${asked.key}' ORDER BY opened_tx DESC LIMIT ${page}`,
        answer: keysOf,
      },
    },
    {
      ...{ name: 'current by key', aim: '5 ms', runs: 100 },
      lake: async ({ key: text }) =>
        keysOf([(await oneVersion(reader, table, { ...noRequest, path: { [key]: text } })).value]),
      file: {
        sql: (asked, file) => `SELECT ${fields} FROM ${file} WHERE "${key}" = '${asked.key}' AND closed_tx IS NULL`,
        answer: keysOf,
      },
    },
    {
      ...{ name: 'page of those in force', aim: '', runs: 20 },
      lake: async () => {
        const request = { ...noRequest, parameters: [['limit', String(page)]] as const };
        return keysOf((await listVersions(reader, table, versionListSpec(table), request)).value.data);
      },
      file: {
        sql: (_, file) =>
          `SELECT ${fields} FROM ${file} WHERE closed_tx IS NULL ORDER BY "${key}", opened_tx LIMIT ${page}`,
        answer: keysOf,
      },
    },
  ];
}
