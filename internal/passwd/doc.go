// Package passwd reads and writes the file of the web panels' passwords, which has the form of Apache's htpasswd: one line
// for each account, NAME:HASH.
//
// New hashes are bcrypt. The MD5 and SHA schemes of crypt(3) and Apache's variant of the former are accepted, because
// files of the original and of htpasswd have them; plain text, DES and bare SHA-1 are not.
package passwd
