"use strict";

const message = document.getElementById("message");

/** Asks the app's own API; what it refuses is shown in its words. */
async function ask(method, path, body) {
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (answer.ok) return answer;
  if (answer.status === 401) return location.reload();
  message.textContent = tell(answer, await answer.json().catch(() => ({})));
}

/** A refusal in words, with when to come back, and what to name when asking for help. */
function tell(answer, problem) {
  const wait = answer.headers.get("retry-after");
  const again = problem.resets_at ? ` until ${when(problem.resets_at)}` : wait ? `; try again in ${wait} s` : "";
  const trace = problem.trace_id ? ` (trace ${problem.trace_id})` : "";
  return `${answer.status} ${problem.title ?? ""}: ${problem.detail ?? "the app could not do that"}${again}${trace}`;
}

function when(time) {
  return new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

for (const time of document.querySelectorAll("time")) time.textContent = when(time.dateTime);

document.getElementById("new-note")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await ask("POST", "/api/notes", { text: event.target.text.value })) location.reload();
});

document.getElementById("notes")?.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-do]");
  if (!button) return;
  const note = button.closest("li");
  button.disabled = true;
  if (button.dataset.do === "delete") {
    if (await ask("DELETE", `/api/notes/${note.dataset.id}`)) location.reload();
  } else {
    const answer = await ask("POST", `/api/notes/${note.dataset.id}/summary`);
    if (answer) {
      const { summary, budget_left } = await answer.json();
      note.querySelector(".summary").textContent = summary;
      document.getElementById("budget-left").textContent = budget_left;
    }
  }
  button.disabled = false;
});

// A page that the browser kept for its back button is asked for anew: whoever signed out sees nothing private.
addEventListener("pageshow", (event) => event.persisted && location.reload());
