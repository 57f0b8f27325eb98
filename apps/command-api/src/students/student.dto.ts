import { FitsColumn, IfPresent } from '#libs/service';
import { ApiProperty, PartialType } from '@nestjs/swagger';
import { IsIn, IsOptional, Length, Matches, Max, Min } from 'class-validator';
import { PageInfo } from '../http/page.dto.js';

/** A student as it is registered, or replaced as a whole. What is absent is null, or the default. */
export class StudentBody {
  /**
   * Given, or generated: ten upper-case hex digits. Where the path names the student, the same or absent.
   * @example 4F1A09C3BE
   */
  @IfPresent()
  @FitsColumn('text')
  @Matches(/^[A-Z0-9]{1,10}$/, { message: '1 to 10 upper-case letters or digits' })
  id?: string;

  /**
   * Given name.
   * @example Ada
   */
  @FitsColumn('text')
  @Length(1, 200)
  first_name: string;

  /**
   * Family name.
   * @example Lovelace
   */
  @FitsColumn('text')
  @Length(1, 200)
  last_name: string;

  /**
   * As stated, if stated.
   * @example female
   */
  @IsOptional()
  @FitsColumn('text')
  @Length(1, 100)
  gender?: string | null;

  /**
   * Postal address.
   * @example 12 St James Square
   */
  @IsOptional()
  @FitsColumn('text')
  @Length(1, 1000)
  address?: string | null;

  /**
   * Day of birth.
   * @example 2004-12-10
   */
  @FitsColumn('date')
  date_of_birth: string;

  /**
   * Declared field of study.
   * @example Mathematics
   */
  @IsOptional()
  @FitsColumn('text')
  @Length(1, 200)
  major?: string | null;

  /**
   * From 1 to 6.
   * @example 2
   */
  @FitsColumn('smallint')
  @Min(1)
  @Max(6)
  year_of_study: number;

  /**
   * Grade point average, with at most two decimal places.
   * @example 3.9
   */
  @IsOptional()
  @FitsColumn('numeric(3,2)')
  @Min(0)
  @Max(4)
  gpa?: number | null;

  /**
   * Full-time where nothing is said.
   * @example full-time
   */
  @IfPresent()
  @IsIn(['full-time', 'part-time'])
  enrollment_status?: 'full-time' | 'part-time';
}

/** A merge patch: what is absent stays, what is null is cleared. */
export class StudentPatch extends PartialType(StudentBody, { skipNullProperties: false }) {}

/** A student as the university knows it now. Its version is the ETag. */
export class StudentResource {
  @ApiProperty({ example: '4F1A09C3BE' })
  id: string;

  @ApiProperty({ example: 'Ada' })
  first_name: string;

  @ApiProperty({ example: 'Lovelace' })
  last_name: string;

  @ApiProperty({ type: String, nullable: true, example: 'female' })
  gender: string | null;

  @ApiProperty({ type: String, nullable: true, example: '12 St James Square' })
  address: string | null;

  @ApiProperty({ format: 'date', example: '2004-12-10' })
  date_of_birth: string;

  @ApiProperty({ type: String, nullable: true, example: 'Mathematics' })
  major: string | null;

  @ApiProperty({ type: 'integer', example: 2 })
  year_of_study: number;

  @ApiProperty({ type: Number, nullable: true, example: 3.9 })
  gpa: number | null;

  @ApiProperty({ enum: ['full-time', 'part-time'], example: 'full-time' })
  enrollment_status: 'full-time' | 'part-time';
}

/** One of a list: all fields, or those that `fields` names. */
export class StudentListed extends PartialType(StudentResource) {}

export class StudentPage {
  data: StudentListed[];
  page: PageInfo;
}
