// Package web holds the files of the web panels.
package web

import "embed"

// Files has the directories templates and static, and openapi.json.
//
//go:embed templates static openapi.json
var Files embed.FS
