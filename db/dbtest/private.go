package dbtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// startPrivate starts a server that lives as long as this process: the script
// holds it while its standard input is open, and the system closes that at the
// end of the process, also when it is killed. The caller keeps the returned
// end of it: were it collected as garbage, the server would stop.
func startPrivate() (dsn string, hold io.Closer, err error) {
	script, err := findScript()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command(script, "with", "sh", "-c", `echo "$`+Variable+`"; exec cat`)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if hold, err = cmd.StdinPipe(); err != nil {
		return "", nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return "", nil, fmt.Errorf("%w: %s", errors.Join(err, cmd.Wait()), stderr.String())
	}
	return strings.TrimSpace(line), hold, nil
}

// findScript looks for the script from the test's folder upwards, so that the
// nested test modules find it too.
func findScript() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		script := filepath.Join(dir, ".ci", "postgres")
		if _, err := os.Stat(script); err == nil {
			return script, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New(".ci/postgres: not found above the test's folder")
		}
		dir = filepath.Dir(dir)
	}
}
