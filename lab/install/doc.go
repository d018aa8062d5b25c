// Package install has the tests of the Debian package: installed into a fresh Debian root for each router of the lab, served by its
// init scripts, upgraded under load, removed and purged.
package install
