import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { ValidateBy } from 'class-validator';
import type { ColumnType } from '#libs/catalog';
import { canonicalText, numericShape, type Misfit } from '#libs/list-query';

/**
 * The field is what a column of the type holds, exactly: nothing is rounded or cut to fit. Integers and decimals of at
 * most 15 digits are JSON numbers, everything else is JSON text.
 */
export function FitsColumn(type: ColumnType): PropertyDecorator {
  return applyDecorators(
    ApiProperty(schemaOf(type)),
    ValidateBy({
      name: 'fitsColumn',
      constraints: [type],
      validator: {
        validate: (value) => typeof columnText(type, value) === 'string',
        // What would be a sentence elsewhere is the error's code here: the pipe writes the sentence.
        defaultMessage: (failed) => (columnText(type, failed?.value) as Misfit).code,
      },
    }),
  );
}

/** The canonical text of a JSON value, or why the column cannot hold it. */
export function columnText(type: ColumnType, value: unknown): string | Misfit {
  if (typeof value === 'boolean' && type === 'boolean') return String(value);
  if (typeof value === (isNumber(type) ? 'number' : 'string') && type !== 'boolean')
    return canonicalText(type, typeof value === 'number' ? plainDecimal(value) : String(value));
  return { code: 'wrong-type', wanted: wantedBy(type) };
}

/** What a value of the type looks like, in words. */
export function wantedBy(type: ColumnType): string {
  if (type === 'text') return 'text';
  if (type === 'smallint' || type === 'integer' || type === 'bigint') return 'a whole number';
  // U+0000 is of no type, so that the answer says what would be.
  const { wanted } = canonicalText(type, '\0') as Misfit;
  return isNumber(type) || type === 'boolean' ? wanted : `text: ${wanted}`;
}

function isNumber(type: ColumnType): boolean {
  if (type.startsWith('numeric')) return numericShape(type).precision <= 15;
  return type === 'smallint' || type === 'integer' || type === 'bigint';
}

/** JavaScript prints 0.0000001 as `1e-7`. */
function plainDecimal(value: number): string {
  const [, sign, first, rest = '', power] = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(String(value)) ?? [];
  if (power === undefined) return String(value);
  const digits = `${first}${rest}`;
  const places = Number(power);
  return places < 0 ? `${sign}0.${'0'.repeat(-places - 1)}${digits}` : `${sign}${digits.padEnd(places + 1, '0')}`;
}

function schemaOf(type: ColumnType) {
  if (type === 'date') return { type: 'string', format: 'date' } as const;
  if (type === 'timestamptz') return { type: 'string', format: 'date-time' } as const;
  if (type === 'boolean') return { type: 'boolean' } as const;
  if (!isNumber(type)) return { type: 'string' } as const;
  return { type: type.startsWith('numeric') ? 'number' : 'integer' } as const;
}
