/** Reads of the students' table. Prisma's types stop here. */
import { pageOf, prismaList, textOfPrisma, type ListQuery } from '#libs/list-query';
import { Injectable } from '@nestjs/common';
import { PrismaClient, type Student as Row } from '../generated/prisma/client.js';
import { streamId } from '../event-store/table.js';
import { eventPage } from '../http/event-page.js';
import type { EventPage, EventQuery } from '../http/event.dto.js';
import { reading } from '../reading.js';
import { studentList, studentsTable } from './student-row.js';
import type { StudentResource } from './student.dto.js';
import { resourceOf } from './student-resource.js';

export interface FoundStudent {
  readonly student: StudentResource;
  readonly version: number;
}

export interface FoundPage {
  readonly students: readonly StudentResource[];
  readonly nextCursor: string | null;
  readonly total?: number;
}

@Injectable()
export class StudentsReader {
  constructor(private readonly database: PrismaClient) {}

  async one(id: string): Promise<FoundStudent | null> {
    const row = await reading(this.database.student.findUnique({ where: { id } }));
    return row && { student: toResource(row), version: row.version };
  }

  async page(query: ListQuery): Promise<FoundPage> {
    const { filter, findMany } = prismaList(query);
    const [rows, total] = await Promise.all([
      reading(this.database.student.findMany(findMany)),
      query.count ? reading(this.database.student.count({ where: filter })) : undefined,
    ]);
    const page = pageOf(query, rows, texts);
    const students = page.rows.map(toResource);
    return { students, nextCursor: page.nextCursor, ...(total !== undefined && { total }) };
  }

  /** Null where nobody ever had the id. */
  events(id: string, query: EventQuery): Promise<EventPage | null> {
    return eventPage(this.database, streamId(studentsTable, [id]), query);
  }
}

const toResource = ({ id, version: _version, ...row }: Row): StudentResource =>
  resourceOf(id, {
    ...row,
    date_of_birth: row.date_of_birth.toISOString().slice(0, 10),
    gpa: row.gpa && row.gpa.toFixed(2),
    enrollment_status: row.enrollment_status as StudentResource['enrollment_status'],
  });

const texts = (row: Row) =>
  Object.fromEntries(studentList.fields.map(({ name, type }) => [name, textOfPrisma(type, row[name])]));
