import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { invalid, Problem, type ErrorPlace, type ValueError } from '#libs/problems';
import { badText, unstorable } from './storable.js';
import { fieldsOf, wanted } from './wanted.js';

type Metatype = new () => object;
type Place = (name: string) => ErrorPlace;

/**
 * Checks a request's body, query and path parameters against the classes that declare them. A body's instance has
 * exactly the fields that came: what is absent is no property of it.
 */
@Injectable()
export class RequestPipe implements PipeTransform {
  transform(value: unknown, { type, metatype, data }: ArgumentMetadata): unknown {
    switch (type) {
      case 'body':
        return readBody(value, declared(metatype));
      case 'query':
        return readParameters(value, data, declared(metatype));
      case 'param':
        return readParameters(value, data, undefined);
      default:
        return value;
    }
  }
}

const declared = (metatype: ArgumentMetadata['metatype']): Metatype | undefined =>
  metatype && fieldsOf(metatype).size > 0 ? (metatype as Metatype) : undefined;

function readBody(body: unknown, metatype: Metatype | undefined): unknown {
  if (body === undefined) throw new Problem('malformed', 'The request has no body; wanted is a JSON object.');
  if (!metatype) return body;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw noObject(body);
  refuseUnknown(body, metatype);
  return checked(body, metatype, unstorable(body), pointerTo);
}

function readParameters(value: unknown, name: string | undefined, metatype: Metatype | undefined): unknown {
  const all = name === undefined ? { ...(value as object) } : { [name]: value };
  const texts = Object.entries(all).flatMap(([parameter, text]) =>
    typeof text === 'string' ? badText({ parameter }, parameter, text) : [],
  );
  if (metatype) return checked(all, metatype, texts, (parameter) => ({ parameter }));
  if (texts.length > 0) throw invalid(texts);
  return value;
}

const pointerTo: Place = (name) => ({ pointer: `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}` });

function noObject(body: unknown): Problem {
  const error = { pointer: '', code: 'wrong-type', detail: 'The body is no JSON object.', wanted: 'a JSON object' };
  return invalid([{ ...error, got: body }]);
}

function refuseUnknown(body: object, metatype: Metatype): void {
  const fields = fieldsOf(metatype);
  const unknown = Object.entries(body).filter(([name]) => !fields.has(name));
  if (unknown.length === 0) return;
  const known = [...fields].join(', ');
  const errors = unknown.map(([name, got]) => {
    const detail = `${name} is no field of this resource.`;
    return { ...pointerTo(name), code: 'unknown-field', detail, got: shown(got), wanted: `one of ${known}` };
  });
  throw new Problem('unknown-field', errors.map(({ detail }) => detail).join(' '), { errors });
}

/** What the echo of an unknown member may hold is anything; half a surrogate pair would spoil the answer. */
const shown = (value: unknown): unknown => (typeof value === 'string' ? value.toWellFormed() : value);

function checked(given: object, metatype: Metatype, bad: readonly ValueError[], place: Place): object {
  const spoilt = new Set(bad.map((error) => ('pointer' in error ? error.pointer.split('/')[1] : nameOf(error))));
  const sound = Object.fromEntries(Object.entries(given).filter(([name]) => !spoilt.has(name)));
  const instance = plainToInstance(metatype, sound);
  const errors = validateSync(instance).filter(({ property }) => !spoilt.has(property));
  const all = [...bad, ...errors.map((error) => valueError(error, metatype, place))];
  if (all.length > 0) throw invalid(all);
  // A class's declared fields are own properties, present ones or not (ES2022).
  for (const name of Object.keys(instance)) if (!Object.hasOwn(given, name)) delete (instance as Fields)[name];
  return instance;
}

type Fields = Record<string, unknown>;

const nameOf = (place: ErrorPlace) => ('parameter' in place ? place.parameter : undefined);

function valueError({ property, value, constraints = {} }: ValidationError, type: Metatype, place: Place): ValueError {
  const want = wanted(type, property);
  const missing = value === undefined;
  const got = typeof value === 'string' || typeof value === 'number' ? JSON.stringify(value) : kindOf(value);
  return {
    ...place(property),
    code: missing ? 'missing' : value === null ? 'null' : codeOf(constraints),
    detail: missing ? `${property} is missing; wanted is ${want}.` : `${property} is ${got}; wanted is ${want}.`,
    ...(missing ? {} : { got: value }),
    wanted: want,
  };
}

const kindOf = (value: unknown): string =>
  value === null || typeof value === 'boolean' ? String(value) : Array.isArray(value) ? 'a list' : 'an object';

/** The most basic of the broken rules names the error: a text is no number before it is out of a number's range. */
const codes: readonly (readonly [RegExp, string])[] = [
  [/^is(String|Number|Int|Boolean|Array|Object)$/, 'wrong-type'],
  [/^(min|max)$/, 'out-of-range'],
  [/Length$|Size$/, 'wrong-length'],
  [/^isIn$/, 'not-a-choice'],
];

function codeOf(broken: Readonly<Record<string, string>>): string {
  if (broken['fitsColumn']) return broken['fitsColumn'];
  return codes.find(([name]) => Object.keys(broken).some((rule) => name.test(rule)))?.[1] ?? 'wrong-format';
}
