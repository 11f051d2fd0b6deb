"""config.json as the runtime-spec has it: read, judged and compared, whoever has written it."""
