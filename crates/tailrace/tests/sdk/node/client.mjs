// Requests by the SDK's core.

import { createRequire } from 'node:module';

// By `require`, which looks into NODE_PATH; `import` does not. The paths are those that the official packages of services use.
const require = createRequire(import.meta.url);
const { BasicCredentials } = require('@huaweicloud/huaweicloud-sdk-core/auth/BasicCredentials');
const { ClientBuilder } = require('@huaweicloud/huaweicloud-sdk-core/ClientBuilder');

// What the SDK throws for an answer that is no success.
export const { ClientRequestException: SdkError } = require('@huaweicloud/huaweicloud-sdk-core/exception/ClientRequestException');

// A variable of the environment, without its prefix.
export function env(name) {
  const value = process.env[`TAILRACE_${name}`];
  if (value === undefined) {
    throw new Error(`TAILRACE_${name} is not set`);
  }
  return value;
}

// Host and port of `SOURCE` or `TARGET`.
export function address(side) {
  const at = env(side).lastIndexOf(':');
  return [env(side).slice(0, at), env(side).slice(at + 1)];
}

// Sends a request and returns the answer's body.
export function call(method, url, data, queryParams, sk = env('SK')) {
  const credentials = new BasicCredentials().withAk(env('AK')).withSk(sk).withProjectId(env('PROJECT'));
  const client = new ClientBuilder((made) => made).withCredential(credentials).withEndpoint(env('ENDPOINT')).build();
  return client.sendRequest({ method, url, data, queryParams, pathParams: {}, headers: {}, contentType: 'application/json' });
}
