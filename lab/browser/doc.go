// Package browser has tests of the web panels in a real browser, against the built piranha-gui. The daemons behind it are
// records of what they answer, which take orders: a kernel with IPVS would be needed for more.
package browser
