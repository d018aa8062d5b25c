// Package e2e holds the tests of the built programs on a kernel with IPVS. It has no code of its own.
//
// Run it with
//
//	go test -exec '/path/to/lab run --' ./e2e
//
// PIRANHA_BIN names the directory of the programs under test, bin of this repository by default. Files written to
// $LAB_OUT survive; every other file system is read-only or memory.
package e2e
