/** A student on its way in and out: JSON numbers and absent fields outside, canonical texts and nulls inside. */
import { columnText } from '#libs/service';
import type { StudentRecord } from './student.js';
import type { StudentBody, StudentPatch, StudentResource } from './student.dto.js';

export const recordOf = (body: StudentBody): StudentRecord => ({
  first_name: body.first_name,
  last_name: body.last_name,
  gender: body.gender ?? null,
  address: body.address ?? null,
  date_of_birth: body.date_of_birth,
  major: body.major ?? null,
  year_of_study: body.year_of_study,
  gpa: gpaText(body.gpa ?? null),
  enrollment_status: body.enrollment_status ?? 'full-time',
});

/** Exactly the fields that came: the patch has no others. */
export function changesOf({ id: _id, gpa, ...others }: StudentPatch): Partial<StudentRecord> {
  return gpa === undefined ? others : { ...others, gpa: gpaText(gpa) };
}

export const resourceOf = (id: string, { gpa, ...record }: StudentRecord): StudentResource => ({
  id,
  first_name: record.first_name,
  last_name: record.last_name,
  gender: record.gender,
  address: record.address,
  date_of_birth: record.date_of_birth,
  major: record.major,
  year_of_study: record.year_of_study,
  gpa: gpa === null ? null : Number(gpa),
  enrollment_status: record.enrollment_status,
});

/** The field was validated as such a number. */
const gpaText = (gpa: number | null): string | null =>
  gpa === null ? null : (columnText('numeric(3,2)', gpa) as string);
