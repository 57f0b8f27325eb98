/** The list grammar as OpenAPI 3.1 parameters, so that a generated client types every field and operator. */
import type { ColumnType } from '#libs/catalog';
import { numericShape } from './column-value.js';
import {
  defaultLimit,
  maximumLimit,
  maximumSkip,
  operatorsOf,
  type ListField,
  type ListSpec,
  type Operator,
} from './list-query.js';

type Schema = Readonly<Record<string, unknown>>;

export interface QueryParameter {
  readonly name: string;
  readonly in: 'query';
  readonly required: false;
  readonly description: string;
  readonly schema: Schema;
  readonly style?: 'deepObject' | 'form';
  readonly explode?: boolean;
}

/** One parameter a field (`gpa=3.9`, or `gpa[gte]=3.5` as a deep object) and those of the page. */
export const listParameters = (spec: ListSpec): QueryParameter[] => [
  ...spec.fields.map(fieldParameter),
  ...pageParameters(spec),
];

function fieldParameter(field: ListField): QueryParameter {
  const operators = operatorsOf(field).filter((operator) => operator !== 'eq');
  const properties = Object.fromEntries(operators.map((operator) => [operator, operatorSchema(field, operator)]));
  return {
    name: field.name,
    in: 'query',
    required: false,
    description: `Rows whose ${field.name} equals the value, or is as the operators say: ${operators
      .map((operator) => `\`${field.name}[${operator}]\``)
      .join(', ')}.`,
    style: 'deepObject',
    explode: true,
    schema: { anyOf: [valueSchema(field.type), { type: 'object', properties, additionalProperties: false }] },
  };
}

function operatorSchema(field: ListField, operator: Operator): Schema {
  if (operator === 'is_null') return { type: 'boolean' };
  if (operator !== 'in') return valueSchema(field.type);
  return {
    type: 'string',
    description: 'Values joined by commas; inside a value a comma is `\\,`, a backslash `\\\\`.',
  };
}

/** What a parameter's text may be. Decimals of many digits are strings: a client's number would round them. */
function valueSchema(type: ColumnType): Schema {
  switch (type) {
    case 'text':
      return { type: 'string' };
    case 'boolean':
      return { type: 'boolean' };
    case 'smallint':
    case 'integer':
    case 'bigint':
      return { type: 'integer', ...(type === 'bigint' && { format: 'int64' }) };
    case 'date':
      return { type: 'string', format: 'date' };
    case 'timestamptz':
      return { type: 'string', format: 'date-time' };
    default:
      return numericShape(type).precision > 15 ? { type: 'string', pattern: '^-?\\d+(\\.\\d+)?$' } : { type: 'number' };
  }
}

function pageParameters({ fields, key }: ListSpec): QueryParameter[] {
  const names = fields.map(({ name }) => name);
  const list = (items: string[]): Schema => ({
    type: 'array',
    items: { type: 'string', enum: items },
    uniqueItems: true,
  });
  const parameter = (name: string, description: string, schema: Schema, joined = false): QueryParameter => ({
    name,
    in: 'query',
    required: false,
    description,
    schema,
    ...(joined && { style: 'form' as const, explode: false }),
  });
  return [
    parameter(
      'sort',
      `Fields to sort by, a minus for descending; ${key.join(', ')} completes the order. Nulls come last, texts sort by bytes.`,
      list(names.flatMap((name) => [name, `-${name}`])),
      true,
    ),
    parameter('fields', 'The fields to answer with.', list(names), true),
    parameter('limit', 'Rows a page.', { type: 'integer', minimum: 1, maximum: maximumLimit, default: defaultLimit }),
    parameter('skip', 'Rows to leave out at the start; not with a cursor.', {
      type: 'integer',
      minimum: 0,
      maximum: maximumSkip,
      default: 0,
    }),
    parameter('cursor', '`next_cursor` of the page before, with the same filters and order.', { type: 'string' }),
    parameter('count', 'Whether to count all rows of the list.', { type: 'boolean', default: false }),
  ];
}
