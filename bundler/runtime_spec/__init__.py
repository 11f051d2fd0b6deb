"""config.json as the runtime-spec has it: read, judged and compared, whatever has written it."""
