/** The operations on a table's versions as OpenAPI describes them. */
import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiParam, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { keyColumns, type Table } from '#libs/catalog';
import { listParameters, type ListSpec } from '#libs/list-query';
import { ApiProblems } from '#libs/service';
import { valueSchema } from '../values/value-codec.js';
import { exampleAsOf, exampleVersion, pascalCase, schemaNames, schemaRef } from './version-schemas.js';

export const DescribeTable = ({ table }: Table): ClassDecorator => ApiTags(table);

export const DescribeList = (table: Table, spec: ListSpec): MethodDecorator =>
  applyDecorators(
    ApiOperation({
      operationId: `query${pascalCase(table.table)}`,
      summary: `${table.label} in force`,
      description: `${table.description} Those in force now, or at \`as_of\`; \`versions=all\` lists every version up to then.`,
    }),
    ...listParameters(spec).map((parameter) => ApiQuery(parameter as object)),
    ApiQuery({
      name: 'versions',
      required: false,
      description: '`all`: every version, not only those in force.',
      schema: { type: 'string', enum: ['all'] },
    }),
    timing(),
    answers(schemaNames(table).list, examplePage(table), 'Link'),
    ApiProblems('cursor-mismatch', 'not-yet-visible'),
  );

export const DescribeOne = (table: Table): MethodDecorator =>
  applyDecorators(
    ApiOperation({
      operationId: `query${pascalCase(table.name)}`,
      summary: `One of ${table.label}, as it is or was`,
      description: 'The version in force now, or at `as_of`.',
    }),
    keyParameters(table),
    timing(),
    answers(schemaNames(table).answer, { data: exampleVersion(table), as_of: exampleAsOf }),
    ApiProblems('not-found', 'quarantined', 'not-yet-visible'),
  );

export const DescribeHistory = (table: Table, spec: ListSpec): MethodDecorator =>
  applyDecorators(
    ApiOperation({
      operationId: `query${pascalCase(table.name)}History`,
      summary: `Every version of one of ${table.label}`,
      description: 'Newest first, each with who opened it and by which command; up to now, or to `as_of`.',
    }),
    keyParameters(table),
    ...listParameters(spec).map((parameter) => ApiQuery(parameter as object)),
    timing(),
    answers(schemaNames(table).list, examplePage(table), 'Link'),
    ApiProblems('not-found', 'quarantined', 'cursor-mismatch', 'not-yet-visible'),
  );

const keyParameters = (table: Table): MethodDecorator =>
  applyDecorators(
    ...keyColumns(table).map(({ name, type, description, example }) =>
      ApiParam({ name, description, schema: valueSchema(type) as object, ...(example !== undefined && { example }) }),
    ),
  );

const timing = (): MethodDecorator =>
  applyDecorators(
    ApiQuery({
      name: 'as_of',
      required: false,
      description:
        'The moment: an instant (RFC 3339), a day (its 00:00 UTC), a position, or a consistency token. Without it, now.',
      schema: { type: 'string' },
      examples: {
        instant: { value: '2026-03-01T08:00:00.123456Z' },
        day: { value: '2026-03-01' },
        position: { value: '4712' },
      },
    }),
    ApiQuery({
      name: 'consistency_token',
      required: false,
      description: "A command's `Consistency-Token`: the answer waits until the command is visible.",
      schema: { type: 'string' },
    }),
    ApiQuery({
      name: 'wait',
      required: false,
      description: 'Longest wait for what is not visible yet, in seconds.',
      schema: { type: 'number', minimum: 0, maximum: 10, default: 2 },
    }),
    ApiHeader({
      name: 'Consistency-Token',
      required: false,
      description: 'As `consistency_token`.',
      schema: { type: 'string' },
    }),
  );

const examplePage = (table: Table) => ({
  data: [exampleVersion(table)],
  page: { next_cursor: null },
  as_of: exampleAsOf,
});

const headers = {
  'As-Of-Position': { description: '`as_of.position` of the body.', schema: { type: 'integer' } },
  'As-Of-Time': { description: '`as_of.time` of the body.', schema: { type: 'string', format: 'date-time' } },
  'As-Of-Final': { description: '`as_of.final` of the body.', schema: { type: 'boolean' } },
} as const;

const link = { Link: { description: 'The next page, `rel="next"`.', schema: { type: 'string' } } } as const;

const answers = (schema: string, example: object, more?: 'Link'): MethodDecorator =>
  ApiResponse({
    status: 200,
    description: 'The answer, and as of when it is true.',
    headers: { ...headers, ...(more && link) },
    content: { 'application/json': { schema: schemaRef(schema), example } },
  });
