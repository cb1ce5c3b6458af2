// Command noproxy says, for each line of cases.txt, which proxy Go's own package takes. Its output is verdicts.txt:
//
//	go run . <cases.txt >verdicts.txt
package main

import (
	"bufio"
	"fmt"
	"net/url"
	"os"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// A line is `NO_PROXY | URL`; the proxies are the same for all.
func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "//") {
			continue
		}
		list, target, found := strings.Cut(line, " | ")
		if !found {
			panic("no ` | ` in: " + line)
		}
		environment := httpproxy.Config{
			HTTPProxy:  "http://plain.proxy:3128",
			HTTPSProxy: "http://secure.proxy:3128",
			NoProxy:    list,
		}
		destination, err := url.Parse(target)
		if err != nil {
			panic(err)
		}
		proxy, err := environment.ProxyFunc()(destination)
		if err != nil {
			panic(err)
		}
		verdict := "direct"
		if proxy != nil {
			verdict = proxy.String()
		}
		fmt.Printf("%s | %s | %s\n", list, target, verdict)
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
}
