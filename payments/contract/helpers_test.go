package contract_test

import (
	"encoding/json"
	"testing"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }
