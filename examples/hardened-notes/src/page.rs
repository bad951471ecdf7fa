//! The page that people see: rendered on the server, under a policy that runs only what carries this answer's nonce.

use axum::extract::State;
use axum::response::Response;
use gambeson::hardening_headers::Nonce;
use gambeson::rbac::Authorizer;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::app::App;
use crate::budget::Allowance;
use crate::caller::{Caller, Visitor};
use crate::store::Note;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What a person may do here, and the permission that it takes.
const ABILITIES: [(&str, &str); 5] = [
    ("read notes", "notes:read"),
    ("write notes", "notes:write"),
    ("delete notes", "notes:delete"),
    ("have notes summarised", "ai:use"),
    ("read the audit trail", "audit:read"),
];

/// `GET /`: the front door for strangers, the notes for those who are signed in.
pub async fn home(
    visitor: Visitor,
    authorizer: Authorizer,
    nonce: Nonce,
    State(app): State<App>,
) -> Result<Markup, Response> {
    let Visitor::Known(caller) = visitor else { return Ok(document(&nonce, &front_door(app.sign_in))) };
    let notes = match authorizer.allows("notes:read") {
        true => app.store.list(caller.tenant(), None).await.map_err(|error| caller.broken(error))?,
        false => Vec::new(),
    };
    let allowance = app.model.as_ref().and_then(|_| Allowance::of(&app.guard, caller.facts()));
    Ok(document(&nonce, &desk(&caller, &authorizer, &notes, allowance.as_ref())))
}

fn document(nonce: &Nonce, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Hardened notes" }
                style nonce=(nonce) { (PreEscaped(STYLE)) }
            }
            body {
                (content)
                script nonce=(nonce) { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn front_door(sign_in: bool) -> Markup {
    html! {
        main class="door" {
            h1 { "Hardened notes" }
            p { "Notes for a small team. Nothing is shown to strangers." }
            @if sign_in { a class="button" href="/login" { "Sign in" } }
        }
    }
}

fn desk(caller: &Caller, authorizer: &Authorizer, notes: &[Note], allowance: Option<&Allowance>) -> Markup {
    html! {
        header {
            h1 { "Hardened notes" }
            p { strong id="person" { (caller.name()) } " of " (caller.tenant()) }
            form method="post" action="/logout" { button id="sign-out" { "Sign out" } }
        }
        main {
            section {
                @if authorizer.allows("notes:write") { (new_note()) }
                p id="message" role="status" {}
                ul id="notes" { @for note in notes { (entry(note, authorizer, allowance.is_some())) } }
                @if notes.is_empty() { p class="faint" { "No notes yet." } }
            }
            aside {
                h2 { "You may" }
                ul id="abilities" {
                    @for (what, permission) in ABILITIES {
                        @let may = authorizer.allows(permission);
                        li class=(if may { "yes" } else { "no" }) { (what) }
                    }
                }
                @if let Some(allowance) = allowance { (budget(allowance)) }
            }
        }
    }
}

fn new_note() -> Markup {
    html! {
        form id="new-note" {
            label for="text" { "A new note" }
            textarea id="text" name="text" rows="3" required maxlength="10000" {}
            button { "Keep" }
        }
    }
}

fn entry(note: &Note, authorizer: &Authorizer, model: bool) -> Markup {
    html! {
        li data-id=(note.id) {
            p class="text" { (note.text) }
            p class="faint" { (note.author) ", " time datetime=(note.created_at) { (note.created_at) } }
            p class="summary" {}
            @if model && authorizer.allows("ai:use") { button data-do="summarise" { "Summarise" } }
            @if authorizer.allows("notes:delete") { button data-do="delete" { "Delete" } }
        }
    }
}

fn budget(allowance: &Allowance) -> Markup {
    html! {
        h2 { "Today's budget" }
        p { span id="budget-left" { (allowance.left) } " of " (allowance.limit) " left" }
        @if let Some(time) = &allowance.resets_at { p class="faint" { "starts anew " time datetime=(time) { (time) } } }
    }
}
