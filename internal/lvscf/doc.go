// Package lvscf reads, checks and edits lvs.cf, the configuration file of the suite.
//
// A Document keeps every byte of the file. Config gives its meaning: typed, with the defaults filled in, together with
// everything that is wrong or doubtful in the file, each finding with its line. The editing methods change only the
// lines they are about, and Save puts the result in place of the file in one step.
//
// The grammar is a superset of the original's: a file the original accepted means the same here. What is new is marked
// as an extension in Keys, in lvs.cf(5) and by Original, which lists every line the original would not understand.
//
// The package knows no daemon: it neither logs nor looks at the kernel.
package lvscf
