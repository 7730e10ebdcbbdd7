// The OpenAPI schema of a kind, fetched where somebody edits one.
import type { Schema, Schemas } from '../model/completion';
import { type Kind, kindByName } from './kinds';
import { request } from './request';

interface Document {
  components?: { schemas?: Record<string, Schema & { 'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[] }> };
}

const documents = new Map<string, Promise<Document>>();

// Those that this console knows stay as they are while the server runs. Of the others, definitions come
// and go.
function documentOf(kind: Kind): Promise<Document> {
  const path = kind.group === '' ? `/openapi/v3/api/${kind.version}` : `/openapi/v3/apis/${kind.group}/${kind.version}`;
  if (kindByName(kind.plural) !== kind) return request<Document>(path);
  let document = documents.get(path);
  if (!document) {
    document = request<Document>(path);
    documents.set(path, document);
    // What could not be had now may be later.
    document.catch(() => documents.delete(path));
  }
  return document;
}

export async function schemaOf(kind: Kind): Promise<{ schemas: Schemas; root: Schema } | null> {
  const schemas = (await documentOf(kind)).components?.schemas ?? {};
  const root = Object.values(schemas).find((each) =>
    each['x-kubernetes-group-version-kind']?.some((of) => of.group === kind.group && of.version === kind.version && of.kind === kind.kind));
  return root ? { schemas, root } : null;
}
