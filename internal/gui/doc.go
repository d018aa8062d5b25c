// Package gui is the web panels: CONTROL/MONITORING, GLOBAL SETTINGS, REDUNDANCY and VIRTUAL SERVERS, as the original had
// them, for one router.
//
// A request passes, in this order: the guard (headers, .htaccess, a password must be set), the sign-in, and a handler of
// one action, in a file of its own: it loads, reads the form, checks, and renders the form again or does what it says and redirects.
// Forms edit one draft (package changes), and an apply alone changes lvs.cf. What acts on the daemons is asked for on a
// page of its own. Reading never writes. Pages work without script, and nothing in them is inline; with script,
// CONTROL/MONITORING is told what changes (package live).
package gui
