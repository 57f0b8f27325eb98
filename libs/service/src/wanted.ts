/** What a field of a validated class wants, in words: from its decorators, so that the two cannot differ. */
import { getMetadataStorage, ValidateIf, type ValidationOptions } from 'class-validator';
import type { ColumnType } from '#libs/catalog';
import { wantedBy } from './fits-column.js';

type ClassType = abstract new (...args: never[]) => unknown;

/** The field may be absent, but where it stands it is checked, null included. (`@IsOptional` lets null pass.) */
export const IfPresent = (options?: ValidationOptions): PropertyDecorator =>
  ValidateIf((_object, value) => value !== undefined, options);

type Phrase = (constraints: readonly unknown[]) => string;

const phrases: Readonly<Record<string, Phrase>> = {
  fitsColumn: ([type]) => wantedBy(type as ColumnType),
  isString: () => 'text',
  isInt: () => 'a whole number',
  isBoolean: () => 'true or false',
  isArray: () => 'a list',
  isObject: () => 'an object',
  min: ([least]) => `at least ${least}`,
  max: ([most]) => `at most ${most}`,
  isLength: ([least, most]) => (most === undefined ? `at least ${least} characters` : `${least} to ${most} characters`),
  minLength: ([least]) => `at least ${least} characters`,
  maxLength: ([most]) => `at most ${most} characters`,
  arrayMaxSize: ([most]) => `at most ${most} of them`,
  matches: ([pattern]) => `matching ${String(pattern)}`,
  isIn: ([values]) => `one of ${(values as unknown[]).join(', ')}`,
  isOptional: () => 'or null',
};

interface Rule {
  readonly field: string;
  readonly phrase: string | undefined;
}

const rulesOf = memoized((type: ClassType): Rule[] =>
  getMetadataStorage()
    .getTargetValidationMetadatas(type, '', false, false)
    .map(({ propertyName, name, constraints, message }) => ({
      field: propertyName,
      // A decorator's own text message is meant as the phrase.
      phrase: typeof message === 'string' ? message : phrases[name ?? '']?.(constraints ?? []),
    })),
);

/** The fields that a class declares by decorators; none if it is no validated class. */
export const fieldsOf = memoized((type: ClassType): ReadonlySet<string> => {
  return new Set(rulesOf(type).map(({ field }) => field));
});

export function wanted(type: ClassType, field: string): string {
  const all = rulesOf(type).flatMap((rule) => (rule.field === field ? (rule.phrase ?? []) : []));
  const [nullable, others] = [
    all.filter((phrase) => phrase === 'or null'),
    all.filter((phrase) => phrase !== 'or null'),
  ];
  // Decorators are applied from the last line to the first: turned round they read as written.
  return [others.reverse().join(', '), ...nullable].join(' ') || 'another value';
}

function memoized<T>(compute: (type: ClassType) => T): (type: ClassType) => T {
  const known = new WeakMap<ClassType, T>();
  return (type) => {
    if (!known.has(type)) known.set(type, compute(type));
    return known.get(type)!;
  };
}
