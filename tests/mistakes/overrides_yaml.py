"""Files that are no YAML, or YAML of another meaning than their writers think."""

from tests.mistakes.mistake import Mistake, overrides


def piped(content: bytes, what: str, hint: str) -> Mistake:
    return Mistake(line="overrides check -", stdin=content, what=f"<standard input>{what}", hint=hint)


YAML = (
    overrides('command: "sleep\nuser: app\n', what='web.yaml:1:10: the quote " ... never closed', hint='write "'),
    overrides("command: [sh, -c, 'echo]\nuser: app\n", what="web.yaml:1:19: the quote ' ... never closed", hint="'"),
    overrides("command: [sh, -c\nuser: app\n", what="web.yaml:1:10: the [ ... 2:5", hint="write ]"),
    overrides("environment: {A: b\nuser: app\n", what="web.yaml:1:14: the { ... 2:5", hint="write }"),
    overrides('command: ["sh" "-c"]\n', what="web.yaml:1:10: the [ ... 1:16 has text", hint="a comma"),
    overrides("command: [sh]]\n", what="web.yaml:1:14: a ] does not fit", hint="column"),
    overrides("environment: {A: b,, C: d}\n", what="web.yaml:1:20: a , where a value", hint="write a value"),
    overrides("environment:\n\tA: b\n", what="web.yaml:2:1: a tab", hint="blanks"),
    overrides("user:\tapp\n", what="web.yaml:1:6: a tab", hint="blanks"),
    overrides("user: app\nuser: root\n", what="web.yaml:2:1: the key user stands twice", hint="1:1"),
    overrides("environment:\n  A: b\n  A: c\n", what="web.yaml:3:3: the key A stands twice", hint="2:3"),
    overrides("user app\n", what="web.yaml:1:1: ... this is the text 'user app'", hint="user: app"),
    overrides("user=app\n", what="web.yaml:1:1: ... 'user=app'", hint="user: app"),
    overrides("- user: app\n", what="web.yaml:1:1: ... this is a list", hint="user: app"),
    overrides("user: app\n command: x\n", what="web.yaml:2:9: ... indented too far", hint="same column"),
    overrides("command: echo: hello\n", what="web.yaml:1:14: a second :", hint="in quotes"),
    overrides("environment:\n  A: b\n B: c\n", what="web.yaml:3:2: a key does not fit ... 1:1", hint="same column"),
    overrides("environment:\n  - A=b\n  C: d\n", what="web.yaml:3:3: ... the list that begins at 2:3", hint="column"),
    overrides("environment:\n  A: b\n  - C=d\n", what="web.yaml:3:3: a - ... the map ... 2:3", hint="column"),
    overrides("command: - sh\n", what="web.yaml:1:10: a list cannot begin here", hint="[a, b]"),
    overrides("command: 'it's'\n", what="web.yaml:1:14: text does not fit", hint="quotes of the other kind"),
    overrides("user: @app\n", what="web.yaml:1:7: text cannot begin with @", hint="in quotes"),
    overrides("command: `id`\n", what="web.yaml:1:10: text cannot begin with `", hint="in quotes"),
    overrides("command: *glob\n", what="web.yaml:1:10: the alias *glob", hint="in quotes"),
    overrides("user: !app x\n", what="web.yaml:1:7: unknown tag !app", hint="in quotes"),
    overrides('working_dir: "C:\\data"\n', what="web.yaml:1:18: \\d is no escape", hint="single quotes"),
    overrides("user: 0100\n", what="web.yaml:1:7: 0100 is octal to some", hint='"0100"'),
    overrides("user: app\n---\nuser: root\n", what="web.yaml:2:1: a second document", hint="a file of each"),
    overrides("[service]\nuser = app\n", what="web.yaml:2:1: text behind the end", hint="user: app"),
    overrides("<user>app</user>\n", what="web.yaml:1:1: ... map of keys", hint="user: app"),
    overrides("user: app\r\ncommand: [sh\r\n", what="web.yaml:2:10: the [ ... end of the file", hint="write ]"),
    piped(b"user: \xe4pp\n", ": not UTF-8 at byte 6", "UTF-8"),
    piped("user: app\n".encode("utf-16"), ": not UTF-8 at byte 0", "UTF-8"),
    piped(b"user: a\x01b\n", ":1:8: a character that no text file has", "escape"),
)
