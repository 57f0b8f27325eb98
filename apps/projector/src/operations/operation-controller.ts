/** What the controllers of all kinds of operation have, typed by the kind's own resource. */
import { applyDecorators, Controller, Delete, Get, HttpCode, Param, type Type } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiTags,
} from '@nestjs/swagger';
import type { ProblemCode } from '#libs/problems';
import { ApiProblems } from '#libs/service';
import type { OperationDesk, Shown } from './operation-desk.js';
import type { OperationResource } from './operation.dto.js';
import type { OperationKind } from './operations.js';

interface Description {
  readonly kind: OperationKind;
  /** In operation ids: `Rebuild`. */
  readonly name: string;
  readonly resource: Type<OperationResource>;
  /** What is left of one that is cancelled. */
  readonly cancelled: string;
}

/** What is decorated is the controller of a kind of operation, under its collection: `rebuilds`. */
export const OperationsOf = (collection: string) =>
  applyDecorators(ApiTags('operations'), Controller(`v1/${collection}`));

/** `GET` of the recent ones and of one, and `DELETE` of one. The subclass has what begins one. */
export function operationController<Report>({ kind, name, resource, cancelled }: Description) {
  class List {
    @ApiProperty({ type: [resource] })
    data: Shown<Report>[];
  }
  Object.defineProperty(List, 'name', { value: `${name}List` }); // the schema's name in the document
  abstract class OperationController {
    constructor(protected readonly desk: OperationDesk) {}

    @Get()
    @ApiOperation({ operationId: `list${name}s`, summary: `The recent ${kind}s of this process, newest first` })
    @ApiOkResponse({ type: List })
    @ApiProblems()
    list(): List {
      return { data: this.desk.list<Report>(kind) };
    }

    @Get(':id')
    @ApiOperation({ operationId: `get${name}`, summary: `How far a ${kind} is, or what it came to` })
    @ApiOkResponse({ type: resource })
    @ApiProblems('not-found')
    one(@Param('id') id: string): Shown<Report> {
      return this.desk.show<Report>(kind, id);
    }

    /** Not before it has ended, so that whoever asked may go on from there. */
    @Delete(':id')
    @HttpCode(204)
    @ApiOperation({ operationId: `cancel${name}`, summary: `Cancel a ${kind}; ${cancelled}` })
    @ApiNoContentResponse({ description: 'It has ended, or had before.' })
    @ApiProblems('not-found')
    cancel(@Param('id') id: string): Promise<void> {
      return this.desk.cancel(kind, id);
    }
  }
  return OperationController;
}

/** Documents what begins an operation. `@HttpCode(202)` stands beside it, where the documents' compiler plug-in sees it. */
export function ApiBegins(
  operationId: string,
  summary: string,
  resource: Type<OperationResource>,
  ...problems: ProblemCode[]
) {
  return applyDecorators(
    ApiOperation({ operationId, summary }),
    ApiAcceptedResponse({ type: resource, description: 'It has begun; `Location` shows its progress.' }),
    ApiOkResponse({ type: resource, description: 'With `wait=true`: it has ended, however.' }),
    ApiProblems('already-running', ...problems),
  );
}
