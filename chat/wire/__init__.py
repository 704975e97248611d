"""One file a language: `plain` for people, `jsonl` for programs.  Pure: lines to requests, events to bytes."""
