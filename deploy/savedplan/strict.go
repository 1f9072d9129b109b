package savedplan

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
)

// strict finds the first key that a Document does not have, or that stands
// twice, with its line: encoding/json tells no line, takes the last of two, and
// does not look at the case of letters. data is valid JSON.
func strict(data []byte) *Damage {
	w := walker{dec: json.NewDecoder(bytes.NewReader(data)), data: data}
	return w.found(w.value(reflect.TypeFor[Document](), ""))
}

// lineOf is the line on which the value at path begins to be told, 0 when there
// is none.
func lineOf(data []byte, path string) int {
	w := walker{dec: json.NewDecoder(bytes.NewReader(data)), data: data, wanted: path}
	if d := w.found(w.value(reflect.TypeFor[Document](), "")); d != nil {
		return d.Line
	}
	return 0
}

// walker goes through JSON and a Go type side by side.
type walker struct {
	dec    *json.Decoder
	data   []byte
	wanted string // stop at this path
}

// found is the *Damage in an error, nil for none.
func (w *walker) found(err error) *Damage {
	d, _ := errors.AsType[*Damage](err)
	return d
}

func (w *walker) damage(what, hint string) *Damage {
	return &Damage{Line: line(w.data, w.dec.InputOffset()), What: what, Hint: hint}
}

func (w *walker) value(t reflect.Type, path string) error {
	token, err := w.dec.Token()
	if err != nil {
		return err
	}
	if w.wanted != "" && path == w.wanted {
		return w.damage(path, "")
	}
	switch token {
	case json.Delim('['):
		return w.list(t, path)
	case json.Delim('{'):
		return w.object(t, path)
	}
	return nil
}

func (w *walker) list(t reflect.Type, path string) error {
	var elem reflect.Type
	if t = plain(t); t != nil && t.Kind() == reflect.Slice {
		elem = t.Elem()
	}
	for i := 0; w.dec.More(); i++ {
		if err := w.value(elem, fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	_, err := w.dec.Token()
	return err
}

func (w *walker) object(t reflect.Type, path string) error {
	t = plain(t)
	var known map[string]reflect.Type
	if t != nil && t.Kind() == reflect.Struct {
		known = keysOfStruct(t)
	}
	seen := map[string]bool{}
	for w.dec.More() {
		token, err := w.dec.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string) // a key of an object is one
		at := strings.TrimPrefix(path+"."+key, ".")
		inner, ok := known[key]
		switch {
		case seen[key]:
			return w.damage(at+" stands there twice", again)
		case known != nil && !ok:
			return w.damage(fmt.Sprintf("unknown key %s", at), "it was not written by this version of nixdeploy; "+again)
		case t != nil && t.Kind() == reflect.Map:
			inner = t.Elem()
		}
		seen[key] = true
		if err := w.value(inner, at); err != nil {
			return err
		}
	}
	_, err := w.dec.Token()
	return err
}

// plain is the type behind pointers, nil for one that reads its JSON itself.
func plain(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) ||
		reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return nil
	}
	return t
}

// keysOfStruct are the JSON keys of a struct, those of embedded ones among them.
func keysOfStruct(t reflect.Type) map[string]reflect.Type {
	keys := map[string]reflect.Type{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case f.Anonymous && name == "":
			maps.Copy(keys, keysOfStruct(f.Type))
		case name == "":
			keys[f.Name] = f.Type
		default:
			keys[name] = f.Type
		}
	}
	return keys
}
