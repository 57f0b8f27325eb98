/**
 * A table's rows read by how Connect writes them: one regular expression instead of JSON.parse, objects and
 * JSON.stringify, which take four times as long. What is written just so is told the same, letter by letter; anything
 * else is no match, and is read the long way.
 */
import { canonicalText, isPlain, type TypeName } from './canonical-text.js';
import { isExact, isUnavailable, type JsonValue } from './record.js';

/** What the catalog and the last message say of a table. */
export interface TableTypes {
  /** The key's columns, in its order. */
  readonly key: readonly string[];
  readonly types: Readonly<Record<string, TypeName>>;
  readonly enums: ReadonlySet<string>;
}

/** Canonical rows as JSON, and the key of the newer one. */
export interface RowTexts {
  readonly key: string;
  readonly before: string | null;
  readonly after: string | null;
}

interface Column {
  /** The value is its group, which is not there where it is NULL. */
  readonly pattern: string;
  /** `jdbc`: of a snapshot. @throws OtherWay */
  readonly textOf: (written: string, jdbc: boolean) => string;
}

/** A value that only the long way tells, or refuses by name. */
class OtherWay extends Error {}

/** What JSON.stringify writes alike: of other characters Connect writes the escapes in other letters. */
const string = String.raw`"[^"\\\x00-\x1f]*(?:\\["\\bfnrt][^"\\\x00-\x1f]*)*"`;
/** The scale that Debezium misreads makes longer ones. */
const decimal = String.raw`"-?\d{1,500}(?:\.\d{1,500})?"`;
/** In these years no calendar's date is like another's, and each has four digits. */
const date = String.raw`"(?:1[6-9]|[2-9]\d)\d\d-\d\d-\d\d`;
const whole = String.raw`0|-?[1-9]\d*`;
const scalar = String.raw`${string}|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false`;

export class RowLayout {
  private readonly columns: readonly Column[];
  private readonly images: RegExp;
  private readonly key: readonly number[];
  /** A row's text: names, values, end. Joined, so that it keeps nothing of the record in memory. */
  private readonly parts: string[];

  /** `names`: of all columns, as they come; at least one. */
  constructor(
    readonly names: readonly string[],
    { key, types, enums }: TableTypes,
  ) {
    this.columns = names.map((name) => columnOf(types[name]!, enums));
    this.key = key.map((name) => names.indexOf(name));
    const fields = this.columns.map(({ pattern }, i) => `${literally(JSON.stringify(names[i]))}:(?:${pattern}|null)`);
    const row = `(null|\\{${fields.join(',')}\\})`;
    this.images = new RegExp(`\\{"before":${row},"after":${row}`, 'y');
    this.parts = names.flatMap((name, i) => [`${i === 0 ? '{' : ','}${JSON.stringify(name)}:`, '']).concat('}');
  }

  /** Of a record whose rows end at `end`; null if it must be read the long way. */
  read(record: string, end: number, jdbc: boolean): RowTexts | null {
    const { images, columns } = this;
    images.lastIndex = 0;
    const found = images.exec(record);
    if (!found || images.lastIndex !== end) return null;
    try {
      const before = this.text(found, 1, jdbc);
      const after = this.text(found, 2 + columns.length, jdbc);
      if (before === null && after === null) return null;
      return { key: this.keyText(), before, after };
    } catch (error) {
      if (error instanceof OtherWay) return null;
      throw error;
    }
  }

  /** `image`: the row's group, which its values' follow. */
  private text(found: RegExpExecArray, image: number, jdbc: boolean): string | null {
    const { columns, parts } = this;
    if (found[image] === 'null') return null;
    for (let i = 0; i < columns.length; i++) {
      const written = found[image + 1 + i];
      parts[2 * i + 1] = written === undefined ? 'null' : columns[i]!.textOf(written, jdbc);
    }
    return parts.join('');
  }

  /** Of the row whose text was last. */
  private keyText(): string {
    const values = this.key.map((column) => this.parts[2 * column + 1]);
    if (values.some((value) => value === undefined || value === 'null')) throw new OtherWay();
    return `[${values.join(',')}]`;
  }
}

const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

function columnOf(type: TypeName, enums: ReadonlySet<string>): Column {
  if (isPlain(type, enums)) return { pattern: `(${string}|${whole})`, textOf: plainText };
  if (type === 'numeric') return { pattern: `(${decimal})`, textOf: (written) => written };
  if (type === 'date') return { pattern: `(${date})Z"`, textOf: (written) => `${written}"` };
  return { pattern: `(${scalar})`, textOf: (written, jdbc) => convertedText(written, type, { enums, jdbc }) };
}

function plainText(written: string): string {
  if (!written.startsWith('"')) return `"${written}"`;
  if (isUnavailable(written.slice(1, -1))) throw new OtherWay();
  return written;
}

function convertedText(written: string, type: TypeName, context: { enums: ReadonlySet<string>; jdbc: boolean }) {
  try {
    const value = JSON.parse(written) as JsonValue;
    if (isExact(value) && !isUnavailable(value)) return JSON.stringify(canonicalText(value, type, context));
  } catch {
    // the long way meets it again, and says where
  }
  throw new OtherWay();
}
