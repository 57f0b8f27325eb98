export { ApiProblems } from './api-problems.js';
export {
  choice,
  InvalidConfiguration,
  parseConfig,
  readConfig,
  serviceVariables,
  url,
  wholeNumber,
  type ServiceConfig,
} from './config.js';
export { correlationHeader, correlationIdOf } from './correlation.js';
export { createService, type Service } from './create-service.js';
export { columnText, FitsColumn } from './fits-column.js';
export { type ReadinessIndicator } from './health.js';
export { QueryPairs } from './query-pairs.js';
export { startService } from './start-service.js';
export { IfPresent } from './wanted.js';
