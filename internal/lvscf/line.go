package lvscf

import "fmt"

// Statement writes the line that gives a key a value in a new file, without indentation and line end. The value is as for
// Set, which also says what is refused.
func Statement(in Scope, key, value string) (string, error) {
	i := findKey(in, key)
	if i < 0 {
		return "", fmt.Errorf("%w: %s", ErrKey, key)
	}
	k := &keys[i]
	first := plain
	if k.Quoted {
		first = double
	}
	line, ok := composeValue(key+" = ", k, valueWords(k, value), "", first)
	if !ok {
		return "", fmt.Errorf("%w: %s", ErrValue, key)
	}
	return line, nil
}

// DeviceProblem says why a word can be no network device with or without a label, "" if it can.
func DeviceProblem(label string) string { return badDevice(label) }
