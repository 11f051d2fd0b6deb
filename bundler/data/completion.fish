# fish completion of NAME
function __FUNCTION_words
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    env _BUNDLER_COMPLETE=fish $words "$word" 2>/dev/null
end
complete -c NAME -f -a '(__FUNCTION_words)'
