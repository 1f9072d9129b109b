package savedplan

import (
	"bytes"
	"encoding"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/inventory"
)

var update = flag.Bool("update", false, "write docs/saved-plan.schema.json anew from the code")

const schemaFile = "../../docs/saved-plan.schema.json"

// comments are what the code says of the fields of its types, as "pkg.Type.Field".
func comments(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for pkg, dir := range map[string]string{"savedplan": ".", "deploy": "..", "inventory": "../../inventory"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok {
					return true
				}
				fields, ok := spec.Type.(*ast.StructType)
				if !ok {
					return false
				}
				for _, f := range fields.Fields.List {
					for _, name := range f.Names {
						text := strings.Join(strings.Fields(f.Doc.Text()+" "+f.Comment.Text()), " ")
						out[pkg+"."+spec.Name.Name+"."+name.Name] = text
					}
				}
				return false
			})
		}
	}
	return out
}

// schema writes JSON Schema for Go types.
type schema struct {
	said map[string]string
	defs map[string]any
}

func (s *schema) of(t reflect.Type) map[string]any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case reflect.TypeFor[inventory.Share]():
		return map[string]any{"anyOf": []any{
			map[string]any{"type": "integer", "minimum": 0}, map[string]any{"type": "string", "pattern": "^[0-9]+%$"},
		}}
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return map[string]any{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Struct:
		name := filepath.Base(t.PkgPath()) + "." + t.Name()
		if _, known := s.defs[name]; !known {
			s.defs[name] = nil // no type holds itself, but one could
			s.defs[name] = s.object(t)
		}
		return map[string]any{"$ref": "#/$defs/" + name}
	case reflect.Slice:
		return map[string]any{"type": []string{"array", "null"}, "items": s.of(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": []string{"object", "null"}, "additionalProperties": s.of(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.String:
		return map[string]any{"type": "string"}
	}
	return map[string]any{"type": "integer"}
}

func (s *schema) object(t reflect.Type) map[string]any {
	properties := map[string]any{}
	var required []string
	s.fields(t, properties, &required)
	slices.Sort(required)
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties, "required": required}
}

func (s *schema) fields(t reflect.Type, properties map[string]any, required *[]string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
			continue
		case f.Anonymous:
			s.fields(f.Type, properties, required)
			continue
		}
		p := s.of(f.Type)
		if said := s.said[filepath.Base(t.PkgPath())+"."+t.Name()+"."+f.Name]; said != "" {
			p["description"] = said
		}
		if f.Type == reflect.TypeFor[time.Duration]() {
			p["description"] = strings.TrimSpace(p["description"].(string) + " In nanoseconds.")
		}
		properties[name] = p
		if options == "" {
			*required = append(*required, name)
		}
	}
}

func generated(t *testing.T) []byte {
	t.Helper()
	s := &schema{said: comments(t), defs: map[string]any{}}
	top := s.of(reflect.TypeFor[Document]())
	top["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	top["title"] = "A saved plan of nixdeploy"
	top["$defs"] = s.defs
	document := s.defs["savedplan.Document"].(map[string]any)["properties"].(map[string]any)
	document["nixdeploy_plan"] = map[string]any{"const": Format, "description": "The version of the format: what has another is refused."}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(top); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The published schema says what the code reads, key by key: no more, no less.
func TestTheSchemaIsThatOfTheCode(t *testing.T) {
	want := generated(t)
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/saved-plan.schema.json is not that of the code: go test ./deploy/savedplan -update")
	}
}

// What is written has the keys of the published schema, and those that it calls
// required.
func TestAWrittenPlanObeysTheSchema(t *testing.T) {
	var s struct {
		Defs map[string]struct {
			Properties map[string]map[string]any
			Required   []string
		} `json:"$defs"`
	}
	text, err := os.ReadFile(schemaFile)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	data, err := Encode(document(t))
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	objects := 0
	var obey func(path string, v any, def map[string]any)
	obey = func(path string, v any, def map[string]any) {
		switch v := v.(type) {
		case map[string]any:
			ref, _ := def["$ref"].(string)
			d, ok := s.Defs[strings.TrimPrefix(ref, "#/$defs/")]
			if !ok {
				inner, _ := def["additionalProperties"].(map[string]any)
				for key, value := range v {
					obey(path+"."+key, value, inner)
				}
				return
			}
			objects++
			for _, key := range d.Required {
				if _, there := v[key]; !there {
					t.Errorf("%s lacks %s", path, key)
				}
			}
			for key, value := range v {
				p, known := d.Properties[key]
				if !known {
					t.Errorf("%s has %s, which the schema does not know", path, key)
				}
				obey(path+"."+key, value, p)
			}
		case []any:
			inner, _ := def["items"].(map[string]any)
			for _, value := range v {
				obey(path+"[]", value, inner)
			}
		}
	}
	obey("", doc, map[string]any{"$ref": "#/$defs/savedplan.Document"})
	if objects < 10 {
		t.Errorf("only %d objects were looked at", objects)
	}
}
