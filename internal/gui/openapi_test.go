package gui

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/piranha-lvs/piranha/internal/gui/api"
	"github.com/piranha-lvs/piranha/web"
)

// schema is what is used of a JSON schema.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       any                `json:"type"` // a word, or two
	Format     string             `json:"format"`
	OneOf      []*schema          `json:"oneOf"`
	Items      *schema            `json:"items"`
	Required   []string           `json:"required"`
	Properties map[string]*schema `json:"properties"`
	Additional any                `json:"additionalProperties"`
}

// content are the schemas of a body, by media type.
type content struct {
	Content map[string]struct {
		Schema *schema `json:"schema"`
	} `json:"content"`
}

// openAPI is web/openapi.json.
type openAPI struct {
	Paths map[string]map[string]struct {
		OperationID string                `json:"operationId"`
		Security    []map[string][]string `json:"security"`
		Body        content               `json:"requestBody"`
		Responses   map[string]content    `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

func readOpenAPI(t *testing.T) openAPI {
	t.Helper()
	text, err := web.Files.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc openAPI
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestOpenAPIRoutes: every route for programs is in the description, with its method, and no other is.
func TestOpenAPIRoutes(t *testing.T) {
	doc, described, routed := readOpenAPI(t), []string{}, []string{}
	for path, methods := range doc.Paths {
		for method := range methods {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	err := chi.Walk(newSite(t).server.router(), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if forProgram(&http.Request{URL: mustURL(t, route)}) {
			routed = append(routed, method+" "+route)
		}
		return nil
	})
	slices.Sort(described)
	slices.Sort(routed)
	if err != nil || !slices.Equal(described, routed) || len(routed) < 15 {
		t.Errorf("described:\n%s\nrouted: %v\n%s", strings.Join(described, "\n"), err, strings.Join(routed, "\n"))
	}
}

// TestOpenAPIScopes: a token that is not for what the description says is refused, and one that is is not.
func TestOpenAPIScopes(t *testing.T) {
	s := newSite(t)
	secrets := map[string]string{"": "piranha_none"}
	for _, scope := range []string{"read", "operate", "configure"} {
		secrets[scope] = s.token(scope)
	}
	for path, methods := range readOpenAPI(t).Paths {
		for method, op := range methods {
			if len(op.Security) == 0 || path == "/api/v1/events" {
				continue
			}
			needed := op.Security[0]["token"][0]
			for scope, secret := range secrets {
				s.server.programs.wrong = newPrograms(s.dir, s.log).wrong
				a := s.program(secret).do(strings.ToUpper(method), strings.NewReplacer("{id}", "1", "{action}", "x").Replace(path), "{")
				want := scope == needed || needed == "read" && scope != ""
				if got := a.status != http.StatusUnauthorized && a.status != http.StatusForbidden; got != want {
					t.Errorf("%s %s with %q: %d %s", method, path, scope, a.status, a.body)
				}
			}
		}
	}
}

// TestOpenAPISchemas: the fields of answers and requests are those of the Go structs, of the same kinds, required where they are
// always there.
func TestOpenAPISchemas(t *testing.T) {
	c := schemas{t: t, all: readOpenAPI(t).Components.Schemas, done: map[string]bool{}}
	for _, value := range []any{
		api.Error{}, api.Status{}, api.Server{}, api.Table{}, api.Config{}, api.Changes{}, api.Diff{}, api.Versions{}, api.Event{}, api.Done{}, api.Partner{}, api.Comparison{},
		api.Edits{}, api.Text{}, api.File{}, api.Apply{}, api.Adopt{}, api.Serial{}, api.Order{}, api.Copy{},
	} {
		c.named(reflect.TypeOf(value))
	}
	for name := range c.all {
		if !c.done[name] {
			t.Errorf("schema %s describes nothing", name)
		}
	}
	doc := readOpenAPI(t)
	for path, methods := range doc.Paths {
		for method, op := range methods {
			for _, body := range append(slices.Collect(maps.Values(op.Responses)), op.Body) {
				for _, media := range body.Content {
					if ref := media.Schema.Ref; ref != "" && c.all[strings.TrimPrefix(ref, schemaRoot)] == nil {
						t.Errorf("%s %s: no schema %s", method, path, ref)
					}
				}
			}
		}
	}
}

const schemaRoot = "#/components/schemas/"

// schemas compares those of the description with types.
type schemas struct {
	t    *testing.T
	all  map[string]*schema
	done map[string]bool
}

func (c *schemas) named(of reflect.Type) {
	c.t.Helper()
	name := of.Name()
	if c.done[name] {
		return
	}
	c.done[name] = true
	s := c.all[name]
	if s == nil {
		c.t.Errorf("no schema %s", name)
		return
	}
	known := map[string]bool{}
	for _, f := range reflect.VisibleFields(of) {
		if f.Anonymous {
			continue
		}
		field, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		known[field] = true
		property := s.Properties[field]
		if property == nil {
			c.t.Errorf("%s.%s is not described", name, field)
			continue
		}
		if slices.Contains(s.Required, field) != (options == "") {
			c.t.Errorf("%s.%s: required %v, options %q", name, field, options != "", options)
		}
		c.same(f.Type, property, name+"."+field)
	}
	for field := range s.Properties {
		if !known[field] {
			c.t.Errorf("%s.%s is described, and not there", name, field)
		}
	}
}

// same compares a type with its schema.
func (c *schemas) same(of reflect.Type, s *schema, where string) {
	c.t.Helper()
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
		if len(s.OneOf) == 2 {
			s = s.OneOf[0]
		}
	}
	kind := s.Type
	if two, ok := kind.([]any); ok {
		kind = two[0]
	}
	want := map[reflect.Kind]string{
		reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int64: "integer", reflect.Uint32: "integer",
		reflect.Float64: "number", reflect.Slice: "array", reflect.Map: "object",
	}[of.Kind()]
	switch {
	case of == reflect.TypeFor[time.Time]():
		if kind != "string" || s.Format != "date-time" {
			c.t.Errorf("%s is no time", where)
		}
	case of == reflect.TypeFor[json.RawMessage]():
		if kind != "object" {
			c.t.Errorf("%s is no object", where)
		}
	case of.Kind() == reflect.Struct:
		if s.Ref != schemaRoot+of.Name() {
			c.t.Errorf("%s is %q, want %s", where, s.Ref, of.Name())
		}
		c.named(of)
	case kind != want:
		c.t.Errorf("%s is %v, want %s", where, kind, want)
	case of.Kind() == reflect.Slice:
		c.same(of.Elem(), s.Items, where+"[]")
	}
}
