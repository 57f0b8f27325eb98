/** The one origin by itself, before services that run elsewhere: what a deployment in containers has in front. */
import { readConfig } from '#libs/service';
import { frontDoorVariables } from './config.js';
import { createOrigin } from './origin/origin.js';
import { Replicas } from './origin/replicas.js';
import { placeOf, type ServiceName } from './services.js';

/** What is being answered may finish within this many milliseconds; feeds never do. */
const drainTime = 10_000;

const config = readConfig(frontDoorVariables, process.env);
const upstreams = await Promise.all([
  upstream('projector', config.PROJECTOR_URL),
  upstream('command-api', config.COMMAND_API_URL),
  upstream('query-api', config.QUERY_API_URL),
]);
const origin = createOrigin(upstreams);
try {
  process.stdout.write(`The origin listens on ${await origin.listen({ host: config.HOST, port: config.PORT })}\n`);
} catch (error) {
  process.stderr.write(`The origin cannot start: ${(error as Error).message}\n`);
  process.exit(1);
}
process.send?.({ type: 'ready', port: (origin.server.address() as { port: number }).port });
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());

async function stop(): Promise<void> {
  setTimeout(() => origin.server.closeAllConnections(), drainTime).unref();
  await origin.close();
  process.exit(0);
}

async function upstream(name: ServiceName, url: string) {
  const replicas = new Replicas(url);
  await replicas.watch();
  return { ...placeOf(name), next: () => replicas.next() };
}
