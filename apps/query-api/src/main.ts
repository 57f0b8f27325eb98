import 'reflect-metadata';
import { readConfig, startService } from '#libs/service';
import { variables } from './config.js';
import { LakeReadiness } from './freshness/lake-readiness.js';
import { withCatalogSchemas } from './openapi.js';
import { catalogOf, QueryApiModule } from './query-api.module.js';

const config = readConfig(variables, process.env);
const catalog = await catalogOf(config);

await startService({
  name: 'query-api',
  title: 'Query API',
  description: 'Answers from the lake: what is, what was, and how it came to be.',
  config,
  ...QueryApiModule.of(config, catalog),
  readiness: [LakeReadiness],
  openapi: withCatalogSchemas(catalog),
});
