# Completion for bash. What there is to complete, `slotless --help` and `slotless NAME --help` say.

# Lines "--option" or "--option word word", the words being all that it takes, if these are names.
_slotless_options() {
  command "$@" --help 2>/dev/null </dev/null | awk '
    # "  --name VALUE" or "  -h, --name"; what follows up to the next such line is about it.
    /^ +(-[a-z], )?--[a-z]/ { if (option != "") print option words
                              match($0, /--[a-z][a-z-]*/); option = substr($0, RSTART, RLENGTH); words = "" }
    /^ +Allowed: [a-z][a-z, -]* or [a-z-]+\./ {
      text = $0; sub(/^ +Allowed: /, "", text); sub(/\..*/, "", text); sub(/ or /, ", ", text)
      count = split(text, each, /, */); words = ""
      for (i = 1; i <= count; i++) if (each[i] ~ / /) count = 0
      for (i = 1; i <= count; i++) words = words " " each[i] }
    END { if (option != "") print option words }'
}

# The words that stand at the place of an action: "check|run|verify" in the first line.
_slotless_actions() {
  command "$@" --help 2>/dev/null </dev/null | sed -n "1s/^Usage: slotless $2 \([a-z|-]*\) .*/\1/p" | tr '|' ' '
}

_slotless_subcommands() {
  command "$1" --help 2>/dev/null </dev/null | sed -n '/^Instead of the daemon/,$ s/^  \([a-z][a-z-]*\).*/\1/p'
}

_slotless() {
  local program="${COMP_WORDS[0]}" current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD - 1]}"
  local called=("$program") subcommands choices option words
  COMPREPLY=()
  # A word break of its own: --read-from=master is three words.
  if [ "$current" = = ]; then current=; else [ "$previous" != = ] || previous="${COMP_WORDS[COMP_CWORD - 2]}"; fi
  subcommands="$(_slotless_subcommands "$program")"
  if [ "$COMP_CWORD" -gt 1 ] && [[ " ${subcommands//$'\n'/ } " == *" ${COMP_WORDS[1]} "* ]]; then called+=("${COMP_WORDS[1]}"); fi

  local all=()
  while read -r option words; do
    all+=("$option")
    if [ "$option" = "$previous" ]; then choices="$words"; fi
  done < <(_slotless_options "${called[@]}")

  if [ -n "${choices-}" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current")
  elif [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "${all[*]}" -- "$current")
  elif [[ $previous == --* && $previous =~ (file|config|folder|cert|key|socket|log) ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  elif [ "$COMP_CWORD" = 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$subcommands" -- "$current")
  elif [ "${#called[@]}" = 2 ] && [ "$COMP_CWORD" = 2 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_slotless_actions "${called[@]}")" -- "$current")
  fi
}

complete -F _slotless slotless
