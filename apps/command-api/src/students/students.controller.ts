import { nextPageUrl, parseListQuery } from '#libs/list-query';
import { invalid, Problem } from '#libs/problems';
import { ApiProblems, QueryPairs } from '#libs/service';
import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiBody, ApiConsumes, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CommandContext } from '../event-store/command.js';
import { ApiCommand } from '../http/api-command.js';
import { ApiList } from '../http/api-list.js';
import { Context } from '../http/command-context.js';
import { entityTag, hasVersion } from '../http/entity-tag.js';
import { EventPage, EventQuery } from '../http/event.dto.js';
import { ChangeStudent, RegisterStudent, RemoveStudent } from './student-commands.js';
import { changesOf, recordOf } from './student-resource.js';
import { studentList } from './student-row.js';
import { StudentBody, StudentPage, StudentPatch, StudentResource } from './student.dto.js';
import { StudentsReader } from './students.reader.js';

@ApiTags('students')
@Controller('v1/students')
export class StudentsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly students: StudentsReader,
  ) {}

  @Post()
  @ApiOperation({ operationId: 'registerStudent', summary: 'Register a student' })
  @ApiCommand({ status: 201, description: 'Registered.', type: StudentResource, problems: ['already-exists'] })
  register(@Body() body: StudentBody, @Context() context: CommandContext) {
    return this.commands.execute(new RegisterStudent(body.id, recordOf(body), context));
  }

  @Get()
  @ApiOperation({ operationId: 'listStudents', summary: 'List students' })
  @ApiList(studentList, StudentPage)
  async list(
    @QueryPairs() pairs: [string, string][],
    @Req() { url }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StudentPage> {
    const query = parseListQuery(pairs, studentList);
    const { students, nextCursor, total } = await this.students.page(query);
    if (nextCursor) void reply.header('Link', `<${nextPageUrl(url, nextCursor)}>; rel="next"`);
    return {
      data: students.map((student) => chosen(student, query.fields)),
      page: { next_cursor: nextCursor, ...(total !== undefined && { total }) },
    };
  }

  @Get(':id')
  @ApiParam({ name: 'id', example: '4F1A09C3BE' })
  @ApiOperation({ operationId: 'getStudent', summary: 'Read one student' })
  @ApiOkResponse({ type: StudentResource, headers: { ETag: { schema: { type: 'string' } } } })
  @ApiProblems('not-found')
  async one(
    @Param('id') id: string,
    @Headers('if-none-match') known: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StudentResource | undefined> {
    const found = await this.students.one(id);
    if (!found) throw notFound(id);
    void reply.header('ETag', entityTag(found.version));
    if (!hasVersion(known, found.version)) return found.student;
    void reply.code(304);
    return undefined;
  }

  @Get(':id/events')
  @ApiParam({ name: 'id', example: '4F1A09C3BE' })
  @ApiOperation({ operationId: 'listStudentEvents', summary: 'What happened to a student, in order, by whom and why' })
  @ApiOkResponse({ type: EventPage })
  @ApiProblems('not-found')
  async events(@Param('id') id: string, @Query() query: EventQuery): Promise<EventPage> {
    const page = await this.students.events(id, query);
    if (!page) throw notFound(id);
    return page;
  }

  @Put(':id')
  @ApiParam({ name: 'id', example: '4F1A09C3BE' })
  @ApiOperation({ operationId: 'replaceStudent', summary: 'Replace a student; what is absent is as at registration' })
  @ApiCommand({ status: 200, description: 'Replaced, or the same already.', type: StudentResource, changes: true })
  replace(@Param('id') id: string, @Body() body: StudentBody, @Context() context: CommandContext) {
    checkId(id, body.id);
    return this.commands.execute(new ChangeStudent(id, recordOf(body), context));
  }

  @Patch(':id')
  @ApiParam({ name: 'id', example: '4F1A09C3BE' })
  @ApiConsumes('application/merge-patch+json', 'application/json')
  @ApiBody({ type: StudentPatch, examples: { changed: { value: { gpa: 3.95, address: null } } } })
  @ApiOperation({ operationId: 'changeStudent', summary: 'Change fields of a student (merge patch); null clears' })
  @ApiCommand({ status: 200, description: 'Changed, or the same already.', type: StudentResource, changes: true })
  change(@Param('id') id: string, @Body() patch: StudentPatch, @Context() context: CommandContext) {
    checkId(id, patch.id);
    return this.commands.execute(new ChangeStudent(id, changesOf(patch), context));
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiParam({ name: 'id', example: '4F1A09C3BE' })
  @ApiOperation({ operationId: 'removeStudent', summary: 'Remove a student; the history stays' })
  @ApiCommand({ status: 204, description: 'Removed.', changes: true })
  remove(@Param('id') id: string, @Context() context: CommandContext) {
    return this.commands.execute(new RemoveStudent(id, context));
  }
}

const notFound = (id: string) => new Problem('not-found', `No student has the id ${id}.`);

function checkId(path: string, body: string | undefined): void {
  if (body === undefined || body === path) return;
  const detail = `id is ${body}, but the path names ${path}: an id never changes.`;
  throw invalid([{ pointer: '/id', code: 'not-changeable', detail, got: body, wanted: `${path}, or no id` }]);
}

function chosen(student: StudentResource, fields: readonly string[] | null): Partial<StudentResource> {
  if (!fields) return student;
  return Object.fromEntries(Object.entries(student).filter(([name]) => fields.includes(name)));
}
