import { invalid, Problem, type ValueError } from '#libs/problems';

/** One thing wrong with one parameter. */
export type ParameterError = ValueError & { readonly parameter: string };

/**
 * The problem that names everything wrong with a request's parameters. A name that does not exist outweighs bad values
 * (400 before 422): what a client misnamed, it also did not check.
 */
export function refusal(errors: readonly ParameterError[]): Problem {
  const misnamed = errors.find(({ code }) => code === 'unknown-parameter');
  if (misnamed) return new Problem('unknown-parameter', misnamed.detail, { errors });
  const [first] = errors;
  if (errors.length === 1 && first!.code === 'cursor-mismatch')
    return new Problem('cursor-mismatch', first!.detail, { errors });
  return invalid(errors);
}
