// Package web holds the files of the web panels.
package web

import "embed"

// Files has the directories templates and static.
//
//go:embed templates static
var Files embed.FS
