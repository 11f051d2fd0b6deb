#compdef NAME
# zsh completion of NAME
_NAME() {
    local line
    local -a words_before open closed
    # A home or a variable is the shell's to expand.
    case $PREFIX in '~'*|*'$'*) _files; return ;; esac
    words_before=("${(@Q)words[1,CURRENT-1]}")
    for line in "${(@f)$(_BUNDLER_COMPLETE=zsh "${words_before[@]}" "$PREFIX" 2>/dev/null)}"; do
        case $line in
        +*) open+=("${line#+}") ;;
        -*) closed+=("${line#-}") ;;
        esac
    done
    local found=1
    (( $#closed )) && _describe -t values value closed && found=0
    (( $#open )) && _describe -t beginnings beginning open -S '' && found=0
    return found
}
if [ "$funcstack[1]" = _NAME ]; then
    _NAME "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
    compdef _NAME NAME
fi
