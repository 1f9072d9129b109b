package savedplan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// MaxBytes bounds a file, written and read. Each host has all of its own: a plan of
// a thousand hosts that fetch a release has a few hundred MiB.
const MaxBytes = 512 << 20

// Damage says why bytes are no saved plan, and where. A retry does not help.
type Damage struct {
	Line int // from 1; 0 when no line is to blame
	What string
	Hint string // what to do
}

func (d *Damage) Error() string {
	if d.Line > 0 {
		return fmt.Sprintf("line %d: %s", d.Line, d.What)
	}
	return d.What
}

const again = "make it anew: nixdeploy plan --out FILE"

// Encode writes a Document as Decode reads it. It fails for one that Decode
// would refuse.
func Encode(d *Document) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(d); err != nil {
		return nil, fmt.Errorf("writing a plan: %w", err)
	}
	if _, err := Decode(b.Bytes()); err != nil {
		return nil, fmt.Errorf("writing a plan: %w", err)
	}
	return b.Bytes(), nil
}

// Decode reads a saved plan: all of it, and nothing that it does not know. The
// error is a *Damage.
func Decode(data []byte) (*Document, error) {
	if len(data) > MaxBytes {
		return nil, &Damage{What: fmt.Sprintf("the file is larger than %d MiB", MaxBytes>>20), Hint: "plan fewer hosts at once: --stage or --on"}
	}
	var head struct {
		Format *int `json:"nixdeploy_plan"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, damaged(data, err)
	}
	switch {
	case head.Format == nil:
		return nil, &Damage{What: `this is no saved plan: "nixdeploy_plan" is missing`, Hint: again}
	case *head.Format > Format:
		return nil, &Damage{
			What: fmt.Sprintf("this plan has format %d, and this nixdeploy knows %d", *head.Format, Format),
			Hint: "apply it with the version that made it, or a newer one",
		}
	case *head.Format < Format:
		return nil, &Damage{What: fmt.Sprintf("this plan has format %d, which no nixdeploy writes", *head.Format), Hint: again}
	}
	if d := strict(data); d != nil {
		return nil, d
	}
	var doc Document
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, damaged(data, err)
	}
	if path, what := doc.check(); what != "" {
		return nil, &Damage{Line: lineOf(data, path), What: path + ": " + what, Hint: again}
	}
	return &doc, nil
}

// damaged words what encoding/json says.
func damaged(data []byte, err error) *Damage {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax) && int(syntax.Offset) >= len(data):
		return &Damage{Line: line(data, syntax.Offset), What: "the file ends in the middle", Hint: again}
	case errors.As(err, &syntax):
		return &Damage{Line: line(data, syntax.Offset), What: "not JSON: " + syntax.Error(), Hint: again}
	case errors.As(err, &kind):
		return &Damage{Line: line(data, kind.Offset), What: fmt.Sprintf("%s: this is a JSON %s", kind.Field, kind.Value), Hint: again}
	}
	return &Damage{What: err.Error(), Hint: again}
}

// line is the line of data in which the byte before offset stands.
func line(data []byte, offset int64) int {
	at := min(max(int(offset)-1, 0), len(data))
	return 1 + bytes.Count(data[:at], []byte("\n"))
}
