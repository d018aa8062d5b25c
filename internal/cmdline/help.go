package cmdline

import "strings"

// Widths of the help texts, in columns.
const (
	helpColumn = 34
	lineWidth  = 80
)

// help is the text of --help: the program's own options, then the three that every program has.
func (s *Set) help() string {
	var b strings.Builder
	b.WriteString("Usage: " + s.name + " [OPTION...]")
	if s.synopsis != "" {
		b.WriteString(" " + s.synopsis)
	}
	b.WriteString("\n")
	if len(s.commands) > 0 {
		b.WriteString("\nCommands:\n")
		for i := range s.commands {
			b.WriteString(entry("  "+s.commands[i].Long, s.commands[i].Help))
		}
		b.WriteString("\nOptions:\n")
	}
	for i := range s.options[common:] {
		b.WriteString(s.options[common+i].help())
	}
	b.WriteString("\nHelp options:\n")
	for i := range s.options[:common] {
		b.WriteString(s.options[i].help())
	}
	return b.String()
}

// common is how many options New adds by itself.
const common = 3

// help is one option's entry: `  -c, --configfile=FILE   text`.
func (o *Option) help() string {
	head := "      --" + o.Long
	if o.Short != 0 {
		head = "  -" + string(rune(o.Short)) + ", --" + o.Long
	}
	if o.Arg != "" {
		head += "=" + o.Arg
	}
	return entry(head, o.Help)
}

// entry is something explained, the explanation wrapped into its own column.
func entry(head, text string) string {
	if len(head)+2 > helpColumn {
		head += "\n" + strings.Repeat(" ", helpColumn)
	} else {
		head += strings.Repeat(" ", helpColumn-len(head))
	}
	return head + wrap(strings.Fields(text), helpColumn, helpColumn) + "\n"
}

// usage is the text of --usage: every option in brackets, flags with a letter bundled first.
func (s *Set) usage() string {
	var flags []byte
	var words []string
	for i := range s.options {
		o := &s.options[i]
		switch {
		case o.Short != 0 && o.Arg == "":
			flags = append(flags, o.Short)
			words = append(words, "[-"+string(rune(o.Short))+"|--"+o.Long+"]")
		case o.Short != 0:
			words = append(words, "[-"+string(rune(o.Short))+"|--"+o.Long+"="+o.Arg+"]")
		case o.Arg != "":
			words = append(words, "[--"+o.Long+"="+o.Arg+"]")
		default:
			words = append(words, "[--"+o.Long+"]")
		}
	}
	if len(flags) > 0 {
		words = append([]string{"[-" + string(flags) + "]"}, words...)
	}
	if s.synopsis != "" {
		words = append(words, s.synopsis)
	}
	head := "Usage: " + s.name + " "
	return head + wrap(words, len(head), len("Usage: ")) + "\n"
}

// wrap joins words into lines of at most lineWidth columns; the first line starts at column start, others at indent.
func wrap(words []string, start, indent int) string {
	var b strings.Builder
	column, first := start, true
	for _, w := range words {
		switch {
		case first:
		case column+1+len(w) > lineWidth:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(w)
		column += len(w)
		first = false
	}
	return b.String()
}
