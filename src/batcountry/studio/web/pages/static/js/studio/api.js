// The studio's API: every call gives what was answered, or an error whose message is a sentence for people.
import { _, said } from "./words.js";

const BASE = "/api/v1";

export class ApiError extends Error {
  constructor(sentence, status) { super(sentence); this.name = "ApiError"; this.status = status; }
}

const unreachable = () => new ApiError(_("The studio can't be reached just now."), 0);

function sentenceOf(answer, status) {
  const detail = answer?.detail;
  if (typeof detail === "string") return said(detail);
  if (Array.isArray(detail) && detail[0]?.msg) return `${detail[0].loc?.at(-1) ?? ""}: ${detail[0].msg}`;
  return _("The studio answered with an error ({status}).", { status });
}

async function call(method, path, body, options = {}) {
  let response;
  try {
    response = await fetch(BASE + path, {
      method, credentials: "same-origin", ...options,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable();
  }
  if (response.status === 401) { location.assign(`/enter?next=${encodeURIComponent(location.pathname)}`); }
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(sentenceOf(answer, response.status), response.status);
  return answer;
}

export const get = (path, options) => call("GET", path, undefined, options);
export const post = (path, body, options) => call("POST", path, body, options);
export const patch = (path, body) => call("PATCH", path, body);
export const remove = (path) => call("DELETE", path);

/** Send a file; `moved` hears how much of it is there, from 0 to 1. Resolves to an Upload. */
export function upload(file, name, moved = () => {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${BASE}/uploads`);
    request.responseType = "json";
    request.upload.onprogress = (event) => moved(event.lengthComputable ? event.loaded / event.total : 0);
    request.onerror = () => reject(unreachable());
    request.onload = () => (request.status < 300 ? resolve(request.response) : reject(new ApiError(sentenceOf(request.response, request.status), request.status)));
    const form = new FormData();
    form.append("file", file, name || "picture");
    request.send(form);
  });
}

/** Addresses of pictures. A source is {upload: id} or {picture: id}. */
export const at = {
  source: (source, side = 1600) => (source.upload ? `${BASE}/uploads/${source.upload}/file?side=${side}` : at.file(source.picture)),
  small: (source) => (source.upload ? `${BASE}/uploads/${source.upload}/file?side=320` : at.thumb(source.picture)),
  file: (id, format) => `${BASE}/pictures/${id}/file${format ? `?format=${format}` : ""}`,
  download: (id, format) => `${BASE}/pictures/${id}/file?${format ? `format=${format}&` : ""}download=1`,
  thumb: (id, side = 320) => `${BASE}/pictures/${id}/thumb?side=${side}`,
  preview: (job) => job.preview,
  channel: (model, layer, n) => `${BASE}/networks/${encodeURIComponent(model)}/layers/${encodeURIComponent(layer)}/channels/${n}/picture`,
};

export const query = (values) => {
  const given = Object.entries(values).filter(([, value]) => value !== "" && value != null && value !== false);
  return given.length ? `?${new URLSearchParams(given)}` : "";
};
