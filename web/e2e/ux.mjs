/**
 * What readers can rely on: every sentence of that section of `docs/widget.md`, checked in Chromium. The
 * third argument, if there is one, is part of a sentence: only those run.
 */
import { story } from "../../crates/parlour/tests/clients/story.mjs";
import { runAll } from "./checks.mjs";
import "./ux-arriving.mjs";
import "./ux-people.mjs";
import "./ux-reading.mjs";
import "./ux-writing.mjs";
import "./ux-places.mjs";
import "./ux-states.mjs";

story(() => runAll("## What readers can rely on", process.argv.slice(5)));
