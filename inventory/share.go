package inventory

import (
	"fmt"
	"strconv"
	"strings"
)

// Share is a number of hosts or a percentage of a stage. As text, and in JSON,
// it is what hosts.toml has: 2 or "25%".
type Share struct {
	Count   int  // when !Percent
	Percent bool // then Count is 0..100
}

func (s Share) String() string {
	if s.Percent {
		return strconv.Itoa(s.Count) + "%"
	}
	return strconv.Itoa(s.Count)
}

// MarshalJSON writes a number, or a string with a percent sign.
func (s Share) MarshalJSON() ([]byte, error) {
	if s.Percent {
		return []byte(strconv.Quote(s.String())), nil
	}
	return []byte(s.String()), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Share) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	digits, percent := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || percent && n > 100 {
		return fmt.Errorf("reading a share: %s is neither a number nor a percentage", data)
	}
	*s = Share{Count: n, Percent: percent}
	return nil
}
