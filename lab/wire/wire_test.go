package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestStreamSplitsAndKeepsOrder(t *testing.T) {
	var buf bytes.Buffer
	conn := New(&buf)
	want := strings.Repeat("0123456789abcdef", 4000)
	if _, err := io.WriteString(conn.Stream(Stdout), want); err != nil {
		t.Fatal(err)
	}
	if err := conn.WriteStatus(137); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for {
		kind, payload, err := conn.Read()
		if err != nil {
			t.Fatalf("Read: %v", err)
		}
		if kind == Exit {
			if status, err := Status(payload); err != nil || status != 137 {
				t.Errorf("Status = %d, %v, want 137", status, err)
			}
			break
		}
		if len(payload) > Chunk {
			t.Errorf("frame of %d bytes, want at most %d", len(payload), Chunk)
		}
		got.Write(payload)
	}
	if got.String() != want {
		t.Errorf("stream came back changed: %d bytes, want %d", got.Len(), len(want))
	}
	if _, _, err := conn.Read(); !errors.Is(err, io.EOF) {
		t.Errorf("Read at the end = %v, want EOF", err)
	}
}

func TestReadRefusesNoise(t *testing.T) {
	for _, in := range []string{"Kernel panic - not syncing", "O\x00\x00\x00\x05ab", "O\xff\xff\xff\xff"} {
		_, _, err := New(bytes.NewBufferString(in)).Read()
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("Read(%q) = %v, want a plain error", in, err)
		}
	}
}

func TestJobRoundTrip(t *testing.T) {
	want := Job{Argv: []string{"sh", "-c", "echo 'ü \x01'"}, Env: []string{"A=b\nc"}, Dir: "/x y", Out: "/out"}
	text, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeJob(text)
	if err != nil || strings.Join(got.Argv, "|") != strings.Join(want.Argv, "|") || got.Env[0] != want.Env[0] || got.Dir != want.Dir {
		t.Errorf("DecodeJob = %+v, %v, want %+v", got, err, want)
	}
	if _, err := DecodeJob([]byte(`{}`)); err == nil {
		t.Error("DecodeJob of a job without command succeeded")
	}
}
