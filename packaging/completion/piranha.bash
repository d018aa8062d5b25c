# Completion of the load balancer's programs. Options and commands are those that --help shows, so none is missing here.

_piranha() {
	local program=$1 word=$2 before=$3
	COMPREPLY=()
	if [[ $before == = || $before == -c ]]; then # of an option, mostly a file or a directory
		compopt -o default 2>/dev/null
	elif [[ $word == -* ]]; then
		# As in "  -c, --configfile=FILE".
		mapfile -t COMPREPLY < <(compgen -W "$("$program" --help 2>/dev/null |
			sed -n 's/^ \{6\}\(--[a-z0-9_-]*=\{0,1\}\).*/\1/p; s/^  -., \(--[a-z0-9_-]*=\{0,1\}\).*/\1/p')" -- "$word")
		[[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace 2>/dev/null
	elif [[ ${program##*/} == piranhactl ]]; then
		_piranhactl "$program" "$word"
	else
		compopt -o default 2>/dev/null
	fi
}

# _piranhactl completes a command, and the names of virtual servers and real servers after it.
_piranhactl() {
	local words=() word kind
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ $word == -* ]] || words+=("$word")
	done
	case ${#words[@]}:${words[0]-} in
	0:*)
		mapfile -t COMPREPLY < <(compgen -W "$("$1" --help 2>/dev/null |
			sed -n '/^Commands:/,/^$/s/^  \([a-z]\{1,\}\).*/\1/p')" -- "$2")
		return
		;;
	1:history | 1:connections | 1:probe | 1:drain | 1:maint | 1:ready | 1:weight) kind=virtual ;;
	2:history | 2:connections | 2:probe | 2:drain | 2:maint | 2:ready | 2:weight) kind=server ;;
	*)
		compopt -o default 2>/dev/null
		return
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$(sed -n "s/^[[:blank:]]*$kind[[:blank:]]\{1,\}\([^[:blank:]{]*\).*/\1/p" \
		/etc/sysconfig/ha/lvs.cf 2>/dev/null | sort -u)" -- "$2")
}

complete -F _piranha pulse lvsd nanny send_arp piranha-gui piranha-passwd piranhactl
