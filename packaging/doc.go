// Package packaging has the tests of what the packages install: units, init scripts, completion, manual, and the packages themselves.
package packaging
