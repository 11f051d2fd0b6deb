# bash completion of NAME
_FUNCTION_words() {
    local -a reply
    local option
    mapfile -t reply < <(_BUNDLER_COMPLETE=bash "$1" "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
    # Without an answer, bash offers what it offers anywhere: files.
    if [ "${#reply[@]}" -eq 0 ]; then
        compopt -o bashdefault -o default
        return
    fi
    for option in ${reply[0]}; do compopt -o "$option"; done
    COMPREPLY=("${reply[@]:1}")
}
complete -F _FUNCTION_words NAME
