/** Every Postgres type through both adapters, from the snapshot and from the log. */
import { expect } from '@jest/globals';
import type { Catalog } from '#libs/catalog';
import { connectorConfig, type KafkaStack } from '#libs/test-kafka';
import { emptyDatabase } from '#libs/test-postgres';
import pg from 'pg';
import { specimens, specimenTypes, streamedSpecimens, untoldTypes } from './every-type.js';
import { RecordingReceiver } from './recording-receiver.js';
import { PostgresSlotSource } from '../postgres-slot.js';
import { KafkaTopicSource } from '../kafka/kafka-topic.js';

const catalog: Catalog = {
  name: 'museum',
  tables: ['specimens', 'large'].map((table) => ({
    ...{ table, name: table, kind: 'dimension', key: ['id'], columns: [], label: table, description: table },
  })),
};

/** More than a page, so that it is stored beside the row, and an update that leaves it as it was does not log it. */
const large = `
  CREATE TABLE large (id int PRIMARY KEY, n int, a text, b text[], c int[], d bigint[], e jsonb, f bytea, g hstore, h numeric,
    i int4multirange, j date[], k uuid[], l xml, m pair[], o json[], p float8[], q bool[], r citext, s bytea[]);
  ALTER TABLE large REPLICA IDENTITY FULL;
  DO $$ DECLARE c text; BEGIN
    FOR c IN SELECT attname FROM pg_attribute WHERE attrelid = 'large'::regclass AND attnum > 2 AND attstorage <> 'p' LOOP
      EXECUTE format('ALTER TABLE large ALTER %I SET STORAGE EXTERNAL', c); END LOOP; END $$;
`;
const many = (element: string) => `(SELECT array_agg(${element}) FROM generate_series(1, 1500) AS i)`;
const insertLarge = `INSERT INTO large VALUES (1, 1, repeat('ü', 5000), ${many('i::text')}, ${many('i')}, ${many('i::bigint')},
  to_jsonb(${many('i')}), decode(repeat('00ff', 3000), 'hex'), hstore('a', repeat('b', 5000)), repeat('7', 20000)::numeric,
  (SELECT range_agg(int4range(i, i + 1)) FROM generate_series(2, 3000, 2) AS i), ${many(`date '2024-01-01' + i`)},
  ${many('gen_random_uuid()')}, ('<a>' || repeat('x', 5000) || '</a>')::xml, ${many(`ROW(i, 'x')::pair`)},
  ${many('to_json(i)')}, ${many('i / 7.0::float8')}, ${many('i % 2 = 0')}, repeat('C', 5000), ${many(`decode('00ff', 'hex')`)})`;

type Values = typeof specimens;

/** Row by row: of each type the next of its values. */
function inserts(columns: readonly string[], values: Values, from: number): string[] {
  const count = Math.max(...values.map(({ length }) => length - 1));
  return Array.from({ length: count }, (_, row) => {
    const given = values.flatMap(([type, ...literals], i) =>
      literals[row] === undefined ? [] : [[columns[i]!, `${pg.escapeLiteral(literals[row])}::${type}`] as const],
    );
    const names = given.map(([name]) => name).join(', ');
    return `INSERT INTO specimens (id, ${names}) VALUES (${from + row}, ${given.map(([, value]) => value).join(', ')})`;
  });
}

export class Museum {
  private constructor(
    readonly client: pg.Client,
    private readonly names: { readonly url: string; readonly name: string },
    private readonly stack: KafkaStack,
    private readonly drop: () => Promise<void>,
  ) {}

  static async open(stack: KafkaStack): Promise<Museum> {
    const { url, name, close } = await emptyDatabase();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const columns = specimens.map(([type], i) => `c${i} ${type}`).join(', ');
    await client.query(`${specimenTypes}; CREATE TABLE specimens (id int PRIMARY KEY, ${columns}); ${large}
      ALTER TABLE specimens REPLICA IDENTITY FULL; CREATE PUBLICATION ${name} FOR TABLE specimens, large`);
    return new Museum(client, { url, name }, stack, close);
  }

  /** A slot and a topic, both past their snapshots. */
  async both() {
    const { url, name } = this.names;
    const connector = this.stack.connector(name);
    await connector.apply(connectorConfig(url, name, ['specimens', 'large'], `${name}_kafka`));
    const topic = { brokers: [this.stack.broker.address], topic: name, group: name, catalog, connector };
    const slot = { databaseUrl: url, slot: name, publication: name, catalog, probeInterval: 50 };
    const sources = { slot: new PostgresSlotSource(slot), topic: new KafkaTopicSource(topic) };
    const receivers = { slot: new RecordingReceiver(), topic: new RecordingReceiver() };
    await Promise.all([sources.slot.start(null, receivers.slot), sources.topic.start(null, receivers.topic)]);
    const stop = async () => {
      await Promise.all([sources.slot.stop(), sources.topic.stop()]);
      await connector.remove();
    };
    return { ...receivers, stop };
  }

  async run(statements: readonly string[]): Promise<number> {
    for (const statement of statements) await this.client.query(statement);
    return statements.length;
  }

  async close(): Promise<void> {
    await this.client.end();
    await this.drop();
  }
}

/** Each value by its type, so that a difference names it. */
function named(row: Readonly<Record<string, string | null>> | undefined): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(row ?? {}).map(([column, text]) => [specimens[Number(column.slice(1))]?.[0] ?? column, text]),
  );
}

const rowsOf = ({ transactions }: RecordingReceiver) =>
  transactions.map(({ changes }) =>
    changes.map(({ table, op, key, before, after }) => ({
      table,
      op,
      key,
      before: named(before),
      after: named(after),
    })),
  );

export async function tellEveryType(museum: Museum): Promise<void> {
  const columns = specimens.map((_, i) => `c${i}`);
  const snapshotted = await museum.run([...inserts(columns, specimens, 0), insertLarge]);
  const ways = await museum.both();
  try {
    const dates = [columns[specimens.findIndex(([type]) => type === 'date')]!];
    const streamed = await museum.run([
      ...inserts(columns, specimens, 1000),
      ...inserts(dates, streamedSpecimens, 2000),
      'UPDATE specimens SET id = id + 5000 WHERE id >= 1000',
      'UPDATE large SET n = 2',
      'UPDATE large SET id = 2',
      'DELETE FROM large',
      'DELETE FROM specimens WHERE id >= 1000',
    ]);
    await Promise.all([ways.slot.first(1 + streamed), ways.topic.first(1 + streamed)]);
    const expected = rowsOf(ways.slot);
    expect(expected[0]).toHaveLength(snapshotted + 2);
    expect(rowsOf(ways.topic)).toEqual(expected);
    const columnsAdded = untoldTypes.map((type, i) => `ADD u${i} ${type}`).join(', ');
    await museum.run([`ALTER TABLE specimens ${columnsAdded}`]);
    const { message } = await ways.topic.failure();
    for (const i of untoldTypes.keys()) expect(message).toContain(`specimens.u${i} (`);
  } finally {
    await ways.stop();
  }
}
