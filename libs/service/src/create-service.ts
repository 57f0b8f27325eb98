import compress from '@fastify/compress';
import helmet from '@fastify/helmet';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { CustomTransportStrategy, CustomStrategy } from '@nestjs/microservices';
import type { FastifyInstance } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { Logger, LoggerModule } from 'nestjs-pino';
import type { DestinationStream } from 'pino';
import { Registry } from 'prom-client';
import type { ServiceConfig } from './config.js';
import { correlationHeader, correlationIdOf } from './correlation.js';
import { Readiness, stopping, type ReadinessIndicator } from './health.js';
import { parseJson } from './json-body.js';
import { logging } from './logging.js';
import { measure } from './metrics.js';
import { serveDocuments, type Description } from './openapi.js';
import { ProblemFilter, sendProblem } from './problem-filter.js';
import { RequestGuard } from './request-guard.js';
import { RequestPipe } from './request-pipe.js';
import { Routes } from './routes.js';
import { ServiceController } from './service.controller.js';

export interface Service extends Description {
  /** As logs name it: `command-api`. */
  readonly name: string;
  readonly module: Type | DynamicModule;
  readonly config: Pick<ServiceConfig, 'PORT' | 'HOST' | 'LOG_LEVEL'>;
  /** Providers of the module that say whether what it needs is there. */
  readonly readiness?: readonly Type<ReadinessIndicator>[];
  /** Where the module puts its own figures; `/metrics` shows them beside those of the process. */
  readonly metrics?: Registry;
  /** A provider of the module that is a Nest transport beside HTTP: it listens before the port does. */
  readonly transport?: Type<CustomTransportStrategy>;
  /** Where log lines go instead of stdout. */
  readonly log?: DestinationStream;
}

/** Longest path parameter, in characters; a longer one is nothing's address. */
const longestParameter = 1024;

/** The service, wired but not listening: `init()` it for `inject`, or let `startService` run it. */
export async function createService(service: Service): Promise<NestFastifyApplication> {
  const [readiness, registry, routes] = [new Readiness(), service.metrics ?? new Registry(), new Routes()];
  const adapter = fastifyAdapter();
  const fastify = adapter.getInstance<FastifyInstance>();
  fastify.addHook('onRoute', ({ method, url }) => routes.add(method, url));
  answerByReadiness(fastify, readiness);
  measure(fastify, registry);
  readJson(fastify);

  const app = await NestFactory.create<NestFastifyApplication>(serviceModule(service, readiness, registry), adapter, {
    bufferLogs: true,
    // Of a start that fails, nothing is told but why: the caller gets the error.
    autoFlushLogs: false,
    bodyParser: false,
    abortOnError: false,
  });
  app.useLogger(app.get(Logger));
  app.flushLogs();
  readiness.watch((service.readiness ?? []).map((indicator) => app.get(indicator, { strict: false })));
  await secure(app);
  app.useGlobalGuards(new RequestGuard());
  app.useGlobalPipes(new RequestPipe());
  app.useGlobalFilters(new ProblemFilter(routes));
  serveDocuments(app, service);
  if (service.transport) {
    const strategy = app.get(service.transport, { strict: false });
    app.connectMicroservice<CustomStrategy>({ strategy }, { deferInitialization: true });
  }
  return app;
}

/** Every answer carries its correlation id; a stopping service refuses what is new and lets its connections go. */
function answerByReadiness(fastify: FastifyInstance, readiness: Readiness): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header(correlationHeader, request.id);
    if (readiness.isStopping) sendProblem(stopping(), request, reply);
    else done();
  });
  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    // Kept alive, the connection would hold the service until the client lets it go.
    if (readiness.isStopping) void reply.header('connection', 'close');
    done();
  });
}

/** The service's own module beside what every service has. */
export function serviceModule(service: Service, readiness: Readiness, registry: Registry): DynamicModule {
  return {
    module: class ServiceModule {},
    imports: [LoggerModule.forRoot(logging(service.name, service.config.LOG_LEVEL, service.log)), service.module],
    controllers: [ServiceController],
    providers: [
      { provide: Readiness, useValue: readiness },
      { provide: Registry, useValue: registry },
    ],
  };
}

function fastifyAdapter(): FastifyAdapter {
  return new FastifyAdapter({
    genReqId: (raw: IncomingMessage & { id?: unknown }) => (raw.id = correlationIdOf(raw.headers)) as string,
    requestIdHeader: false,
    // Ours, so that the answer while stopping is a problem document as well.
    return503OnClosing: false,
    routerOptions: { maxParamLength: longestParameter },
    // The router's own refusals pass no hook and no filter.
    frameworkErrors: sendProblem,
  });
}

function readJson(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'buffer' },
    (_request, body, done) => {
      try {
        done(null, parseJson(body as Buffer));
      } catch (error) {
        done(error as Error);
      }
    },
  );
}

async function secure(app: NestFastifyApplication): Promise<void> {
  await app.register(helmet, {
    // Whoever terminates TLS knows whether there is any; plain http on a loopback address must keep working.
    hsts: false,
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
  });
  await app.register(compress, { encodings: ['br', 'gzip'], threshold: 1024 });
}
