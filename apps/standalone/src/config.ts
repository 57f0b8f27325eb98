import { resolve } from 'node:path';
import { z } from 'zod';
import { choice, serviceVariables, wholeNumber } from '#libs/service';

const port = (standard: number) => wholeNumber(0, 65535).default(standard);

/** 0 as a port takes a free one. HOST and PORT are the one origin's; the services listen on this machine alone. */
export const standaloneVariables = serviceVariables(8501, {
  DATA_DIR: z
    .string()
    .describe('a folder')
    .default('data')
    .transform((folder) => resolve(folder)),
  COMMAND_API_PORT: port(8601),
  QUERY_API_PORT: port(8602),
  PROJECTOR_PORT: port(8603),
  POSTGRES_PORT: port(25432),
  /** `kafka` (npm start -- --kafka): Debezium and Kafka between Postgres and the projector, as in production. */
  CHANGE_SOURCE: choice(['postgres', 'kafka']).default('postgres'),
  KAFKA_PORT: port(9092),
  KAFKA_CONTROLLER_PORT: port(9093),
  CONNECT_PORT: port(8083),
  // A terminal is read by people: what the services do when all is well is asked for.
  LOG_LEVEL: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('warn'),
});

export type StandaloneConfig = z.output<typeof standaloneVariables>;

/** Whose tables are captured. */
export { university as catalog } from '#libs/university';
