import type { OpenAPIObject } from '@nestjs/swagger';
import type { Catalog } from '#libs/catalog';
import { versionSchemas } from './dimensions/version-schemas.js';

/** Adds the schemas that follow from the catalog: there are no classes that decorators could refer to. */
export const withCatalogSchemas =
  (catalog: Catalog) =>
  (document: OpenAPIObject): OpenAPIObject => ({
    ...document,
    components: {
      ...document.components,
      schemas: { ...document.components?.schemas, ...versionSchemas(catalog) },
    },
  });
