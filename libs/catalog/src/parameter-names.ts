/**
 * The query parameters that the doors to a catalog's tables use themselves. A column of the same name could be listed but
 * never filtered by, so no column may have one (`checkCatalog`); and no list may have a parameter that is not named here.
 */
export const parameterNames = [
  // the grammar of lists
  'sort',
  'fields',
  'limit',
  'skip',
  'cursor',
  'count',
  // the moment that an answer is true at, and what must be visible before it
  'as_of',
  'consistency_token',
  'wait',
  'versions',
  // how a list is written
  'bom',
  'excel_safe',
] as const;

export type ParameterName = (typeof parameterNames)[number];
