module github.com/piranha-lvs/piranha

go 1.25.0

require (
	github.com/cloudflare/ipvs v0.12.0
	golang.org/x/sys v0.43.0
)
