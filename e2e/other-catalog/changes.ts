/** Transactions of the estate: each a name and its statements. */
export type Change = readonly [name: string, ...statements: string[]];

const strange = `'Süd/"Ost" 💥%2F+?#&'`;
const large = (seed: string) => `(SELECT string_agg(md5('${seed}' || i), '') FROM generate_series(1, 2500) AS i)`;

/** Before anybody looks. */
export const found = `
  INSERT INTO buildings (campus, number, name, height, worth, opened, surveyed, listed, steps, "order") VALUES
    ('North', 1, 'Library', 12.5, 1000000.5, '1901-05-04', '2026-03-01 08:00:00.5+00', true, 40, 1),
    ('North', 2, 'Mill', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('North', 3, 'Tower', 'NaN', 3, '1850-01-01', NULL, false, 400, 3),
    ('South', 1, 'Barn', 3.10, 0, '0001-01-01', '0001-01-01 00:00:00+00', false, -9223372036854775808, -32768);
  INSERT INTO occupancies VALUES
    ('2026-01-01 00:00+00', 'Acme', 'North', 1, 1200), ('2026-01-01 00:00:00.000001+00', 'Acme', 'North', 1, NULL);
  INSERT INTO wardens VALUES ('North', 1, 'Ada', false), ('North', 1, 'Ada', true);`;

export const first: readonly Change[] = [
  ['one row', `INSERT INTO buildings VALUES ('North', 4, 'Shed', 2, 10, '2000-02-29', now(), true, 1, 1)`],
  [
    'many rows by one statement',
    `INSERT INTO buildings (campus, number, name, height, worth, opened, surveyed, steps) VALUES
       (${strange}, -7, 'a "name"', 1.25, -9999999999999999.9999, '9999-12-31', '9999-12-31 23:59:59.999999+00', 9223372036854775807),
       (E'back\\\\slash\\nand ''quotes''', 1, E'tab\\t', -9999.99, 0.0001, '1969-12-31', '1969-12-31 23:59:59.999999+00', 0),
       ('history', 2147483647, '', 0, 0, NULL, NULL, NULL), (' ', 0, ' ', 0.1, 1, NULL, NULL, NULL),
       ('ＡﬀÅ', -2147483648, 'NULL', 9999.99, NULL, NULL, NULL, NULL)`,
    `INSERT INTO occupancies VALUES ('2026-02-03 04:05:06.789+02', 'A/B "C"', ${strange}, -7, 0.01), (now(), '', ' ', 0, 9999999999.99)`,
    `INSERT INTO wardens VALUES (${strange}, -7, '', true), ('history', 2147483647, 'history', false)`,
  ],
  ['many rows updated by one statement', `UPDATE buildings SET height = height + 0.25 WHERE campus = 'North'`],
  ['everything set to what it was', `UPDATE buildings SET name = name`, `UPDATE occupancies SET rent = rent`],
  ['a column without versions', `UPDATE buildings SET remark = 'seen'`],
  ['values written differently', `UPDATE buildings SET height = 3.1000 WHERE campus = 'South'`],
  ['a large value', `INSERT INTO buildings (campus, number, name, plans) VALUES ('Large', 1, 'Hall', ${large('a')})`],
  ['beside a large value', `UPDATE buildings SET name = 'Great Hall' WHERE campus = 'Large'`],
];

/** With a savepoint in it. */
export const partly: Change = [
  'partly rolled back',
  `INSERT INTO buildings (campus, number, name) VALUES ('Saved', 1, 'kept')`,
  `SAVEPOINT here`,
  `INSERT INTO buildings (campus, number, name) VALUES ('Saved', 2, 'lost')`,
  `UPDATE buildings SET name = 'lost' WHERE campus = 'North'`,
  `DELETE FROM buildings WHERE campus = 'South'`,
  `ROLLBACK TO here`,
  `UPDATE buildings SET worth = 7 WHERE campus = 'South'`,
];

export const undone: readonly string[] = [
  `UPDATE buildings SET name = 'never'`,
  `TRUNCATE wardens`,
  `INSERT INTO meter_readings VALUES (99)`,
];

export const keys: readonly Change[] = [
  ['keys changed, with all that refers to them', `UPDATE buildings SET number = number + 100 WHERE campus = 'North'`],
  [
    'keys swapped',
    `UPDATE buildings SET number = 0 WHERE campus = 'North' AND number = 101`,
    `UPDATE buildings SET number = 101 WHERE campus = 'North' AND number = 102`,
    `UPDATE buildings SET number = 102 WHERE campus = 'North' AND number = 0`,
  ],
];

export const states: readonly Change[] = [
  ['there', `UPDATE buildings SET listed = NOT listed`],
  ['there and back', `UPDATE buildings SET listed = NOT listed`, `UPDATE buildings SET listed = NOT listed`],
  [
    'inserted and deleted',
    `INSERT INTO buildings (campus, number, name) VALUES ('Never', 1, 'seen')`,
    `DELETE FROM buildings WHERE campus = 'Never'`,
  ],
  [
    'inserted to be deleted',
    `INSERT INTO buildings (campus, number, name) VALUES ('Again', 1, 'one'), ('Again', 2, 'two')`,
  ],
  [
    'deleted and inserted again, the same and another',
    `DELETE FROM buildings WHERE campus = 'Again'`,
    `INSERT INTO buildings (campus, number, name) VALUES ('Again', 1, 'one'), ('Again', 2, 'another')`,
  ],
  ['deleted', `DELETE FROM buildings WHERE (campus, number) IN (('North', 102), ('Again', 1))`],
  ['inserted after a gap', `INSERT INTO buildings (campus, number, name) VALUES ('Again', 1, 'one')`],
  ['a large value replaced', `UPDATE buildings SET plans = ${large('b')} WHERE campus = 'Large'`],
  ['a large value taken away', `UPDATE buildings SET plans = NULL WHERE campus = 'Large'`],
];

export const untypable: readonly Change[] = [
  ['no number', `UPDATE buildings SET height = 'NaN' WHERE campus IN ('South', 'Again')`],
  ['still no number', `UPDATE buildings SET height = 'NaN' WHERE campus = 'South'`],
  ['no number and another name', `UPDATE buildings SET name = 'unknown' WHERE campus = 'South'`],
  [
    'values beyond their types',
    `UPDATE buildings SET opened = 'infinity' WHERE campus = 'history'`,
    `UPDATE buildings SET opened = '0044-03-15 BC' WHERE campus = ' '`,
    `UPDATE buildings SET surveyed = '-infinity' WHERE campus = 'ＡﬀÅ'`,
    `UPDATE buildings SET height = 3.456 WHERE campus = 'Large'`,
    `UPDATE buildings SET height = 10000 WHERE campus = 'Saved'`,
    `INSERT INTO occupancies VALUES ('infinity', 'Acme', 'South', 1, 1), ('-infinity', 'Acme', 'South', 1, 1)`,
  ],
  ['typed again', `UPDATE buildings SET height = 4 WHERE campus IN ('South', 'Large')`],
  ['an unknown row deleted', `DELETE FROM buildings WHERE campus = ' '`],
  [
    'unknown in between',
    `UPDATE buildings SET height = 'NaN' WHERE campus = 'Large'`,
    `UPDATE buildings SET height = 4 WHERE campus = 'Large'`,
  ],
];

export const truncates: readonly Change[] = [
  [
    'truncated and filled again',
    `CREATE TEMP TABLE kept AS SELECT * FROM buildings`,
    `CREATE TEMP TABLE rented AS SELECT * FROM occupancies`,
    `TRUNCATE buildings, occupancies, wardens`,
    `INSERT INTO buildings SELECT * FROM kept WHERE campus <> 'Saved'`,
    `INSERT INTO occupancies SELECT * FROM rented WHERE isfinite(since)`,
    `UPDATE buildings SET name = 'after the flood' WHERE campus = 'South'`,
  ],
  ['truncated', `TRUNCATE occupancies`],
  [
    'filled after it was empty',
    `INSERT INTO occupancies SELECT * FROM rented`,
    `INSERT INTO wardens SELECT campus, number, 'Grace', true FROM buildings`,
  ],
  ['nothing captured', `INSERT INTO meter_readings VALUES (1)`],
  ['nothing at all'],
  [
    'a column that the catalog does not know',
    `ALTER TABLE buildings ADD architect text DEFAULT 'unknown'`,
    `UPDATE buildings SET architect = 'Wren' WHERE campus = 'South'`,
  ],
  [
    'beside a column that the catalog does not know',
    `UPDATE buildings SET "order" = 5, architect = 'Hooke' WHERE campus = 'South'`,
  ],
];

export const bulk = {
  inserted: [
    '20 000 rows',
    `INSERT INTO buildings (campus, number, name, height) SELECT 'Bulk', i, 'number ' || i, i % 100 FROM generate_series(1, 20000) AS i`,
  ],
  updated: ['10 000 rows', `UPDATE buildings SET height = height + 0.5 WHERE campus = 'Bulk' AND number % 2 = 0`],
  deleted: ['most of them', `DELETE FROM buildings WHERE campus = 'Bulk' AND number > 3000`],
} as const satisfies Record<string, Change>;

export const interleaved = [
  `INSERT INTO buildings (campus, number, name) VALUES ('Race', 1, 'first'); UPDATE buildings SET name = 'won' WHERE campus = 'South'`,
  `INSERT INTO buildings (campus, number, name) VALUES ('Race', 2, 'second')`,
] as const;

export const last: readonly Change[] = [
  ['one more', `UPDATE buildings SET worth = 1 WHERE campus = 'North'`],
  ['the very last', `DELETE FROM wardens WHERE campus = 'North'`, `UPDATE occupancies SET rent = 5`],
];
