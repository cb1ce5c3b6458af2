// Command webconfig says, for each case of cases.txt, what the exporter-toolkit makes of it. Its output is verdicts.txt:
//
//	go run . <cases.txt >verdicts.txt
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"
)

var named = regexp.MustCompile(`\{\{(.+)\}\}`)

// A case is a line `=== NAME` and the web config below it, which lies beside the files of `files`. `{{FILE}}` stands
// for the text of a file, indented by four spaces.
func main() {
	text, err := io.ReadAll(os.Stdin)
	must(err)
	directory, err := os.MkdirTemp("", "webconfig")
	must(err)
	defer os.RemoveAll(directory)
	must(os.CopyFS(directory, os.DirFS("files")))
	for _, part := range strings.Split("\n"+string(text), "\n=== ")[1:] {
		name, config, _ := strings.Cut(part, "\n")
		config = named.ReplaceAllStringFunc(config, func(reference string) string {
			content, err := os.ReadFile(filepath.Join(directory, reference[2:len(reference)-2]))
			must(err)
			return strings.ReplaceAll(strings.TrimSpace(string(content)), "\n", "\n    ")
		})
		file := filepath.Join(directory, "web.yml")
		must(os.WriteFile(file, []byte(config+"\n"), 0o600))
		verdict := "accepted"
		if err := web.Validate(file); err != nil {
			said := strings.ReplaceAll(err.Error(), directory+"/", "")
			verdict = "refused: " + strings.Join(strings.Fields(said), " ")
		}
		fmt.Printf("%s\t%s\n", name, verdict)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
