// The server's API: models, streamed solutions, feedback. The token goes into a header, never into an address.

const TOKEN = "automathes.token";

/** An error of the API, with its message and HTTP status; status 0: the server was not reached. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export function hasToken() {
  return sessionStorage.getItem(TOKEN) !== null;
}

/** Use a token for the rest of this tab; null forgets it. */
export function setToken(token) {
  if (token === null) sessionStorage.removeItem(TOKEN);
  else sessionStorage.setItem(TOKEN, token);
}

/** The models that are served: [{id, automathes: {policy_version}}]. */
export async function models() {
  return (await (await request("v1/models")).json()).data;
}

/** Whether the server collects feedback. One without that route does not. */
export async function isCollecting() {
  try {
    return (await (await request("v1/feedback")).json()).collecting === true;
  } catch (error) {
    if (error.status === 404) return false;
    throw error;
  }
}

/** Send a rating: {id, choice, rating, answer, comment}. */
export async function sendFeedback(rating) {
  await request("v1/feedback", { body: rating });
}

/**
 * Ask for a solution, and yield the objects of its stream.
 *
 * Throws an ApiError if the request or the stream fails, and an AbortError once the signal is aborted.
 */
export async function* solve(body, signal) {
  const response = await request("v1/chat/completions", { body: { ...body, stream: true }, signal });
  for await (const data of events(response.body)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new ApiError(chunk.error.message, 200);
    yield chunk;
  }
  throw new ApiError("The stream ended before the solution did. Is the server still running?", 0);
}

async function request(path, { body, signal } = {}) {
  const headers = {};
  const token = sessionStorage.getItem(TOKEN);
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const options = { method: body === undefined ? "GET" : "POST", headers, signal, cache: "no-store" };
  if (body !== undefined) options.body = JSON.stringify(body);
  const response = await reach(path, options);
  if (!response.ok) throw new ApiError(await messageOf(response), response.status);
  return response;
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server cannot be reached. Is it still running?", 0);
  }
}

async function messageOf(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `The server answered with status ${response.status}.`;
  }
}

/** The data of server-sent events. */
async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) if (block.startsWith("data: ")) yield block.slice(6);
    }
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The connection was lost before the solution ended.", 0);
  } finally {
    reader.cancel().catch(() => {});
  }
}
