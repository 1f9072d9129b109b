package journal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// A line is the CRC32C of its JSON in eight hex digits, a space, the JSON and
// a newline. JSON escapes newlines, so a line is always one record.

// version is that of the file format. Fields may be added to events without
// raising it: a reader skips those that it does not know.
const version = 1

// maxRecord bounds one line: far above a plan of ten thousand hosts, far below
// what a damaged file could make a reader hold.
const maxRecord = 256 << 20

const crcDigits = 8

// header is the first line of a journal.
type header struct {
	Version int    `json:"nixdeploy_journal"`
	Run     string `json:"run"`
}

// appendRecord appends the line of v to b. On error b's contents hold.
func appendRecord(b []byte, v any) ([]byte, error) {
	begin := len(b)
	buf := bytes.NewBuffer(b)
	fmt.Fprintf(buf, "%*s", crcDigits+1, "")
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil { // ends with a newline
		return b, fmt.Errorf("encoding an event: %w", err)
	}
	line := buf.Bytes()[begin:]
	if len(line) > maxRecord {
		return b, fmt.Errorf("encoding an event: %d bytes are more than the %d that a record may have", len(line), maxRecord)
	}
	sum := checksum(line[crcDigits+1 : len(line)-1])
	hex.Encode(line, sum[:])
	return buf.Bytes(), nil
}

// payload gives the JSON of a line without its newline; ok is false when the
// line is not one that was written here.
func payload(line []byte) (data []byte, ok bool) {
	if len(line) <= crcDigits || line[crcDigits] != ' ' {
		return nil, false
	}
	var want [4]byte
	if _, err := hex.Decode(want[:], line[:crcDigits]); err != nil {
		return nil, false
	}
	data = line[crcDigits+1:]
	return data, checksum(data) == want
}

func checksum(data []byte) [4]byte {
	sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	return [4]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}
}

// decodeHeader reads the first line; what is wrong with it comes back in words.
func decodeHeader(data []byte, run string) (version int, wrong string) {
	var h header
	if err := json.Unmarshal(data, &h); err != nil || h.Version < 1 {
		return 0, "it does not say that it is a journal"
	}
	if h.Run != run {
		return h.Version, fmt.Sprintf("it is the journal of run %q, not of this one", h.Run)
	}
	return h.Version, ""
}

// decodeEvent reads one event that must have the number seq.
func decodeEvent(data []byte, run string, seq uint64) (e deploy.Event, wrong string) {
	if err := json.Unmarshal(data, &e); err != nil {
		return e, fmt.Sprintf("it is not an event: %v", err)
	}
	if e.Run != run {
		return e, fmt.Sprintf("it is of run %q, not of this one", e.Run)
	}
	if e.Seq != seq {
		return e, fmt.Sprintf("it has number %d where %d belongs", e.Seq, seq)
	}
	return e, ""
}
