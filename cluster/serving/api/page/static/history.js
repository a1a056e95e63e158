// The questions and solutions of this tab. They are kept by the browser until the tab is closed.

const KEY = "automathes.history";
const MOST = 20;

/** The entries, newest first: [{question, records}]. */
export function load() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? [];
  } catch {
    return [];
  }
}

/** Keep the newest entries, as many as the browser has room for. */
export function save(entries) {
  for (let count = Math.min(entries.length, MOST); count > 0; count = Math.floor(count / 2)) {
    try {
      sessionStorage.setItem(KEY, JSON.stringify(entries.slice(0, count)));
      return;
    } catch {
      // no room: keep fewer
    }
  }
  sessionStorage.removeItem(KEY);
}
