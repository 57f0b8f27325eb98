import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';

export interface Description {
  readonly title: string;
  readonly description: string;
  /** Last touch on the document, for what decorators cannot say. */
  readonly openapi?: (document: OpenAPIObject) => OpenAPIObject;
}

export function openApiDocument(
  app: NestFastifyApplication,
  { title, description, openapi }: Description,
): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle(title)
    .setDescription(description)
    .setVersion('1')
    // Relative to the document's own address: a proxy may put any prefix before it.
    .addServer('.', 'Beside this document')
    .build();
  const document = SwaggerModule.createDocument(app, config, { operationIdFactory: (_controller, method) => method });
  return openapi ? openapi(document) : document;
}

/** `/docs` (Swagger UI) and `/openapi.json`. */
export function serveDocuments(app: NestFastifyApplication, description: Description): void {
  SwaggerModule.setup('docs', app, () => openApiDocument(app, description), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: description.title,
  });
}
