// Package importer turns the configuration of another program into an lvs.cf: keepalived.conf, ldirectord.cf, and what
// ipvsadm -S prints.
//
// Each format is read by a function of its own into the same model: virtual servers, their real servers, and notes about
// what lvs.cf has no words for. What the model holds is then written as one lvs.cf, which is parsed and checked as the
// daemons would before anybody sees it. The notes stand in it as comments, so that nothing is lost silently, and what only
// the operator can know is asked for there and not guessed.
//
// The package is pure: it reads no file, and finds names through the lookup it is given.
package importer
