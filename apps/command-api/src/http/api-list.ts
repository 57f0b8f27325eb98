import { listParameters, type ListSpec } from '#libs/list-query';
import { ApiProblems } from '#libs/service';
import { applyDecorators, type Type } from '@nestjs/common';
import { ApiOkResponse, ApiQuery } from '@nestjs/swagger';

/** An operation that lists, by the grammar that all lists share. */
export const ApiList = (spec: ListSpec, type: Type) =>
  applyDecorators(
    ...listParameters(spec).map((parameter) => ApiQuery(parameter)),
    ApiOkResponse({
      type,
      description: 'A page of the list.',
      headers: { Link: { description: 'The next page, `rel="next"`.', schema: { type: 'string' } } },
    }),
    ApiProblems('cursor-mismatch'),
  );
