import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Logger } from 'nestjs-pino';
import { Registry } from 'prom-client';
import { createService, serviceModule, type Service } from './create-service.js';
import { Readiness } from './health.js';
import { openApiDocument } from './openapi.js';

/** Longest time for requests in flight to finish once the service was told to stop, in milliseconds. */
const drainTime = 10_000;

/**
 * Runs a service until SIGTERM, SIGINT or the end of the process that forked it. A forked one tells its parent
 * `{ type: 'ready', port }`. With `--openapi` among the arguments the OpenAPI document is printed instead, and nothing is
 * connected to. A start that fails says why in a sentence and exits with 1.
 */
export async function startService(service: Service): Promise<void> {
  if (process.argv.includes('--openapi')) return printOpenApi(service);
  try {
    const app = await createService(service);
    await app.startAllMicroservices();
    await app.listen(service.config.PORT, service.config.HOST);
    const { port } = app.getHttpServer().address() as { port: number };
    app.get(Logger).log(`${service.title} listens on http://${service.config.HOST}:${port}`);
    stopWhenTold(app);
    process.send?.({ type: 'ready', port });
  } catch (error) {
    process.stderr.write(`${service.name} cannot start: ${(error as Error).message}\n`);
    process.exit(1);
  }
}

function stopWhenTold(app: NestFastifyApplication): void {
  let told = false;
  const stop = () => {
    if (!told) void shutDown(app);
    told = true;
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  // Without its parent nobody would ever end it.
  if (process.send) process.once('disconnect', stop);
}

/** Not ready any more, then no new connection, then wait for what is running; what takes too long is broken off. */
async function shutDown(app: NestFastifyApplication): Promise<never> {
  app.get(Readiness).stop();
  const overdue = setTimeout(() => process.exit(1), drainTime + 1_000);
  const breakOff = setTimeout(() => app.getHttpServer().closeAllConnections(), drainTime);
  try {
    await app.close();
  } catch (error) {
    process.stderr.write(`The service did not stop cleanly: ${(error as Error).message}\n`);
    process.exit(1);
  }
  clearTimeout(overdue);
  clearTimeout(breakOff);
  process.exit(0);
}

/** Preview mode makes no provider, so nothing connects. */
async function printOpenApi(service: Service): Promise<void> {
  const module = serviceModule(service, new Readiness(), new Registry());
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), {
    preview: true,
    logger: false,
    abortOnError: false,
  });
  process.stdout.write(`${JSON.stringify(openApiDocument(app, service), null, 2)}\n`);
}
