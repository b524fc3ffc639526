internal import ArgumentParser

/// The shells whose completion we know.
enum Shell: String, CaseIterable, ExpressibleByArgument {
    case bash, zsh, fish

    /// The script that asks `adapterctl` what may stand where the cursor is.
    var completionScript: String {
        switch self {
        case .bash: Shell.bashScript
        case .zsh: Shell.zshScript
        case .fish: Shell.fishScript
        }
    }

    /// The first argument by which the scripts ask; what follows are the words of the line as far as the cursor.
    static let question = "--complete-words"

    private static let bashScript = #"""
        # bash completion for adapterctl

        _adapterctl() {
            # Bash splits words at ':' and '=', which references and options have within. Join what stands together.
            local rest="${COMP_LINE:0:COMP_POINT}" index word
            local -a words=()
            for ((index = 0; index <= COMP_CWORD; index++)); do
                word="${COMP_WORDS[index]}"
                ((index == COMP_CWORD)) && word="${rest#"${rest%%[![:space:]]*}"}"
                if ((index > 0)) && [[ -n "$rest" && "$rest" != [[:space:]]* ]]; then
                    words[${#words[@]} - 1]+="$word"
                else
                    words+=("$word")
                fi
                rest="${rest#"${rest%%[![:space:]]*}"}"
                rest="${rest#"$word"}"
            done
            local current="${words[${#words[@]} - 1]}"
            local -a reply=()
            mapfile -t reply < <("${COMP_WORDS[0]/#\~/$HOME}" --complete-words "${words[@]:1}" 2>/dev/null)
            # It replaces only what stands behind the last of them.
            local before="${current%"$2"}" line candidate
            COMPREPLY=()
            for line in "${reply[@]:1}"; do
                candidate="${line%%$'\t'*}"
                [[ "$candidate" == "$before"* ]] && COMPREPLY+=("${candidate#"$before"}")
            done
            case "${reply[0]}" in
            files*)
                # Names of files are quoted and directories get a slash; references must stay as they are.
                ((${#COMPREPLY[@]} == 0)) && compopt -o filenames 2>/dev/null
                while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -f -- "$2")
                ;;
            directories*)
                compopt -o filenames 2>/dev/null
                while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -d -- "$2")
                ;;
            *open) compopt -o nospace 2>/dev/null ;;
            esac
        }

        complete -F _adapterctl adapterctl
        """#

    private static let zshScript = #"""
        #compdef adapterctl

        _adapterctl() {
            local -a reply open closed
            local mode line word result=1
            reply=("${(@f)$("${words[1]}" --complete-words "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
            mode="${reply[1]}"
            for line in "${(@)reply[2,-1]}"; do
                [[ -n "$line" ]] || continue
                word="${line%%$'\t'*}"
                # A colon parts the word from what it means.
                word="${word//:/\\:}"
                [[ "$line" == *$'\t'* ]] && word="$word:${line#*$'\t'}"
                closed+=("$word")
            done
            if [[ "$mode" == *open ]]; then
                open=("${closed[@]}")
                closed=()
            fi
            ((${#open})) && _describe -V 'adapter' open -S '' && result=0
            ((${#closed})) && _describe -V 'value' closed && result=0
            case "$mode" in
            files*) _files && result=0 ;;
            directories*) _files -/ && result=0 ;;
            esac
            return result
        }

        if [[ "${funcstack[1]}" = _adapterctl ]]; then
            _adapterctl "$@"
        else
            compdef _adapterctl adapterctl
        fi
        """#

    private static let fishScript = #"""
        # fish completion for adapterctl

        function __adapterctl_complete
            set -l words (commandline -opc)
            set -l current (commandline -ct)
            set -l reply (command $words[1] --complete-words $words[2..] "$current" 2>/dev/null)
            test (count $reply) -gt 1; and printf '%s\n' $reply[2..]
            switch "$reply[1]"
                case 'files*'
                    __fish_complete_path "$current"
                case 'directories*'
                    __fish_complete_directories "$current" ''
            end
        end

        complete -c adapterctl -f -k -a '(__adapterctl_complete)'
        """#
}
