// Package matrix holds the tests of every kind of check against every kind of server: the built nanny, natively, on
// loopback. It has no code of its own.
//
// Each cell runs a nanny as lvsd does and judges it by the first report it writes: the state, and the reason word for word.
//
// Run it with make matrix, which installs the servers it needs. PIRANHA_BIN names the directory of the programs under test,
// bin of this repository by default.
package matrix
