export { canonicalText, formatInstant, numericShape, readInstant, startOfDay, type Misfit } from './column-value.js';
export { nextCursor } from './cursor.js';
export { duckDbList, type DuckDbList, type SqlFragment } from './duckdb-list.js';
export { listParameters } from './list-parameters.js';
export {
  defaultLimit,
  maximumLimit,
  maximumSkip,
  operatorsOf,
  type Filter,
  type ListField,
  type ListQuery,
  type ListSpec,
  type Operator,
  type SortKey,
} from './list-query.js';
export { nextPageUrl, pageOf, type Page } from './page.js';
export { parseListQuery } from './parse-list-query.js';
export { prismaList, textOfPrisma, type PrismaList } from './prisma-list.js';
export { namedParameters, queryParameters } from './query-parameters.js';
export { refusal, type ParameterError } from './refusal.js';
