// Command dotenv says, for each case of cases.txt, what godotenv makes of it. Its output is verdicts.txt:
//
//	go run . <cases.txt >verdicts.txt
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/joho/godotenv"
)

// A case is one line: a file as a JSON string.
func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "//") {
			continue
		}
		var text string
		if err := json.Unmarshal([]byte(line), &text); err != nil {
			panic(err)
		}
		variables, err := godotenv.Unmarshal(text)
		verdict := "refused"
		if err == nil {
			encoded, err := json.Marshal(variables)
			if err != nil {
				panic(err)
			}
			verdict = string(encoded)
		}
		fmt.Printf("%s\t%s\n", line, verdict)
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
}
