export { canonicalText, formatInstant, numericShape, readInstant, startOfDay, type Misfit } from './column-value.js';
export { duckDbList } from './duckdb-list.js';
export { listParameters } from './list-parameters.js';
export { type Filter, type ListField, type ListQuery, type ListSpec } from './list-query.js';
export { nextPageUrl, pageOf } from './page.js';
export { parseListQuery } from './parse-list-query.js';
export { prismaList, textOfPrisma } from './prisma-list.js';
export { namedParameters, queryParameters } from './query-parameters.js';
export { refusal, type ParameterError } from './refusal.js';
