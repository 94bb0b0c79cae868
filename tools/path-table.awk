# SPDX-License-Identifier: MIT
#
# From `objdump -t -d` of some objects to a NASM table of every instruction in them: struct path_function of xtk/inject.h, one a
# function, and one byte a instruction: its length. table=NAME gives NAME_functions and NAME_function_count.
#
# A function is named by a global symbol of its object and a distance, because most have no global name; an object without one has
# nothing that another can call, and is left out. Symbols with a dot are labels (NASM's local labels) or parts (the compiler's
# clones) of the function before them: table=path counts them to it, table=ist makes each label a row of its own, but for a
# place inside a step (a second dot). The compiler's
# pad behind the last instruction of a function is no boundary.

function flush_function(   i)
{
	while (n && pad[n])
		n--
	if (!n || base == "") {
		n = 0
		return
	}
	names[++functions] = name
	bases[functions] = base
	distances[functions] = distance
	starts[functions] = start
	counts[functions] = n
	for (i = 1; i <= n; i++)
		lengths[functions] = lengths[functions] (i > 1 ? "," : "") size[i]
	n = 0
}

/file format/ {
	flush_function()
	base = ""
	nasm = /\.asm\.o:/
	delete label
}

# "0000000000000010 g     F .text\t0000000000000043 plain_nmi"
/^[0-9a-f]+ g .* \.text\t/ {
	if (base == "") {
		base = $NF
		distance = $1
	}
}

# A label where a function begins: objdump names the function only.
/^[0-9a-f]+ l .* \.text\t/ {
	if ($NF ~ /[^.]\./)
		label[$1] = $NF
}

/^[0-9a-f]+ <.*>:$/ {
	symbol = substr($2, 2, length($2) - 3)
	if (table == "ist" && nasm && $1 in label)
		symbol = label[$1]
	if (table == "ist" && !nasm)
		sub(/\..*/, "", symbol)
	if (table == "ist" ? symbol !~ /\..*\./ : symbol !~ /\./) {
		flush_function()
		name = symbol
		start = $1
	}
}

# "  1a:\t48 89 c3             \tmov    %rax,%rbx"
/^ *[0-9a-f]+:\t/ {
	split($0, field, "\t")
	size[++n] = split(field[2], bytes, " ")
	pad[n] = !nasm && field[3] ~ /^(data16 |cs )*(nop|xchg +%ax,%ax$)/
}

END {
	flush_function()
	if (!functions)
		exit 1
	print "\tsection .rodata"
	print "\tglobal " table "_functions, " table "_function_count"
	for (i = 1; i <= functions; i++)
		if (!seen[bases[i]]++)
			print "\textern " bases[i]
	print table "_function_count:\n\tdq " functions
	print table "_functions:"
	for (i = 1; i <= functions; i++)
		printf "\tdq name%d, %s - 0x%s + 0x%s, %d, lengths%d\n", i, bases[i], distances[i], starts[i], counts[i], i
	for (i = 1; i <= functions; i++) {
		printf "name%d:\n\tdb \"%s\", 0\n", i, names[i]
		printf "lengths%d:\n\tdb %s\n", i, lengths[i]
	}
}
