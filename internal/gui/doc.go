// Package gui is the web panels: CONTROL/MONITORING, GLOBAL SETTINGS, REDUNDANCY and VIRTUAL SERVERS, as the original had
// them, for one router.
//
// A request passes, in this order: the guard (headers, .htaccess, a password must be set), the sign-in, and a handler of
// one action, in a file of its own: it loads, reads the form, checks, and renders the form again or saves and redirects.
// Reading never writes. Pages work without script, and nothing in them is inline.
package gui
