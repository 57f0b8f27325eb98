/** The transactions of the bank: kinds that differ in what they ask of the fold, each a few statements. */
import { oneOf, type Random } from './random.js';
import { count } from './worlds/world.js';

/** Keys of each of the two money tables at the start. */
export const owners = 12;

interface Picked {
  readonly amount: number;
  readonly account: string;
  readonly deposit: number;
  readonly gauge: string;
}

/** Takes what is there from one row and gives it to another, or does nothing: no money is made or lost. */
const moved = (from: string, to: string, amount: number): string =>
  `WITH paid AS (UPDATE ${from} AND balance >= ${amount} RETURNING 1)
   UPDATE ${to} AND EXISTS (SELECT FROM paid)`;

const less = (table: string, amount: number, where: string): string =>
  `${table} SET balance = ${table}.balance - ${amount} WHERE ${where}`;
const more = (table: string, amount: number, where: string): string =>
  `${table} SET balance = ${table}.balance + ${amount} WHERE ${where}`;

const save = ({ amount, account, deposit }: Picked): string =>
  moved(less('accounts', amount, `id = '${account}'`), more('deposits', amount, `number = ${deposit}`), amount);

const money: readonly ((picked: Picked) => string[])[] = [
  (picked) => [save(picked)],
  ({ amount, deposit }) => [
    moved(less('deposits', amount, `number = ${deposit}`), more('accounts', amount, `id = 'rest'`), amount),
  ],
  // a row goes, and comes back some time later
  ({ account }) => [
    `WITH gone AS (DELETE FROM accounts WHERE id = '${account}' RETURNING balance)
     UPDATE accounts SET balance = accounts.balance + gone.balance FROM gone WHERE id = 'rest'`,
  ],
  ({ amount, account }) => [
    `INSERT INTO accounts VALUES ('${account}', 'owner ${amount}', 0) ON CONFLICT DO NOTHING`,
    moved(less('accounts', amount, `id = 'rest'`), more('accounts', amount, `id = '${account}'`), amount),
  ],
  // nothing comes of these: no version for what changes nothing, or back
  ({ deposit }) => [`UPDATE deposits SET since = since WHERE number = ${deposit}`],
  ({ deposit }) =>
    ['1999-09-09', '2020-01-01'].map((day) => `UPDATE deposits SET since = '${day}' WHERE number = ${deposit}`),
  (picked) => ['SAVEPOINT before', 'UPDATE accounts SET balance = balance + 1', 'ROLLBACK TO before', save(picked)],
  // every row at once
  (picked) => [
    `UPDATE deposits SET since = CASE since WHEN '2020-01-01' THEN date '2021-12-31' ELSE '2020-01-01' END`,
    save(picked),
  ],
];

const readings = ['NaN', 'Infinity', '1.005', '12345678', '3.14', '-0.5', '7'];

/** An advisory lock: whoever holds it alone keeps tables from being truncated. */
export const truncating = 8_302_713;

const measurements: readonly ((picked: Picked, random: Random) => string[])[] = [
  () => [],
  ({ gauge }, random) => [`UPDATE gauges SET reading = '${oneOf(readings, random)}' WHERE id = '${gauge}'`],
  ({ gauge, amount }) => [`UPDATE gauges SET unit = 'm${amount % 5}' WHERE id = '${gauge}'`],
  ({ gauge }) => [
    `UPDATE gauges SET id = 'moved ' || id WHERE id = '${gauge}' AND NOT EXISTS (
     SELECT FROM gauges WHERE id = 'moved ${gauge}')`,
  ],
  ({ gauge, amount }) => [
    `DELETE FROM gauges WHERE id = '${gauge}'`,
    `INSERT INTO gauges VALUES ('${gauge}', ${amount})`,
  ],
  ({ gauge }, random) =>
    random() < 0.1
      ? [
          `SELECT pg_advisory_xact_lock_shared(${truncating})`,
          'TRUNCATE gauges',
          `INSERT INTO gauges VALUES ('${gauge}', 1)`,
        ]
      : [],
];

/**
 * In the order gauges, counter, money, in which everybody locks: transactions overlap, none waits for ever, and the counter
 * rises in the order of the commits.
 */
export function statementsOf(random: Random): string[] {
  const number = () => 1 + Math.floor(random() * owners);
  const picked = { amount: number() * 37, account: `A${number()}`, deposit: number(), gauge: `G${number() % 6}` };
  return [...oneOf(measurements, random)(picked, random), count, ...oneOf(money, random)(picked)];
}
