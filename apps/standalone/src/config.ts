import { resolve } from 'node:path';
import { z } from 'zod';
import { choice, serviceVariables, url, wholeNumber } from '#libs/service';
import { slots } from './slots.js';

const port = (standard: number) => wholeNumber(0, 65535).default(standard);

const dataDir = z
  .string()
  .describe('a folder')
  .default('data')
  .transform((folder) => resolve(folder));

const kafkaPorts = {
  KAFKA_PORT: port(9092),
  KAFKA_CONTROLLER_PORT: port(9093),
  CONNECT_PORT: port(8083),
};

/** 0 as a port takes a free one. HOST and PORT are the one origin's; the services listen on this machine alone. */
export const standaloneVariables = serviceVariables(8501, {
  DATA_DIR: dataDir,
  COMMAND_API_PORT: port(8601),
  QUERY_API_PORT: port(8602),
  PROJECTOR_PORT: port(8603),
  POSTGRES_PORT: port(25432),
  /** `kafka` (npm start -- --kafka): Debezium and Kafka between Postgres and the projector, as in production. */
  CHANGE_SOURCE: choice(['postgres', 'kafka']).default('postgres'),
  ...kafkaPorts,
  // A terminal is read by people: what the services do when all is well is asked for.
  LOG_LEVEL: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('warn'),
});

export type StandaloneConfig = z.output<typeof standaloneVariables>;

/** Of `npm run kafka:up` and `kafka:down`. The defaults are those of the standalone product beside them. */
export const kafkaVariables = z.object({
  DATA_DIR: dataDir,
  ...kafkaPorts,
  /** Of each of both, as java's -Xmx has it. */
  KAFKA_HEAP: z
    .string()
    .regex(/^[1-9][0-9]*[mg]$/)
    .describe('a size like 512m or 2g')
    .default('512m'),
  DATABASE_URL: url('postgresql', 'postgres').default('postgresql://migsbyu:migsbyu@127.0.0.1:25432/migsbyu'),
  REPLICATION_SLOT: z
    .string()
    .regex(/^[a-z0-9_]{1,63}$/)
    .describe('up to 63 lower-case letters, digits and _')
    .default(slots.kafka),
  PUBLICATION: z.string().describe('the name of a publication').default('migsbyu'),
  KAFKA_TOPIC: z.string().describe('the name of a topic').default('migsbyu'),
  CONNECTOR: z.string().describe('the name of a connector').default('migsbyu'),
});

export type KafkaConfig = z.output<typeof kafkaVariables>;

/** Of the one origin alone, where each service runs by itself; a host's name may stand for several replicas. */
export const frontDoorVariables = serviceVariables(8501, {
  COMMAND_API_URL: url('http').default('http://127.0.0.1:8601'),
  QUERY_API_URL: url('http').default('http://127.0.0.1:8602'),
  PROJECTOR_URL: url('http').default('http://127.0.0.1:8603'),
});

/** Whose tables are captured. */
export { university as catalog } from '#libs/university';
