import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { choice, serviceVariables, url, wholeNumber } from '#libs/service';

export const variables = serviceVariables(8603, {
  /** `postgres`: straight from a replication slot. `kafka`: from the topic that Debezium's connector writes. */
  CHANGE_SOURCE: choice(['postgres', 'kafka']).default('postgres'),
  DATABASE_URL: url('postgresql', 'postgres').default('postgresql://migsbyu:migsbyu@127.0.0.1:25432/migsbyu'),
  /** The server's name, not the database's: two lakes on one server need two. With `kafka` the connector's, to look after. */
  REPLICATION_SLOT: z
    .string()
    .regex(/^[a-z0-9_]{1,63}$/)
    .describe('up to 63 lower-case letters, digits and _')
    .default('migsbyu'),
  PUBLICATION: z.string().describe('the name of a publication').default('migsbyu'),
  KAFKA_BROKERS: z
    .string()
    .regex(/^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$/)
    .describe('addresses as host:port, separated by commas')
    .default('127.0.0.1:9092'),
  KAFKA_TOPIC: z.string().describe('the name of a topic').default('migsbyu'),
  /** Projectors of one group take turns at the topic. */
  KAFKA_GROUP: z.string().describe('the name of a consumer group').default('migsbyu-projector'),
  /** Kafka Connect's REST interface, and its connector: where a new snapshot is asked for. */
  CONNECT_URL: url('http', 'https').default('http://127.0.0.1:8083'),
  CONNECTOR: z.string().describe('the name of a connector').default('migsbyu'),
  DATA_DIR: z.string().describe('a folder').default('./data'),
  LAKE_URL: url('file').optional(),
  /** Where a transaction larger than memory waits for its end. */
  SPOOL_FOLDER: z.string().describe('a folder').default(join(tmpdir(), 'migsbyu-spool')),
  /** `auto`: a source that was replaced is snapshotted anew without being asked. */
  RESNAPSHOT: choice(['never', 'auto']).default('never'),
  /** A module that exports `catalog`, instead of the product's own. */
  CATALOG_MODULE: z.string().describe('the path of a module').optional(),
  /** Of DuckDB, for folds; what they need beyond it is written to SPOOL_FOLDER for a while. */
  MEMORY_LIMIT: z
    .string()
    .regex(/^[1-9][0-9]*(MB|GB)$/)
    .describe('a size like 512MB or 2GB')
    .default('448MB'),
  FOLD_CHANGES: wholeNumber(1, 100_000_000).default(30_000),
  FOLD_AGE_SECONDS: wholeNumber(1, 86_400).default(60),
});

export type Config = z.output<typeof variables>;

export const lakeUrl = ({ LAKE_URL, DATA_DIR }: Pick<Config, 'LAKE_URL' | 'DATA_DIR'>): string =>
  LAKE_URL ?? pathToFileURL(join(resolve(DATA_DIR), 'lake')).href;
