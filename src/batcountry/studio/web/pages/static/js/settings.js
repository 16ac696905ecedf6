// How the studio is set up: light or dark here, the rest as it was started.
import { _, bytes, number, said } from "./studio/words.js";
import { $, el, told } from "./studio/dom.js";
import { get } from "./studio/api.js";
import { happenings } from "./studio/events.js";
import { STATES } from "./studio/running.js";
import { header } from "./studio/header.js";

for (const input of document.querySelectorAll("[name=theme]")) {
  input.addEventListener("change", () => {
    document.cookie = `theme=${input.value}; path=/; max-age=31536000; samesite=strict`;
    if (input.value) document.documentElement.dataset.theme = input.value; else delete document.documentElement.dataset.theme;
  });
}

const facts = (place, list) => place.replaceChildren(...list.filter(([, value]) => value != null && value !== "").flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));

try {
  const now = await get("/settings");
  facts($("machine"), [
    [_("Dreams on"), (now.devices ?? []).map((each) => (each === "auto" ? _("the best that is here") : each)).join(", ")],
    [_("Memory"), now.memory_total ? _("{free} of {all} free", { free: bytes(now.memory_free), all: bytes(now.memory_total) }) : ""],
    [_("Network leaves the memory after"), now.idle_seconds ? _("{n} min without work", { n: number(now.idle_seconds / 60, { maximumFractionDigits: 1 }) }) : ""],
    [_("Jobs"), now.queue ? Object.entries(now.queue).filter(([, count]) => count).map(([state, count]) => `${_(STATES[state] ?? state)} ${number(count)}`).join(" · ") : ""],
    [_("Version"), now.version],
  ]);
  facts($("folder"), [
    [_("Folder"), now.folder],
    [_("Folder that dreams"), now.watch?.inputs],
    [_("Its results go to"), now.watch?.outputs],
    [_("How it dreams is said in"), now.watch?.settings],
    [_("The folder waits"), now.watch?.sentence && said(now.watch.sentence)],
    [_("Used"), now.used_bytes == null ? "" : now.quota_bytes ? _("{used} of {all}", { used: bytes(now.used_bytes), all: bytes(now.quota_bytes) }) : bytes(now.used_bytes)],
    [_("Free on the disk"), now.disk_free == null ? "" : bytes(now.disk_free)],
    [_("When the quota is full"), now.quota_bytes ? (now.drop_oldest ? _("the oldest that is no favorite goes") : _("nothing new is made")) : ""],
    [_("Pictures"), now.pictures == null ? "" : number(now.pictures)],
    [_("Largest file to send"), now.max_upload_bytes ? bytes(now.max_upload_bytes) : ""],
    [_("Most pixels of a picture"), now.max_pixels ? _("{n} million", { n: number(now.max_pixels / 1e6, { maximumFractionDigits: 1 }) }) : ""],
    [_("Longest film"), now.max_film_seconds ? _("{n} min", { n: number(now.max_film_seconds / 60, { maximumFractionDigits: 1 }) }) : ""],
    [_("Most jobs in line"), now.max_queue ? number(now.max_queue) : ""],
  ]);
} catch (error) { told(error); }
try {
  const answer = await get("/networks");
  $("networks").replaceChildren(...(answer.networks ?? answer).map((each) => el("li", {}, el("b", {}, each.title ?? each.name), el("span", { class: "soft" }, each.here === false ? (each.by_hand ? _("to be fetched by hand") : _("not downloaded")) : _("ready")),
    el("small", {}, [each.trained_on, each.license, each.bytes ? bytes(each.bytes) : "", each.here === false && !each.by_hand ? `bat-country models download ${each.name}` : ""].filter(Boolean).join(" · ")))));
} catch (error) { told(error); }
header();
happenings.begin();
