import { fileURLToPath, pathToFileURL } from 'node:url';
import { join } from 'node:path';
import type { StandaloneConfig } from './config.js';
import type { ServiceLaunch } from './service-process.js';

export interface ProductService {
  readonly launch: ServiceLaunch;
  /** Its place under the one origin. */
  readonly prefix: string;
  /** As the joined document names what is its own: `commands`. */
  readonly label: string;
  readonly portVariable: 'COMMAND_API_PORT' | 'QUERY_API_PORT' | 'PROJECTOR_PORT';
}

/**
 * Node's own default on a large machine, 64 MB, lets what is dead fill 128 MB and more. The projector, which makes much that
 * dies at once, is no slower with this. What stands in NODE_OPTIONS already wins.
 */
const littleGarbage = { NODE_OPTIONS: `--max-semi-space-size=16 ${process.env['NODE_OPTIONS'] ?? ''}`.trim() };

const labels = { projector: 'projector', 'command-api': 'commands', 'query-api': 'queries' } as const;

export type ServiceName = keyof typeof labels;

/** Which service is where under the one origin. */
export const placeOf = (name: ServiceName) => ({ name, label: labels[name], prefix: `/api/${labels[name]}` });

/** The services in the order of their start; they stop in the opposite one: readers first, the projector last. */
export function productServices(
  config: StandaloneConfig,
  databaseUrl: string,
  source: Readonly<Record<string, string>>,
): ProductService[] {
  const database = { DATABASE_URL: databaseUrl };
  const lake = { LAKE_URL: pathToFileURL(join(config.DATA_DIR, 'lake')).href };
  // Whoever runs everything in one command has nobody to ask for a new epoch: it opens by itself, and keeps the history.
  const changes = { ...source, RESNAPSHOT: 'auto', SPOOL_FOLDER: join(config.DATA_DIR, 'spool') };
  const service = (
    app: ServiceName,
    portVariable: ProductService['portVariable'],
    environment: Record<string, string>,
  ): ProductService => ({
    ...placeOf(app),
    portVariable,
    launch: {
      name: app,
      main: fileURLToPath(new URL(`../../${app}/src/main.js`, import.meta.url)),
      environment: {
        ...environment,
        PORT: String(config[portVariable]),
        HOST: '127.0.0.1',
        LOG_LEVEL: config.LOG_LEVEL,
      },
    },
  });
  return [
    service('projector', 'PROJECTOR_PORT', { ...database, ...lake, ...changes, ...littleGarbage }),
    service('command-api', 'COMMAND_API_PORT', database),
    service('query-api', 'QUERY_API_PORT', lake),
  ];
}
