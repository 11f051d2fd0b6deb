# Whose key it is, the caller says; SHA256SUMS has the sums of all other files. Nothing that is missing is taken for a yes.
check_signature() {
    [ -f "$key" ] || die "$key, the public key, is not there" "" 2
    signed=$here/SHA256SUMS
    IFS= read -r first <"$key" || [ -n "$first" ] || die "$key is empty" "" 2
    case $first in
    'untrusted comment: '*) check_minisign ;;
    ssh-ed25519\ * | ssh-rsa\ * | ecdsa-sha2-nistp*\ * | sk-*@openssh.com\ *) check_ssh ;;
    *) die "$key is no public key of minisign, signify or SSH" "" 2 ;;
    esac
    note "SHA256SUMS was signed by $key"
}

has_signature() {
    [ -f "$1" ] || die "the kit is not signed: ${1##*/} is missing" "bundler pack --kit --sign KEY signs it" 6
}

check_minisign() {
    signature=$signed.minisig
    [ -f "$signature" ] || [ ! -f "$signed.sig" ] || signature=$signed.sig
    has_signature "$signature"
    verifier=''
    for program in minisign signify-openbsd signify usign; do
        # Debian has another signify, for mails. What says yes to a file that was never signed verifies nothing.
        if have "$program" && ! verifies "$program" "$key"; then
            verifier=$program
            verifies "$program" "$signed" && return
        fi
    done
    [ -n "$verifier" ] || die "$key is of minisign or signify, and neither they nor usign are on PATH: nothing was verified" "install one of them" 5
    die "SHA256SUMS is not what $key has signed" "do not use this kit unless you know why" 6
}

verifies() { "$1" -V -q -p "$key" -x "$signature" -m "$2" </dev/null >/dev/null 2>&1; }

check_ssh() {
    has_signature "$signed.sig"
    have ssh-keygen || die "$key is of SSH, and ssh-keygen is not on PATH: nothing was verified" "install it, in Debian's openssh-client" 5
    # A line of ALLOWED SIGNERS, without what may stand behind the key.
    read -r kind blob _ <"$key" || [ -n "$blob" ] || die "$key holds no key" "" 2
    ssh-keygen -Y verify -q -n file -I signer -f /dev/fd/3 -s "$signed.sig" <"$signed" >/dev/null 2>&1 3<<END || die "SHA256SUMS is not what $key has signed" "do not use this kit unless you know why" 6
signer namespaces="file" $kind $blob
END
}
