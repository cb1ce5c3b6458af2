// Command passwords makes passwords.tsv: passwords, hashes, and whether they fit, by Go's own bcrypt:
//
//	go run ./passwords >passwords.tsv
package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

func main() {
	long := strings.Repeat("0123456789", 8)
	made := []string{"", "hello", "pä$$wörd", long[:71], long[:72], "a\x00b", "with:colon"}
	for _, password := range made {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), 4)
		if err != nil {
			panic(err)
		}
		text := string(hash)
		for _, form := range []string{text, "$2y" + text[3:], "$2b" + text[3:], "$2" + text[3:], "$1x" + text[3:]} {
			say(password, form)
		}
		say(password+"x", text)
		say("x"+password, text)
		say(password, text[:59]+"z")
		say(password, text[:59])
		say(password, text+"more")
		say(password, text[:7]+"!"+text[8:])
	}
	say(long, mustHash(long[:72]))
}

func mustHash(password string) string {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), 5)
	if err != nil {
		panic(err)
	}
	return string(hash)
}

func say(password, hash string) {
	verdict := "does not fit"
	if bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil {
		verdict = "fits"
	}
	encoded, err := json.Marshal(password)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\t%s\t%s\n", encoded, hash, verdict)
}
